package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"moldau/bench/disk"
	"moldau/bench/limit"
	"moldau/logstore/record"
)

// file is appended to by one at a time.
type file struct {
	f  *os.File
	mu sync.Mutex
	at int64 // under mu
	// limit is where a file that is overwritten begins anew, 0 for one that grows.
	limit int64
}

func (f *file) append(batch []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limit > 0 && f.at+int64(len(batch)) > f.limit {
		f.at = 0
	}
	if _, err := f.f.WriteAt(batch, f.at); err != nil {
		return err
	}
	f.at += int64(len(batch))
	return nil
}

func (f *file) sync() error {
	return os.NewSyscallError("fdatasync", unix.Fdatasync(int(f.f.Fd())))
}

// files is a limit program: some files, and syncs that are shared.
type files struct {
	files []*file            // a log's is at its number, modulo
	syncs []*limit.GroupSync // the same
}

func (l *files) put(log int, batch []byte) error {
	if b := record.Batch(batch); b.ComputeCRC() != b.CRC() {
		return record.ErrCRC
	}
	if err := l.files[log%len(l.files)].append(batch); err != nil {
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
		failed = errors.Join(failed, f.f.Close())
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
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.files = append(l.files, &file{f: f})
	}
	return l, nil
}

func openOneFile(dir string, _ row, _ *options) (target, error) {
	return openPerFile(dir, row{logs: 1}, nil)
}

// overwriteBytes is as much as a journal may be large.
const overwriteBytes = 256 << 20

func openOverwrite(dir string, _ row, _ *options) (target, error) {
	l, err := newFiles(dir, 1)
	if err != nil {
		return nil, err
	}
	f := l.files[0]
	f.limit = overwriteBytes
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < overwriteBytes; at += int64(len(zeros)) {
		if _, err := f.f.WriteAt(zeros, at); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	l.syncs = []*limit.GroupSync{{Sync: f.sync}}
	return l, nil
}

func openPerFile(dir string, r row, _ *options) (target, error) {
	l, err := newFiles(dir, r.logs)
	if err != nil {
		return nil, err
	}
	for _, f := range l.files {
		l.syncs = append(l.syncs, &limit.GroupSync{Sync: f.sync})
	}
	return l, nil
}

func openSyncFS(dir string, r row, _ *options) (target, error) {
	l, err := newFiles(dir, r.logs)
	if err != nil {
		return nil, err
	}
	root := int(l.files[0].f.Fd())
	l.syncs = []*limit.GroupSync{{Sync: func() error { return os.NewSyscallError("syncfs", unix.Syncfs(root)) }}}
	return l, nil
}
