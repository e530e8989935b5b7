package logstore

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"moldau/logstore/vfs"
)

// partitionFiles is what a partition's directory holds.
type partitionFiles struct {
	dir   string
	tp    TopicPartition
	bases []int64 // of the .log files, rising
	bytes map[int64]int64
	names map[string]bool
}

// metadataFiles are what KRaft keeps beside the segments of its log: its vote,
// and snapshots named by offset and epoch.
var metadataFiles = regexp.MustCompile(`^(quorum-state|\d{20}-\d{10}\.checkpoint(\.part|\.deleted)?)$`)

// segmentSuffixes are all that begin with a segment's base, or an offset. The
// data's is the first.
var segmentSuffixes = []string{logSuffix, offsetsSuffix, timesSuffix, txnSuffix, snapshotSuffix}

// partitionFiles lists a partition's directory and notes what does not belong.
func (c *checker) partitionFiles(dir string) (*partitionFiles, error) {
	entries, err := c.fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &partitionFiles{dir: dir, bytes: map[int64]int64{}, names: map[string]bool{}}
	p.tp, _ = parseDir(path.Base(dir))
	for _, e := range entries {
		name := e.Name()
		p.names[name] = true
		if base, ok := parseSegmentFileName(name, logSuffix); ok && !e.IsDir() {
			p.bases = append(p.bases, base)
			if info, err := c.fs.Stat(path.Join(dir, name)); err == nil {
				p.bytes[base] = info.Size()
				c.total += info.Size()
			}
		}
	}
	slices.Sort(p.bases)
	return p, nil
}

func (p *partitionFiles) file(name string) string { return path.Join(p.dir, name) }

func (p *partitionFiles) has(base int64, suffix string) bool {
	return p.names[segmentFileName(base, suffix)]
}

// partition checks one partition.
func (c *checker) partition(p *partitionFiles, root checkedRoot) error {
	_, err := c.walk(p, root)
	return err
}

// walk is partition, and tells what it learned of the log.
func (c *checker) walk(p *partitionFiles, root checkedRoot) (*checkedLog, error) {
	c.report.Partitions++
	c.strays(p)
	l := &checkedLog{checker: c, files: p, clean: root.clean, manifest: root.manifest, next: -1, epoch: -1}
	l.recovery, _ = root.offset(recoveryPointFile, p.tp)
	acknowledged, quarantined := root.quarantined[p.tp]
	l.quarantined = quarantined
	l.beginTransactions()
	for i, base := range p.bases {
		l.last = i == len(p.bases)-1
		l.limit = math.MaxInt64
		if !l.last {
			l.limit = p.bases[i+1]
		}
		l.reached = base
		if err := l.segment(base); err != nil {
			return l, err
		}
		if l.torn && l.manifest {
			break // a start cuts what is behind
		}
	}
	if quarantined {
		c.find(Fault, p.dir, 0, "takes no appends until it is repaired: a start found less than was acknowledged, up to offset %d", acknowledged)
	}
	root.contradicted(p, func(file, why string) { c.find(Fault, file, 0, "%s", why) })
	l.checkEnd(root)
	l.checkBeside()
	return l, nil
}

// strays notes the files that no segment in use has.
func (c *checker) strays(p *partitionFiles) {
	deleted := 0
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		switch {
		case name == epochFile, name == partitionMetaFile, name == "remote_log_snapshot", metadataFiles.MatchString(name):
			continue
		case c.segmentFile(p, name):
			continue
		case strings.HasSuffix(name, deletedSuffix):
			deleted++
		case strings.HasSuffix(name, cleanedSuffix), strings.HasSuffix(name, swapSuffix):
			c.find(Note, p.file(name), 0, "unfinished: a start finishes or removes it")
		case strings.HasSuffix(name, ".tmp"):
			c.find(Note, p.file(name), 0, "left over from writing %s", strings.TrimSuffix(name, ".tmp"))
		case strings.HasSuffix(name, ".cut"):
			c.find(Note, p.file(name), 0, "what recovery cut off, kept for inspection")
		default:
			c.find(Note, p.file(name), 0, "unknown file")
		}
	}
	if deleted > 0 {
		c.find(Note, p.dir, 0, "%d deleted files, to be unlinked", deleted)
	}
}

// segmentFile reports whether name is one of a segment's files, and notes an
// index without its segment.
func (c *checker) segmentFile(p *partitionFiles, name string) bool {
	for _, suffix := range segmentSuffixes {
		base, ok := parseSegmentFileName(name, suffix)
		if !ok {
			continue
		}
		if suffix != snapshotSuffix && !p.has(base, logSuffix) {
			c.find(Note, p.file(name), 0, "index without a segment")
		}
		return true
	}
	return false
}

