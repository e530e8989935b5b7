package logstore

import (
	"errors"
	"math"
	"os"
	"slices"

	"moldau/index"
	"moldau/logstore/vfs"
)

var (
	errMisplaced = errors.New("offsets do not fit between those around")
	errForeign   = errors.New("no sound batch that belongs here")
)

// repairLog is a log on the way through a repair.
type repairLog struct {
	r     *repair
	plan  *repairPlan
	files *partitionFiles
	root  checkedRoot
	name  string
	clean bool
	// faulty has the first fault of each file, noted the first note.
	faulty, noted map[string]string
	checked       int64 // base of the last segment that the checker looked at

	segments []*repairSegment // by base, those to be set aside too
	end      int64            // offset at which the log will end, -1 unknown
	touched  bool             // its data changes
	// aborted is what the markers that stay tell, nil until somebody asks.
	aborted map[*repairSegment][]index.AbortedTxn
}

// repairSegment is one data file.
type repairSegment struct {
	base  int64
	size  int64
	file  string
	scan  segmentScan
	limit int64 // base of the next segment that stays, or the largest number
	aside bool
}

func (s *repairSegment) changed() bool { return s.aside || !s.scan.whole() }

// unlimited is the limit of the last segment.
const unlimited = int64(math.MaxInt64)

// interrupted tells that an earlier repair may have put the data right, and not come to
// what belongs to that: as long as the recovery point is not at the log's end.
func (l *repairLog) interrupted() bool { return l.root.halfRepaired && l.point() < l.end }

// examine reads all data and plans.
func (l *repairLog) examine() error {
	var total int64
	for _, bytes := range l.files.bytes {
		total += bytes
	}
	l.r.enter("examine", total)
	for i, base := range l.files.bases {
		s := &repairSegment{base: base, file: l.files.file(segmentFileName(base, logSuffix)), limit: unlimited}
		if i+1 < len(l.files.bases) {
			s.limit = l.files.bases[i+1]
		}
		if err := l.read(s); err != nil {
			return err
		}
		if s.scan.chain(base, unlimited); s.scan.whole() {
			s.scan.summarize(base)
		}
		l.segments = append(l.segments, s)
	}
	if err := l.resolve(); err != nil {
		return err
	}
	for _, s := range l.segments {
		if err := l.settleSegment(s); err != nil {
			return err
		}
	}
	l.limits() // some may have lost all they had
	return l.planChanges()
}

// read scans a segment's file.
func (l *repairLog) read(s *repairSegment) error {
	return l.withFile(s.file, func(f vfs.File, size int64) (err error) {
		s.size = size
		s.scan, err = scanDamaged(f, s.base, size, func(bytes int64) error { return l.r.progress(s.file, bytes) })
		if err != nil {
			return err
		}
		end := s.limit
		if end == unlimited {
			if end = 0; l.clean {
				end = l.witnessed()
			}
		}
		return s.scan.mendOffsets(f, s.base, end)
	})
}

// withFile opens a data file for reading. Errors but progress's are unreadable.
func (l *repairLog) withFile(name string, work func(f vfs.File, size int64) error) error {
	f, err := l.r.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return &unreadableError{err}
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return &unreadableError{err}
	}
	if err := work(f, size); err != nil {
		return l.r.ofFile(err)
	}
	return nil
}

// resolve decides which segments stay where they overlap: those that together
// hold the most bytes, and of equal ones the most segments. One without a batch
// that it could hold goes.
func (l *repairLog) resolve() error {
	var stay []*repairSegment
	overlap := false
	for _, s := range l.segments {
		if s.aside = s.size > 0 && s.scan.keptBytes(unlimited) == 0; s.aside {
			continue
		}
		if n := len(stay); n > 0 && stay[n-1].scan.end(stay[n-1].base) > s.base {
			overlap = true
		}
		stay = append(stay, s)
	}
	if overlap {
		for _, s := range stay {
			if err := l.detail(s); err != nil {
				return err
			}
		}
		best := make([]overlapSum, len(stay))
		last := 0
		for i, s := range stay {
			own := s.scan.weight(s.base, unlimited)
			best[i] = overlapSum{own, 1, -1}
			for j := range i {
				less := stay[j].scan.weight(stay[j].base, unlimited) - stay[j].scan.weight(stay[j].base, s.base)
				if sum := (overlapSum{best[j].weight - less + own, best[j].segments + 1, j}); sum.above(best[i]) {
					best[i] = sum
				}
			}
			if best[i].above(best[last]) {
				last = i
			}
		}
		for _, s := range stay {
			s.aside = true
		}
		for i := last; i >= 0; i = best[i].before {
			stay[i].aside = false
		}
	}
	l.limits()
	return nil
}

