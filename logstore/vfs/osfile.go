package vfs

import (
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
)

// osFile is an open file of the operating system.
type osFile struct {
	f *os.File
	// raw gives the descriptor to system calls that os.File does not make. Its
	// Control holds the descriptor open without excluding others, which neither
	// Fd (a concurrent Close may recycle the number) nor raw.Write (an append
	// would wait for a sync) do.
	raw  syscall.RawConn
	name string // relative to the root, for errors

	untried atomic.Int32 // so many reads are not tried without waiting; below 0, none is
	tries   atomic.Uint32
}

func newOSFile(f *os.File, name string, flag int) (*osFile, error) {
	if flag&os.O_RDWR == 0 || runtime.GOOS == "windows" {
		// A directory opens for reading on Unix, and would fail at the first read.
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
		}
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &osFile{f: f, raw: raw, name: name}, nil
}

// control runs a system call on the descriptor.
func (f *osFile) control(run func(fd uintptr)) error {
	if f.raw.Control(run) != nil {
		return fs.ErrClosed // it has no other reason, and its own error hides this one
	}
	return nil
}

func (f *osFile) WriteAt(p []byte, off int64) (int, error) { return f.f.WriteAt(p, off) }
func (f *osFile) Truncate(size int64) error                { return f.f.Truncate(size) }
func (f *osFile) Close() error                             { return f.f.Close() }
func (f *osFile) OSFile() *os.File                         { return f.f }

func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	n := f.readCached(p, off)
	if n == len(p) && n > 0 {
		return n, nil
	}
	rest, err := f.f.ReadAt(p[n:], off+int64(n))
	return n + rest, err
}

func (f *osFile) WritevAt(bufs [][]byte, off int64) (int, error) {
	n, err := writevAt(f, bufs, off)
	if err != nil {
		err = &fs.PathError{Op: "writev", Path: f.name, Err: err}
	}
	return n, err
}

func (f *osFile) Sync() error {
	if err := datasync(f); err != nil {
		return &fs.PathError{Op: "sync", Path: f.name, Err: err}
	}
	return nil
}

func (f *osFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
