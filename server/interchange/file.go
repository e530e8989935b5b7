package interchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// file is one file of a partition on its way.
type file struct {
	from     string // path
	to       string // below the build
	bytes    int64
	modified time.Time
	mode     fs.FileMode
	link     bool
	// unsettled is one of a segment that is not below the recovery point.
	unsettled bool
}

// segment splits the file's name, if it is a segment's.
func (f *file) segment() (base int64, suffix string, ok bool) {
	return segmentFile(filepath.Base(f.from))
}

// index tells whether the file is an index by offset or time.
func (f *file) index() bool {
	return strings.HasSuffix(f.from, ".index") || strings.HasSuffix(f.from, ".timeindex")
}

// copyChunk is what is copied between two calls of progress.
const copyChunk = 1 << 20

// bring puts the file below the build. It is not durable yet.
func (f *file) bring(build string, progress func(bytes int64) error) error {
	to := filepath.Join(build, f.to)
	if f.link {
		if err := os.Link(f.from, to); err != nil {
			return fmt.Errorf("%w: copying works across file systems and owners", err)
		}
		return progress(f.bytes)
	}
	src, err := os.Open(f.from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode|0o600)
	if err != nil {
		return err
	}
	err = f.copy(dst, src, progress)
	if err = errors.Join(err, dst.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", f.from, err)
	}
	// Kafka goes by it where a segment's records tell no time.
	return os.Chtimes(to, time.Time{}, f.modified)
}

var errChanged = errors.New("it changes while it is being copied")

func (f *file) copy(dst io.Writer, src io.Reader, progress func(int64) error) error {
	for left := f.bytes; left > 0; {
		n, err := io.CopyN(dst, src, min(left, copyChunk))
		left -= n
		if errors.Is(err, io.EOF) {
			return errChanged
		}
		if err == nil {
			err = progress(n)
		}
		if err != nil {
			return err
		}
	}
	if n, err := src.Read(make([]byte, 1)); n > 0 {
		return errChanged
	} else if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// exists tells whether a name is taken, by whatever.
func exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
