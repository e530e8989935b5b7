package limit

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// File is written to by one at a time.
type File struct {
	f  *os.File
	mu sync.Mutex
	at int64 // under mu
	// over is where a file that is overwritten begins anew, 0 for one that grows.
	over int64
}

// CreateFile makes one that grows.
func CreateFile(name string) (*File, error) {
	f, err := os.Create(name)
	return &File{f: f}, err
}

// CreateOverwritten makes one of so many bytes that is written round and round, as a
// journal is: a sync of it has no length and no new blocks to make durable.
func CreateOverwritten(name string, bytes int64) (*File, error) {
	f, err := CreateFile(name)
	if err != nil {
		return nil, err
	}
	f.over = bytes
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < bytes; at += int64(len(zeros)) {
		if _, err := f.f.WriteAt(zeros[:min(int64(len(zeros)), bytes-at)], at); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Append writes b behind what was written last.
func (f *File) Append(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over > 0 && f.at+int64(len(b)) > f.over {
		f.at = 0
	}
	if _, err := f.f.WriteAt(b, f.at); err != nil {
		return err
	}
	f.at += int64(len(b))
	return nil
}

// Sync makes durable what was written before.
func (f *File) Sync() error { return os.NewSyscallError("fdatasync", unix.Fdatasync(int(f.f.Fd()))) }

// Fd is its descriptor.
func (f *File) Fd() int { return int(f.f.Fd()) }

// Close closes it.
func (f *File) Close() error { return f.f.Close() }
