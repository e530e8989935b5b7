package interchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/kraft"
)

const lockFile = ".lock"

// source is the log directories of a Kafka node.
type source struct {
	dirs  []*sourceDir
	meta  kraft.MetaProperties // the first directory's
	clean bool                 // all of them
	img   *kraft.Image

	// What the directories say together.
	partitions            map[logstore.TopicPartition]*sourcePartition
	recovery, start, high kraft.OffsetCheckpoint
	cleaner               kraft.OffsetCheckpoint
}

type sourceDir struct {
	path string
	fsys *vfs.OS
	lock io.Closer // nil where it cannot be locked
}

// sourcePartition is a partition's directory.
type sourcePartition struct {
	path  string
	id    kraft.UUID
	hasID bool
}

// openSource opens and locks the directories and reads what they hold.
func openSource(dirs []string, r *Receipt) (*source, error) {
	s := &source{clean: true, partitions: map[logstore.TopicPartition]*sourcePartition{},
		recovery: kraft.OffsetCheckpoint{}, start: kraft.OffsetCheckpoint{}, high: kraft.OffsetCheckpoint{}, cleaner: kraft.OffsetCheckpoint{}}
	for _, dir := range dirs {
		if err := s.open(dir, r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), s.Close())
		}
	}
	if err := s.readMetadata(r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close gives the directories up.
func (s *source) Close() error {
	var errs []error
	for _, d := range s.dirs {
		if d.lock != nil {
			errs = append(errs, d.lock.Close())
		}
		errs = append(errs, d.fsys.Close())
	}
	return errors.Join(errs...)
}

func (s *source) open(dir string, r *Receipt) error {
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%w: it is a file", ErrSource)
	}
	fsys, err := vfs.OpenOS(dir)
	if err != nil {
		return err
	}
	d := &sourceDir{path: dir, fsys: fsys}
	s.dirs = append(s.dirs, d)
	if err := d.takeLock(r); err != nil {
		return err
	}
	meta, err := kraft.ReadMetaProperties(fsys, ".")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	if meta == nil {
		return fmt.Errorf("%w: it has no %s, so it is not a log directory of Kafka's", ErrSource, kraft.MetaPropertiesFile)
	}
	switch {
	case len(s.dirs) == 1:
		s.meta = *meta
	case meta.ClusterID != s.meta.ClusterID || meta.NodeID != s.meta.NodeID:
		return fmt.Errorf("%w: it is of node %d of cluster %s, and %s of node %d of cluster %s: one node is taken over at a time",
			ErrSource, meta.NodeID, meta.ClusterID, s.dirs[0].path, s.meta.NodeID, s.meta.ClusterID)
	}
	s.readCheckpoints(d, r)
	before := len(s.partitions)
	if err := s.list(d, r); err != nil {
		return err
	}
	return s.judgeClose(d, len(s.partitions)-before)
}

// judgeClose finds out whether the directory was closed cleanly. One that is for
// the metadata log alone never says so.
func (s *source) judgeClose(d *sourceDir, partitions int) error {
	clean, err := exists(filepath.Join(d.path, kraft.CleanShutdown))
	if err != nil || clean {
		return err
	}
	metadata, err := exists(filepath.Join(d.path, kraft.MetadataDir))
	if partitions > 0 || !metadata {
		s.clean = false
	}
	return err
}

// takeLock excludes a Kafka. Where there is no lock file none has ever run, and
// none is made: the source is not to be touched.
func (d *sourceDir) takeLock(r *Receipt) error {
	if there, err := exists(filepath.Join(d.path, lockFile)); err != nil || !there {
		return err
	}
	lock, err := d.fsys.Lock(lockFile)
	switch {
	case errors.Is(err, vfs.ErrLocked):
		return fmt.Errorf("%w: stop it first", ErrInUse)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		r.note("%s cannot be written to, so nothing could keep a broker from starting there meanwhile", d.path)
		return nil
	}
	d.lock = lock
	return err
}

func (s *source) readCheckpoints(d *sourceDir, r *Receipt) {
	for name, into := range map[string]kraft.OffsetCheckpoint{
		kraft.RecoveryPoints: s.recovery, kraft.StartOffsets: s.start, kraft.HighWatermarks: s.high, kraft.CleanerOffsets: s.cleaner,
	} {
		c, err := kraft.ReadCheckpoint(d.fsys, ".", name)
		if err != nil {
			// As at any start: without it more is read, or less is deleted.
			r.note("%s: not used: %v", d.path, err)
			continue
		}
		for tp, offset := range c {
			into[tp] = offset
		}
	}
}