// detail reads a segment once more whose batches were not remembered.
func (l *repairLog) detail(s *repairSegment) error {
	if !s.scan.summarized {
		return nil
	}
	l.r.total += s.size
	err := l.read(s)
	s.scan.chain(s.base, unlimited)
	return err
}

// overlapSum is the best that a row of segments, up to one of them, holds.
type overlapSum struct {
	weight   int64
	segments int
	before   int // the segment before in that row, -1 none
}

func (a overlapSum) above(b overlapSum) bool {
	return a.weight > b.weight || a.weight == b.weight && a.segments > b.segments
}

// limits gives every segment the base of the next one that stays.
func (l *repairLog) limits() {
	limit := unlimited
	for _, s := range slices.Backward(l.segments) {
		if s.limit = limit; !s.aside {
			limit = s.base
		}
	}
}

// settleSegment decides which batches of a segment stay.
func (l *repairLog) settleSegment(s *repairSegment) error {
	if s.aside || s.scan.summarized && s.scan.lastEnd <= s.limit {
		return nil
	}
	if err := l.detail(s); err != nil {
		return err
	}
	s.scan.chain(s.base, s.limit)
	if s.scan.whole() {
		return nil
	}
	ends := []int64{s.limit}
	if s.limit == unlimited {
		ends = l.witnesses()
	}
	err := l.withFile(s.file, func(f vfs.File, _ int64) error { return s.scan.replace(f, s.base, ends) })
	s.aside = err == nil && s.size > 0 && s.scan.keptBytes(unlimited) == 0
	return err
}

// staying are the segments that stay.
func (l *repairLog) staying() []*repairSegment {
	return slices.DeleteFunc(slices.Clone(l.segments), func(s *repairSegment) bool { return s.aside })
}

// witnesses are offsets that the log had reached, by what lies beside its data.
func (l *repairLog) witnesses() []int64 {
	recovery, _ := l.root.offset(recoveryPointFile, l.files.tp)
	start, _ := l.root.offset(startOffsetFile, l.files.tp)
	all := []int64{recovery, start, l.newestSnapshot()}
	if l.clean {
		// A crash may undo what was replicated, but not synced.
		high, _ := l.root.offset(highWatermarkFile, l.files.tp)
		all = append(all, high)
	}
	return all
}

// newestSnapshot is the largest offset that a producer snapshot is named by.
func (l *repairLog) newestSnapshot() (newest int64) {
	for name := range l.files.names {
		if at, ok := parseSegmentFileName(name, snapshotSuffix); ok {
			newest = max(newest, at)
		}
	}
	return newest
}

// witnessed is the end that the log had by two witnesses at least, 0 if there
// are none. One alone may be what is damaged.
func (l *repairLog) witnessed() int64 {
	all := l.witnesses()
	if l.clean {
		// What was taken out at the end testifies too.
		claim := int64(0)
		for i, s := range l.segments {
			if s.aside {
				claim = max(claim, s.base)
			} else if n := len(s.scan.bad); n > 0 && i == len(l.segments)-1 {
				claim = max(claim, s.scan.bad[n-1].last+1)
			}
		}
		all = append(all, claim)
	}
	slices.Sort(all)
	return all[len(all)-2]
}

// ofFile tells a file's errors from those that end the repair.
func (r *repair) ofFile(err error) error {
	var stopped *stoppedError
	if errors.As(err, &stopped) || errors.Is(err, vfs.ErrCrashed) {
		return err
	}
	return &unreadableError{err}
}

// stoppedError is progress's.
type stoppedError struct{ err error }

func (e *stoppedError) Error() string { return e.err.Error() }
func (e *stoppedError) Unwrap() error { return e.err }
