package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"moldau/bench/disk"
	"moldau/bench/limit"
	"moldau/logstore/record"
)

// files is a limit program: some files, and syncs that are shared.
type files struct {
	files []*limit.File      // a log's is at its number, modulo
	syncs []*limit.GroupSync // the same
}

func (l *files) put(log int, batch []byte) error {
	if b := record.Batch(batch); b.ComputeCRC() != b.CRC() {
		return record.ErrCRC
	}
	if err := l.files[log%len(l.files)].Append(batch); err != nil {
		return err
	}
	return l.syncs[log%len(l.syncs)].Wait()
}

// settle finds all in place: everything was synced in its own file.
func (l *files) settle() error {
	var failed error
	for _, g := range l.syncs {
		failed = errors.Join(failed, g.Sync())
	}
	return failed
}

func (l *files) close() error {
	var failed error
	for _, f := range l.files {
		failed = errors.Join(failed, f.Close())
	}
	return failed
}

func (l *files) syncCount() (n int64) {
	for _, g := range l.syncs {
		n += g.Syncs()
	}
	return n
}

func (l *files) journal() disk.Journal { return disk.Journal{} }

func newFiles(dir string, count int) (*files, error) {
	l := &files{}
	for i := range count {
		f, err := limit.CreateFile(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.files = append(l.files, f)
	}
	return l, nil
}

func openOneFile(dir string, _ row, _ *options) (target, error) {
	return openPerFile(dir, row{logs: 1}, nil)
}

// overwriteBytes is as much as a journal may be large.
const overwriteBytes = 256 << 20

func openOverwrite(dir string, _ row, _ *options) (target, error) {
	f, err := limit.CreateOverwritten(filepath.Join(dir, "0"), overwriteBytes)
	if err != nil {
		return nil, err
	}
	return &files{files: []*limit.File{f}, syncs: []*limit.GroupSync{{Sync: f.Sync}}}, nil
}

func openPerFile(dir string, r row, _ *options) (target, error) {
	l, err := newFiles(dir, r.logs)
	if err != nil {
		return nil, err
	}
	for _, f := range l.files {
		l.syncs = append(l.syncs, &limit.GroupSync{Sync: f.Sync})
	}
	return l, nil
}

func openSyncFS(dir string, r row, _ *options) (target, error) {
	l, err := newFiles(dir, r.logs)
	if err != nil {
		return nil, err
	}
	root := l.files[0].Fd()
	l.syncs = []*limit.GroupSync{{Sync: func() error { return os.NewSyscallError("syncfs", unix.Syncfs(root)) }}}
	return l, nil
}
