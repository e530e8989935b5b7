package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// aside keeps what the journal holds of a log that cannot take it, because its
// files have rotted. The journal begins anew with an open, and what it
// acknowledged is not to go with it.
type aside struct {
	file  vfs.File // nil before the first
	name  string
	bytes int64
}

// setAside adds batches of the journal to a file in the log's directory.
func (r *recovery) setAside(h journal.Header, batches []byte) error {
	a, fsys := &r.aside, r.log.store.fs
	if a.file == nil {
		for i := 1; ; i++ {
			a.name = r.log.file(fmt.Sprintf("%020d.journal-%d%s", h.First, i, cutSuffix))
			_, err := fsys.Stat(a.name)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				return err
			}
		}
		f, err := fsys.OpenFile(a.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
		if err != nil {
			return spaceError(err)
		}
		a.file = f
		r.kept = append(r.kept, a.name)
	}
	n, err := a.file.WriteAt(batches, a.bytes)
	a.bytes += int64(n)
	return spaceError(err)
}

// closeAside makes what was set aside durable. Of a log that has failed it is
// pending instead.
func (r *recovery) closeAside(failed bool) error {
	a, fsys := &r.aside, r.log.store.fs
	if a.file == nil {
		return nil
	}
	if failed {
		return errors.Join(a.file.Close(), fsys.Remove(a.name))
	}
	if err := errors.Join(a.file.Sync(), a.file.Close()); err != nil {
		_ = fsys.Remove(a.name) // it is pending, and the next attempt would leave another
		return spaceError(err)
	}
	return fsys.SyncDir(r.log.dir)
}
