package interchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// file is one file of a partition on its way.
type file struct {
	from     string // path
	to       string // below the build
	bytes    int64
	modified time.Time
	link     bool
	// unsettled is one of a segment that is not below the recovery point.
	unsettled bool
}

const logSuffix = ".log"

// index tells whether the file is an index by offset or time.
func (f *file) index() bool {
	return strings.HasSuffix(f.from, ".index") || strings.HasSuffix(f.from, ".timeindex")
}

// partitionFiles lists what comes along of a partition's directory. What is never
// written to again may be linked: data of segments that are sealed, and flushed,
// for recovery cuts nothing there. Indexes are not among it, since they are built
// anew in place.
func partitionFiles(dir, to string, m Method, flushed int64, wanted func(name string) bool) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []file
	var bases []int64
	for _, e := range entries {
		if !e.Type().IsRegular() || !wanted(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		files = append(files, file{
			from: filepath.Join(dir, e.Name()), to: filepath.Join(to, e.Name()), bytes: info.Size(), modified: info.ModTime(),
		})
		if base, suffix, ok := segmentFile(e.Name()); ok && suffix == logSuffix {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	for i := range files {
		base, suffix, ok := segmentFile(filepath.Base(files[i].from))
		next, found := slices.BinarySearch(bases, base)
		if next++; !ok || !found {
			continue
		}
		files[i].unsettled = next >= len(bases) || bases[next] > flushed
		files[i].link = suffix == logSuffix && m != Copy && !files[i].unsettled
	}
	return files, nil
}

// segmentFile splits the name of a segment's file.
func segmentFile(name string) (base int64, suffix string, ok bool) {
	const digits = 20
	if len(name) <= digits || name[digits] != '.' {
		return 0, "", false
	}
	base, err := strconv.ParseInt(name[:digits], 10, 64)
	return base, name[digits:], err == nil
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
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
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