// checkedLog is a partition on the way through its segments.
type checkedLog struct {
	*checker
	files       *partitionFiles
	clean       bool  // closed cleanly
	manifest    bool  // recovery is what our manifest says
	quarantined bool  // a start cuts nothing of it
	recovery    int64 // recovery point, 0 unknown

	next  int64 // least offset of the batch to come, -1 before the first one
	epoch int32 // leader epoch of the last batch
	txns  checkedTransactions
	last  bool  // the segment being checked is the last one
	limit int64 // base of the segment after it
	torn  bool  // a segment ends, above what was synced, in what is no whole batch

	reached int64 // base of the last segment that was looked at
}

// tail is the severity of what a crash may leave: above what was synced. That is
// in the last segment, or in one that was rolled and not yet sealed, if it is
// known well where it begins.
func (l *checkedLog) tail(offset int64) Severity {
	if (l.last || l.manifest) && !l.clean && !l.quarantined && offset >= l.recovery {
		return Note
	}
	return Fault
}

// checkEnd compares the log's ends with the checkpoints.
func (l *checkedLog) checkEnd(root checkedRoot) {
	if len(l.files.bases) == 0 {
		l.find(Note, l.files.dir, 0, "no segment")
		return
	}
	file := l.files.file(segmentFileName(l.files.bases[len(l.files.bases)-1], logSuffix))
	start := Fault
	if l.manifest {
		// An advance is durable before what it passes over is in the log's own file:
		// the journal has that, or in os mode nobody needs it.
		start = l.tail(l.next)
	}
	for _, bound := range []struct {
		file string
		what string
		s    Severity
	}{
		{recoveryPointFile, "what was synced", Fault},
		{startOffsetFile, "the start offset", start},
		// A crash may undo what was replicated but not synced.
		{highWatermarkFile, "the high watermark", l.tail(l.next)},
		// Then all of it is compacted again.
		{cleanerOffsetFile, "where compaction had come", Note},
	} {
		if offset, ok := root.offset(bound.file, l.files.tp); ok && offset > l.next {
			l.find(bound.s, file, 0, "ends at offset %d, below %s, %d", l.next, bound.what, offset)
		}
	}
}

// checkBeside checks the files that belong to the log as a whole.
func (l *checkedLog) checkBeside() {
	for _, f := range []struct {
		name  string
		check func(text []byte) error
	}{
		{epochFile, l.checkEpochs},
		{partitionMetaFile, func(text []byte) error { _, err := decodePartitionMeta(text); return err }},
	} {
		if !l.files.names[f.name] {
			continue
		}
		l.checkFile(Fault, f.name, f.check)
	}
	for _, name := range slices.Sorted(maps.Keys(l.files.names)) {
		offset, ok := parseSegmentFileName(name, snapshotSuffix)
		if !ok {
			continue
		}
		s := Fault
		if !l.clean && offset > l.recovery {
			s = Note // a crash leaves it half written, and an older one serves
		}
		l.checkFile(s, name, func(b []byte) error { _, err := decodeSnapshot(b, offset, 0, 0); return err })
	}
}

func (l *checkedLog) checkFile(s Severity, name string, check func([]byte) error) {
	b, err := readFile(l.fs, l.files.file(name))
	if err == nil {
		err = check(b)
	}
	if err != nil {
		l.find(s, l.files.file(name), 0, "%v", err)
	}
}

func (l *checkedLog) checkEpochs(text []byte) error {
	entries, err := decodeEpochs(text)
	if err != nil || len(entries) == 0 {
		return err
	}
	if e := entries[len(entries)-1]; l.next >= 0 && e.start > l.next {
		l.find(Note, l.files.file(epochFile), 0, "epoch %d begins at %d, past the log's end %d", e.epoch, e.start, l.next)
	}
	return nil
}

// open opens a file of the segment. What cannot be opened is a Fault, and f nil.
func (l *checkedLog) open(name string) (f vfs.File, size int64) {
	f, err := l.fs.OpenFile(name, os.O_RDONLY, 0)
	if err == nil {
		size, err = f.Size()
	}
	if err != nil {
		l.find(Fault, name, 0, "%v", fmt.Errorf("cannot be read: %w", err))
		if f != nil {
			_ = f.Close()
		}
		return nil, 0
	}
	return f, size
}
