//go:build unix && !linux

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// posixLocks are the files this process has locked. POSIX locks belong to the
// process: a second one would be granted, and closing any descriptor of the
// file ends the first. So the second is refused before it opens the file.
var posixLocks struct {
	sync.Mutex
	held []*posixLock
}

type posixLock struct {
	f    *os.File
	info fs.FileInfo // identifies the file
}

// lockFile takes a POSIX lock, which conflicts with the one of Java's
// FileChannel; flock does not everywhere.
func lockFile(root *os.Root, name string) (io.Closer, error) {
	posixLocks.Lock()
	defer posixLocks.Unlock()
	if info, err := root.Stat(name); err == nil {
		for _, l := range posixLocks.held {
			if os.SameFile(l.info, info) {
				return nil, ErrLocked
			}
		}
	}
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = fcntlLock(f, unix.F_SETLK)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &posixLock{f: f, info: info}
	posixLocks.held = append(posixLocks.held, l)
	return l, nil
}

func (l *posixLock) Close() error {
	posixLocks.Lock()
	defer posixLocks.Unlock()
	posixLocks.held = slices.DeleteFunc(posixLocks.held, func(h *posixLock) bool { return h == l })
	return l.f.Close()
}
