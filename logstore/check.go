package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"moldau/logstore/vfs"
)

// Severity says what a finding of [Check] means.
type Severity uint8

const (
	// Note is legal, and worth knowing: what a crash leaves and a start repairs, gaps
	// that compaction leaves, files of unknown kind.
	Note Severity = iota
	// Fault is damage: no crash and no compaction leaves it.
	Fault
)

func (s Severity) String() string {
	if s == Fault {
		return "fault"
	}
	return "note"
}

// Finding is one thing found by [Check].
type Finding struct {
	Severity Severity
	File     string // below the file system's root
	Offset   int64  // position in File, in bytes; 0 where the whole of it is meant
	Text     string
}

func (f Finding) String() string {
	return fmt.Sprintf("%v: %s at byte %d: %s", f.Severity, f.File, f.Offset, f.Text)
}

// CheckReport is the outcome of [Check].
type CheckReport struct {
	Findings   []Finding
	Partitions int
	Segments   int
	Batches    int64
	Records    int64 // by the batches' headers
	Bytes      int64 // of all segments' data
}

// Faults counts the findings that are faults.
func (r *CheckReport) Faults() (n int) {
	for _, f := range r.Findings {
		if f.Severity == Fault {
			n++
		}
	}
	return n
}

// CheckProgress tells how far a check has come.
type CheckProgress struct {
	File        string // being read
	Done, Total int64  // bytes of segments' data
}

// CheckOptions shapes a check. The zero value is ready for use.
type CheckOptions struct {
	// Deep walks the records of every batch, unpacking compressed ones.
	Deep bool
	// DecompressedBytesMax bounds what one batch may unpack to, default 128 MiB.
	DecompressedBytesMax int
	// Progress, where set, is called about every MiB; an error ends the check.
	Progress func(CheckProgress) error
}

// Check examines a directory that nobody has open, reading only: a
// partition's, a whole Kafka log directory, or one that [Open] takes. It needs
// no Store, trusts no file to describe another one, and goes on after a fault. But
// what a start would open unseen must be there: segments that the manifest has of logs
// at rest.
// Where fsys is nil dir is one of the operating system's, and the root of findings
// the directory above it.
//
// What a crash may leave at the end of a log is a Note unless the directory was
// closed cleanly or the recovery point lies behind it. Sealed segments must be
// whole. A partition is judged by its neighbours' clean marker and checkpoints
// where dir/.. is below the root of fsys and has them.
//
// The error is ErrNotFound where dir is none of these, or that of Progress or
// of listing directories. A file that cannot be read is a Fault.
func Check(fsys vfs.FS, dir string, o CheckOptions) (*CheckReport, error) {
	if o.DecompressedBytesMax <= 0 {
		o.DecompressedBytesMax = 128 << 20
	}
	fsys, dir, release, err := readingTree(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("logstore: check %s: %w", dir, err)
	}
	defer release()
	c := &checker{fs: fsys, o: o, report: &CheckReport{}, perFile: map[fileSeverity]int{}}
	kind, err := c.kindOf(dir)
	if err != nil {
		return nil, fmt.Errorf("logstore: check %s: %w", dir, err)
	}
	switch kind {
	case kindPartition:
		err = c.lonePartition(dir)
	case kindLogs:
		err = c.logs(dir)
	case kindStore:
		err = c.store(dir)
	default:
		err = fmt.Errorf("%w: neither a partition nor a log directory", ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("logstore: check %s: %w", dir, err)
	}
	return c.report, nil
}

// findingsPerFileMax keeps a shredded index from filling memory and screen.
const findingsPerFileMax = 20

// fileSeverity counts findings: notes of a file do not keep its faults from being
// told.
type fileSeverity struct {
	file string
	s    Severity
}

// checker is one run of Check.
type checker struct {
	fs      vfs.FS
	o       CheckOptions
	report  *CheckReport
	perFile map[fileSeverity]int // findings
	done    int64                // bytes
	total   int64
}

func (c *checker) find(s Severity, file string, offset int64, format string, args ...any) {
	key := fileSeverity{file, s}
	c.perFile[key]++
	switch n := c.perFile[key]; {
	case n > findingsPerFileMax:
		return
	case n == findingsPerFileMax:
		format, args = "and more; the rest of this file's findings are left out", nil
	}
	c.report.Findings = append(c.report.Findings, Finding{s, file, offset, fmt.Sprintf(format, args...)})
}

// progress counts bytes read.
func (c *checker) progress(file string, bytes int64) error {
	c.done += bytes
	if c.o.Progress == nil {
		return nil
	}
	return c.o.Progress(CheckProgress{file, c.done, max(c.total, c.done)})
}

type dirKind uint8

const (
	kindOther dirKind = iota
	kindPartition
	kindLogs
	kindStore
)

// kindOf tells by its entries what dir is. An empty log directory has no trace
// of its kind but a checkpoint.
func (c *checker) kindOf(dir string) (dirKind, error) {
	entries, err := c.fs.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return kindOther, err
	}
	kind := kindOther
	for _, e := range entries {
		name := e.Name()
		_, isLog := parseSegmentFileName(name, logSuffix)
		_, isPartition := parseDir(name)
		switch {
		case !e.IsDir() && (isLog || name == partitionMetaFile):
			return kindPartition, nil
		case e.IsDir() && isPartition, name == metaPropertiesFile, slices.Contains(offsetCheckpointFiles, name):
			kind = kindLogs
		case e.IsDir() && name == logsDir && kind == kindOther:
			kind = kindStore
		}
	}
	return kind, nil
}

// store checks the logs of DATA, and the internal ones, which lie in a store of
// their own below it.
func (c *checker) store(dir string) error {
	if err := c.logs(path.Join(dir, logsDir)); err != nil {
		return err
	}
	inner := path.Join(dir, ownDir, metadataDir)
	if kind, err := c.kindOf(inner); err != nil || kind != kindStore {
		return nil
	}
	return c.store(inner)
}

// lonePartition checks dir with what its parent knows of it.
func (c *checker) lonePartition(dir string) error {
	root := checkedRoot{}
	if parent := path.Dir(dir); parent != dir {
		root = c.readRoot(parent, nil)
	}
	files, err := c.partitionFiles(dir)
	if err != nil {
		return err
	}
	return c.partition(files, root)
}

// logs checks a Kafka log directory.
func (c *checker) logs(dir string) error {
	entries, err := c.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	root := c.readRoot(dir, c.find)
	var partitions []*partitionFiles
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if !e.IsDir() {
			c.rootFile(name)
			continue
		}
		if _, ok := parseDir(e.Name()); !ok {
			c.foreignDir(name)
			continue
		}
		p, err := c.partitionFiles(name)
		if err != nil {
			return err
		}
		partitions = append(partitions, p)
	}
	for _, p := range partitions {
		if err := c.partition(p, root); err != nil {
			return err
		}
	}
	return nil
}

// foreignDir notes a directory that is no partition in use.
func (c *checker) foreignDir(name string) {
	for _, suffix := range []string{deleteSuffix, "-stray", "-future"} {
		if strings.HasSuffix(name, suffix) {
			c.find(Note, name, 0, "left alone: Kafka's for %s partitions", suffix[1:])
			return
		}
	}
	c.find(Note, name, 0, "unknown directory: Kafka does not start with it here")
}
