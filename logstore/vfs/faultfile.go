package vfs

import (
	"cmp"
	"errors"
	"io"
	"os"
	"syscall"
)

// faultFile is an open file of a Fault.
type faultFile struct {
	fs    *Fault
	inner File
	name  string
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.begin(Op{Kind: OpRead, Name: f.name, Offset: off, Length: int64(len(p))}); err != nil {
		return 0, err
	}
	return f.inner.ReadAt(p, off)
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.fs.begin(Op{Kind: OpWrite, Name: f.name, Offset: off, Length: int64(len(p))})
	if err != nil {
		return f.writeShort([][]byte{p}, off, err)
	}
	return f.inner.WriteAt(p, off)
}

func (f *faultFile) WritevAt(bufs [][]byte, off int64) (int, error) {
	total := int64(0)
	for _, b := range bufs {
		total += int64(len(b))
	}
	err := f.fs.begin(Op{Kind: OpWrite, Name: f.name, Offset: off, Length: total})
	if err != nil {
		return f.writeShort(bufs, off, err)
	}
	return f.inner.WritevAt(bufs, off)
}

// writeShort writes what the hook's error lets through.
func (f *faultFile) writeShort(bufs [][]byte, off int64, err error) (int, error) {
	var short *shortWrite
	if !errors.As(err, &short) {
		return 0, err
	}
	left := max(short.n, 0)
	prefix := make([][]byte, 0, len(bufs))
	for _, b := range bufs {
		b = b[:min(len(b), left)]
		left -= len(b)
		prefix = append(prefix, b)
	}
	n, innerErr := f.inner.WritevAt(prefix, off)
	return n, cmp.Or(innerErr, err)
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.fs.begin(Op{Kind: OpTruncate, Name: f.name, Length: size}); err != nil {
		return err
	}
	return f.inner.Truncate(size)
}

func (f *faultFile) Sync() error {
	if err := f.fs.begin(Op{Kind: OpSync, Name: f.name}); err != nil {
		if errors.Is(err, syscall.EIO) {
			failSync(f.inner)
		}
		return err
	}
	return f.inner.Sync()
}

func (f *faultFile) Size() (int64, error) {
	if f.fs.Crashed() {
		return 0, pathError("size", f.name, ErrCrashed)
	}
	return f.inner.Size()
}

// Close closes the inner file whatever the hook says: a test that makes
// closing fail is not to leak descriptors.
func (f *faultFile) Close() error {
	err := f.fs.begin(Op{Kind: OpClose, Name: f.name})
	return cmp.Or(err, f.inner.Close())
}

func (f *faultFile) OSFile() *os.File { return f.inner.OSFile() }

type faultLock struct {
	fs    *Fault
	inner io.Closer
	name  string
}

// Close gives up the lock whatever the hook says, as faultFile's does.
func (l *faultLock) Close() error {
	err := l.fs.begin(Op{Kind: OpClose, Name: l.name})
	return cmp.Or(err, l.inner.Close())
}