var partitionName = regexp.MustCompile(`^(.+)-([0-9]+)$`)

// notPartitions are endings of Kafka's names for what is no partition any more,
// or not yet.
var notPartitions = map[string]string{
	"-delete": "it is of a topic that was deleted",
	"-stray":  "Kafka set it aside: no topic had it",
	"-future": "it is a copy that was on its way to another log directory, and was not complete",
}

func (s *source) list(d *sourceDir, r *Receipt) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := filepath.Join(d.path, e.Name())
		if e.Name() == kraft.MetadataDir {
			continue
		}
		if !e.IsDir() {
			if err := notADirectory(at, e, r); err != nil {
				return err
			}
			continue
		}
		if reason := setAside(e.Name()); reason != "" {
			r.notTaken(at, "%s", reason)
			continue
		}
		tp, ok := parsePartitionName(e.Name())
		if !ok {
			r.notTaken(at, "it is not a partition's directory")
			continue
		}
		if other, twice := s.partitions[tp]; twice {
			return fmt.Errorf("%w: %s is in %s, too", ErrSource, tp, filepath.Dir(other.path))
		}
		p := &sourcePartition{path: at}
		if p.id, p.hasID, err = kraft.PartitionTopicID(d.fsys, e.Name()); err != nil {
			return err
		}
		s.partitions[tp] = p
	}
	return nil
}

// notADirectory refuses what has a partition's name and leads elsewhere, and names
// other links. Files are the directory's own.
func notADirectory(at string, e fs.DirEntry, r *Receipt) error {
	_, partition := parsePartitionName(e.Name())
	switch {
	case partition && !e.Type().IsRegular():
		return fmt.Errorf("%w: %s is not a directory: put there what it stands for", ErrSource, at)
	case partition:
		r.notTaken(at, "it is a file, and no partition's directory")
	case !e.Type().IsRegular():
		r.notTaken(at, "it is not a partition's directory")
	}
	return nil
}

func setAside(name string) string {
	for suffix, reason := range notPartitions {
		if strings.HasSuffix(name, suffix) {
			return reason
		}
	}
	return ""
}

func parsePartitionName(name string) (logstore.TopicPartition, bool) {
	m := partitionName.FindStringSubmatch(name)
	if m == nil {
		return logstore.TopicPartition{}, false
	}
	n, err := strconv.ParseInt(m[2], 10, 32)
	tp := logstore.TopicPartition{Topic: m[1], Partition: int32(n)}
	return tp, err == nil && tp.Validate() == nil && tp.String() == name
}

// readMetadata reads the metadata log, which lies in one of the directories.
func (s *source) readMetadata(r *Receipt) error {
	for _, d := range s.dirs {
		img, from, err := kraft.Read(d.fsys, ".")
		if errors.Is(err, kraft.ErrNoMetadata) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.path, err)
		}
		if t := from.Torn; t != nil {
			if s.clean {
				return fmt.Errorf("%w: %s was closed cleanly, and its metadata log is bad at byte %d of %s: %w", ErrDamaged, d.path, t.At, t.File, t.Err)
			}
			if t.Rot {
				return fmt.Errorf("%w: the metadata log of %s is bad at byte %d of %s, and a whole batch lies behind, so that it is no torn end: %w", ErrDamaged, d.path, t.At, t.File, t.Err)
			}
			r.note("the metadata log ends with %d bytes that are no whole batch, in %s: %v", t.Bytes, t.File, t.Err)
		}
		s.img = img
		return nil
	}
	return fmt.Errorf("%w: none of %s has the cluster's metadata, %s: it lies in the first of log.dirs, or in metadata.log.dir, which must be named too",
		ErrSource, strings.Join(s.paths(), ", "), kraft.MetadataDir)
}

func (s *source) paths() []string {
	var all []string
	for _, d := range s.dirs {
		all = append(all, d.path)
	}
	return all
}

// names lists the partitions' directories, sorted.
func (s *source) names() []logstore.TopicPartition {
	all := make([]logstore.TopicPartition, 0, len(s.partitions))
	for tp := range s.partitions {
		all = append(all, tp)
	}
	slices.SortFunc(all, func(a, b logstore.TopicPartition) int { return strings.Compare(a.String(), b.String()) })
	return all
}
