package vfs

import (
	"errors"
	"io/fs"
	"os"
)

// checkName refuses names that are not in their one spelling. Cleaning them
// would do for OS, but then Mem, Fault's hooks and traces of operations would
// know one file by several names.
func checkName(op, name string) error {
	if fs.ValidPath(name) {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
}

// checkOpen checks the arguments of OpenFile.
func checkOpen(name string, flag int) error {
	const known = os.O_RDONLY | os.O_RDWR | os.O_CREATE | os.O_EXCL | os.O_TRUNC
	ok := flag&^known == 0
	if flag&os.O_TRUNC != 0 && flag&os.O_RDWR == 0 {
		ok = false // POSIX leaves open what this does
	}
	if flag&os.O_EXCL != 0 && flag&os.O_CREATE == 0 {
		ok = false // likewise
	}
	if !ok {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return checkName("open", name)
}

// pathError names operation and file, once.
func pathError(op, name string, err error) error {
	if err == nil || errors.As(err, new(*fs.PathError)) {
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
