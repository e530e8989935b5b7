package logstore

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"moldau/logstore/vfs"
)

// indexFile is an index's file, open only while it is worked on: an index lives
// in memory or in a mapping, which outlives the descriptor, so that a segment
// holds one descriptor and not three.
type indexFile struct {
	fs       vfs.FS
	readOnly bool
	// optional tells that only writing makes the file; to whoever reads it may be
	// missing.
	optional bool

	mu     sync.Mutex
	name   string   // under mu
	file   vfs.File // under mu; nil at rest
	unborn bool     // under mu; there is no file of that name yet
}

// create makes the file empty, and leaves it at rest.
func (f *indexFile) create() error {
	file, err := f.fs.OpenFile(f.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return err
	}
	return file.Close()
}

// bear creates a file that nobody has needed yet.
func (f *indexFile) bear() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.unborn {
		return nil
	}
	err := f.create()
	f.unborn = err != nil
	return err
}

// opened is the file, opened if it was at rest. A missing one is created, or
// taken for empty where nothing may be written: it is built anew either way. One
// that is optional is created to be written only.
func (f *indexFile) opened(write bool) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		return f.file, nil
	}
	flag := os.O_RDWR
	if f.readOnly {
		flag = os.O_RDONLY
	}
	file, err := f.fs.OpenFile(f.name, flag, filePerm)
	if errors.Is(err, fs.ErrNotExist) {
		switch {
		case f.readOnly:
			file, err = emptyFile{}, nil
		case write || !f.optional:
			file, err = f.fs.OpenFile(f.name, flag|os.O_CREATE, filePerm)
		}
	}
	if err != nil {
		return nil, err
	}
	f.file, f.unborn = file, false
	return file, nil
}

// rest closes the descriptor. What was written is in the file by then. There may
// be no file of a segment that was not made to its end.
func (f *indexFile) rest() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

// isNamed tells what the file, which there is none of so far, is called.
func (f *indexFile) isNamed(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.name = name
}

// rename puts the file in the place of another.
func (f *indexFile) rename(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.fs.Rename(f.name, name)
	if err == nil {
		f.name = name
	}
	return err
}

func (f *indexFile) ReadAt(p []byte, off int64) (int, error) {
	file, err := f.opened(false)
	if err != nil {
		return 0, err
	}
	return file.ReadAt(p, off)
}

func (f *indexFile) WriteAt(p []byte, off int64) (int, error) {
	file, err := f.opened(true)
	if err != nil {
		return 0, err
	}
	return file.WriteAt(p, off)
}

func (f *indexFile) Truncate(size int64) error {
	file, err := f.opened(true)
	if err != nil {
		return err
	}
	return file.Truncate(size)
}

func (f *indexFile) Sync() error {
	file, err := f.opened(true)
	if err != nil {
		return err
	}
	return file.Sync()
}

func (f *indexFile) Size() (int64, error) {
	file, err := f.opened(false)
	if err != nil {
		return 0, err
	}
	return file.Size()
}

func (f *indexFile) OSFile() *os.File {
	file, err := f.opened(false)
	if err != nil {
		return nil
	}
	return file.OSFile()
}
