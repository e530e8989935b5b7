package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// beneath opens the root for openBeneath. It is nil where the kernel has no
// openat2, or a sandbox keeps it from us.
func beneath(root *os.Root) *os.File {
	dir, err := root.Open(".")
	if err != nil {
		return nil
	}
	f, err := openBeneath(dir, root.Name(), ".", unix.O_PATH, 0)
	if err != nil {
		_ = dir.Close()
		return nil
	}
	_ = f.Close()
	return dir
}

// openBeneath opens a file below dir with one system call, whatever the depth:
// os.Root makes one for each part of the name. Both refuse the same, that is
// symbolic links and ".." that lead out of dir, and absolute ones.
// errors.ErrUnsupported tells that the kernel could not find out, because
// directories were renamed meanwhile.
func openBeneath(dir *os.File, dirName, name string, flag int, perm fs.FileMode) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flag | unix.O_CLOEXEC | unix.O_LARGEFILE), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	if flag&os.O_CREATE != 0 {
		how.Mode = uint64(perm.Perm()) // it must be 0 otherwise
	}
	c, err := dir.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var openErr error
	err = c.Control(func(below uintptr) {
		for {
			if fd, openErr = unix.Openat2(int(below), name, &how); openErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrClosed}
	}
	if openErr == unix.EAGAIN {
		return nil, errors.ErrUnsupported
	}
	if openErr != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: openErr}
	}
	return os.NewFile(uintptr(fd), filepath.Join(dirName, name)), nil
}

// statBeneath describes what openBeneath would open, or, if it is one, the
// symbolic link.
func statBeneath(dir *os.File, dirName, name string, link bool) (fs.FileInfo, error) {
	flag := unix.O_PATH
	if link {
		flag |= unix.O_NOFOLLOW
	}
	f, err := openBeneath(dir, dirName, name, flag, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return info, errors.Join(err, f.Close())
}

// renameBeneath renames within a directory, which is opened as openBeneath opens:
// os.Root opens it twice, part by part. To rename over a directory is left to that,
// with errors.ErrUnsupported: it refuses what the system would do.
func renameBeneath(dir *os.File, dirName, in, from, to string) error {
	parent, err := openBeneath(dir, dirName, in, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer parent.Close()
	c, err := parent.SyscallConn()
	if err != nil {
		return err
	}
	var renameErr error
	err = c.Control(func(fd uintptr) {
		var over unix.Stat_t
		if unix.Fstatat(int(fd), to, &over, unix.AT_SYMLINK_NOFOLLOW) == nil && over.Mode&unix.S_IFMT == unix.S_IFDIR {
			renameErr = errors.ErrUnsupported
			return
		}
		for {
			if renameErr = unix.Renameat(int(fd), from, int(fd), to); renameErr != unix.EINTR {
				return
			}
		}
	})
	if renameErr == errors.ErrUnsupported {
		return renameErr
	}
	if err == nil && renameErr != nil {
		err = &os.LinkError{Op: "rename", Old: filepath.Join(in, from), New: filepath.Join(in, to), Err: renameErr}
	}
	return err
}
