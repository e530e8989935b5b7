package server

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/metadata"
)

// metadataLogDir is where the metadata log lies.
const metadataLogDir = metadataStore + "/logs/__metadata-0"

// cutSuffix ends the names of files that the engine keeps of what it cut off a
// log although whole batches were in it.
const cutSuffix = ".cut"

// refuseCutMetadata keeps a broker from starting without commands that it has
// acknowledged. In the metadata log each is durable before the next is written,
// so what was cut and is whole cannot be a torn tail: the disk lost something
// before it. The files are looked for, because the event that tells of them comes
// once, and the broker may be started again.
func refuseCutMetadata(fsys vfs.FS, dataDir string) error {
	entries, err := fsys.ReadDir(metadataLogDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), cutSuffix) {
			return fmt.Errorf("the metadata log was damaged, and acknowledged changes to topics behind the damage were cut off and kept in %s: "+
				"restore %s from a backup, or move that file away to start without these changes "+
				"(the logs of topics that are unknown then are set aside, not deleted)",
				filepath.Join(dataDir, metadataLogDir, e.Name()), filepath.Join(dataDir, metadataStore))
		}
	}
	return nil
}

// metadataRecordsMin is what the first start of a cluster writes: its id, and
// this broker.
const metadataRecordsMin = 2

// checkMetadata refuses logs whose metadata is gone, or never was ours: to set
// all of them aside is not what anybody wants who lost a directory, or has
// pointed us at a Kafka's.
func checkMetadata(img *metadata.Image, store *logstore.Store) error {
	if img.Offset() >= metadataRecordsMin {
		return nil
	}
	logs := store.Logs()
	if len(logs) == 0 {
		return nil
	}
	return fmt.Errorf("there are logs, %s for one, but no metadata that knows them: %s is missing or new", logs[0].Name(), metadataStore)
}
