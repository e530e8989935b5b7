package vfs

import (
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// memFile is an open file of a Mem.
type memFile struct {
	fs       *Mem
	node     *memNode
	name     string // it was opened by, for errors
	writable bool
	closed   atomic.Bool
}

// begin shares the tree's lock for one operation; the caller gives it up
// whatever begin returns.
func (f *memFile) begin() error {
	f.fs.ops.Add(1)
	f.fs.mu.RLock()
	return f.usable()
}

func (f *memFile) usable() error {
	if err := f.fs.alive(); err != nil {
		return err
	}
	if f.closed.Load() {
		return fs.ErrClosed
	}
	return nil
}

// beginChange is begin for what writes up to the position end.
func (f *memFile) beginChange(off, end int64) error {
	err := f.begin()
	switch {
	case err != nil:
		return err
	case !f.writable:
		return syscall.EBADF
	case off < 0:
		return fs.ErrInvalid
	case end > memFileBytesMax || end < off:
		return syscall.EFBIG
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	err := f.begin()
	defer f.fs.mu.RUnlock()
	if err == nil && off < 0 {
		err = fs.ErrInvalid
	}
	if err != nil {
		return 0, pathError("read", f.name, err)
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	return f.node.content.current.readAt(p, off)
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.beginChange(off, off+int64(len(p)))
	defer f.fs.mu.RUnlock()
	if err != nil {
		return 0, pathError("write", f.name, err)
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.modified = time.Time{}
	fits := f.fs.reserve(f.node, off, int64(len(p)))
	f.node.content.writeAt(p[:fits], off)
	return fits, f.full("write", fits, len(p))
}

// full is the error of a write of which only a part did fit.
func (f *memFile) full(op string, fits, length int) error {
	if fits == length {
		return nil
	}
	return pathError(op, f.name, syscall.ENOSPC)
}

func (f *memFile) WritevAt(bufs [][]byte, off int64) (int, error) {
	total := 0
	for _, b := range bufs {
		total += len(b)
	}
	err := f.beginChange(off, off+int64(total))
	defer f.fs.mu.RUnlock()
	if err != nil {
		return 0, pathError("writev", f.name, err)
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.modified = time.Time{}
	fits := f.fs.reserve(f.node, off, int64(total))
	left := fits
	for _, b := range bufs {
		b = b[:min(left, len(b))]
		f.node.content.writeAt(b, off)
		off += int64(len(b))
		left -= len(b)
	}
	return fits, f.full("writev", fits, total)
}

func (f *memFile) Truncate(size int64) error {
	err := f.beginChange(size, size)
	defer f.fs.mu.RUnlock()
	if err != nil {
		return pathError("truncate", f.name, err)
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.fs.truncate(f.node, size)
	return nil
}

// Sync makes the content durable, but not the name: that is its directory's.
func (f *memFile) Sync() error {
	err := f.begin()
	defer f.fs.mu.RUnlock()
	if err != nil {
		return pathError("sync", f.name, err)
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.content.sync()
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.RLock()
	defer f.fs.mu.RUnlock()
	if err := f.usable(); err != nil {
		return 0, pathError("stat", f.name, err)
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	return f.node.content.current.size, nil
}

func (f *memFile) Close() error {
	err := f.begin()
	defer f.fs.mu.RUnlock()
	if err == nil && f.closed.Swap(true) {
		err = fs.ErrClosed
	}
	if err == nil {
		f.fs.closed(f.node)
	}
	return pathError("close", f.name, err)
}

func (f *memFile) OSFile() *os.File { return nil }
