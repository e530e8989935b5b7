package interchange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const logSuffix = ".log"

// partition is a partition's directory on its way.
type partition struct {
	from string // path
	to   string // below the build
	mode fs.FileMode

	files  []file   // that come along
	others []string // names of what does not
	// rebuilt are indexes that do not come along, and are made anew in the target.
	rebuilt []string
	// orphans are indexes of segments whose records are not there.
	orphans []string
}

// readPartition lists what comes along of a partition's directory. What is never
// written to again may be linked: data of segments that are sealed, and flushed,
// for recovery cuts nothing there. Indexes are not among it, since they are built
// anew in place.
//
// A segment that is not a plain file is refused: a link leads out of what is
// locked, and left out it would be missed by nobody.
func readPartition(from, to string, m Method, flushed int64, wanted func(name string) bool) (*partition, error) {
	dir, err := os.Lstat(from)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return nil, err
	}
	p := &partition{from: from, to: to, mode: dir.Mode().Perm()}
	for _, e := range entries {
		regular := e.Type().IsRegular()
		if !regular && ofLog(e.Name()) {
			return nil, fmt.Errorf("%w: %s is not a plain file: put there what it stands for", ErrSource, filepath.Join(from, e.Name()))
		}
		if !regular || !wanted(e.Name()) {
			p.others = append(p.others, e.Name())
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, file{
			from: filepath.Join(from, e.Name()), to: filepath.Join(to, e.Name()), bytes: info.Size(), modified: info.ModTime(), mode: info.Mode().Perm(),
		})
	}
	p.judge(m, flushed)
	return p, nil
}

// judge finds out what may be linked, and which indexes have lost their segment.
func (p *partition) judge(m Method, flushed int64) {
	var bases []int64
	for i := range p.files {
		if base, suffix, ok := p.files[i].segment(); ok && suffix == logSuffix {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	for i := range p.files {
		f := &p.files[i]
		base, suffix, ok := f.segment()
		next, found := slices.BinarySearch(bases, base)
		if ok && !found && slices.Contains(indexSuffixes, suffix) {
			p.orphans = append(p.orphans, filepath.Base(f.from))
		}
		if next++; !ok || !found {
			continue
		}
		f.unsettled = next >= len(bases) || bases[next] > flushed
		f.link = suffix == logSuffix && m != Copy && !f.unsettled
	}
}

// bytes are those of all files that come along.
func (p *partition) bytes() (n int64) {
	for _, f := range p.files {
		n += f.bytes
	}
	return n
}

// tellOfOthers names what does not come along.
func (p *partition) tellOfOthers(r *Receipt, reason string) {
	for _, name := range p.others {
		why := reason
		if strings.HasSuffix(name, deletedSuffix) {
			why = "it was deleted, and only not removed yet"
		}
		r.notTaken(filepath.Join(p.from, name), "%s", why)
	}
}

// remove removes what the target has, and the directory if nothing else is there:
// what did not come along may be the only copy.
func (p *partition) remove(dir string) error {
	names := slices.Clone(p.rebuilt)
	for _, f := range p.files {
		names = append(names, filepath.Base(f.from))
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return err
	}
	return os.Remove(dir)
}

// allFiles are those of several partitions.
func allFiles(partitions []*partition) []file {
	var all []file
	for _, p := range partitions {
		all = append(all, p.files...)
	}
	return all
}

const (
	epochFile     = "leader-epoch-checkpoint"
	metadataFile  = "partition.metadata"
	deletedSuffix = ".deleted"
)

var indexSuffixes = []string{".index", ".timeindex", ".txnindex"}

// ofLog tells whether a name is one of a log's own files, or of what was one.
func ofLog(name string) bool {
	_, _, segment := segmentFile(name)
	return segment || name == epochFile || name == metadataFile
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

// epochsFrom is the offset from which a log's leader epochs are known, which is
// where it begins: that file is cut with it. It is -1 where nothing is known.
func epochsFrom(dir string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, epochFile))
	// A version, the number of entries, and entries of an epoch and its offset.
	words := strings.Fields(string(text))
	if err != nil || len(words) < 4 {
		return -1
	}
	offset, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return -1
	}
	return offset
}
