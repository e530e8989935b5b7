package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// aside keeps what the journal holds of a log that cannot take it: its files
// have rotted, or could not be opened. The journal begins anew with an open, and
// what it acknowledged is not to go with it.
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

// closeAside makes what was set aside durable.
func (r *recovery) closeAside() error {
	a := &r.aside
	if a.file == nil {
		return nil
	}
	err := errors.Join(a.file.Sync(), a.file.Close())
	if err == nil {
		err = r.log.store.fs.SyncDir(r.log.dir)
	}
	if err == nil && r.failed != nil {
		r.failed = fmt.Errorf("%w; what the journal holds of it is kept in %s", r.failed, a.name)
	}
	return err
}
