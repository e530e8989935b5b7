package logstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"moldau/logstore/record"
)

// planChanges turns what was decided about a log into changes.
func (l *repairLog) planChanges() error {
	staying := l.staying()
	l.end = 0
	if n := len(staying); n > 0 {
		l.end = max(staying[n-1].base, staying[n-1].scan.end(staying[n-1].base))
	}
	end := l.end
	l.end = max(l.end, l.witnessed(), l.root.quarantined[l.files.tp])
	create, told := l.end > end, end
	l.touched = create || slices.ContainsFunc(l.segments, (*repairSegment).changed) || l.interrupted()
	var renewed *repairSegment
	for _, s := range l.segments {
		if create && s.aside && s.base == l.end-1 {
			renewed = s // a new file of its name takes its place
		} else if s.changed() {
			c, err := l.planData(s)
			if err != nil {
				return err
			}
			for _, lost := range c.Lost {
				told = max(told, lost.Last+1)
			}
		}
		if err := l.planIndexes(s, create && !l.clean, s == renewed); err != nil {
			return err
		}
	}
	if create {
		l.planCreate(end, told, renewed)
	}
	return l.planBeside()
}

// problemOf is what is wrong with a file beside the data, "" if nothing. What a crash
// explains is wrong too where the recovery point is going to rise past it.
func (l *repairLog) problemOf(file string) string {
	if problem := l.faulty[file]; problem != "" || !l.touched {
		return problem
	}
	return l.noted[file]
}

// planData has a data file written anew without what is bad, or set aside.
func (l *repairLog) planData(s *repairSegment) (*plannedChange, error) {
	c := Change{File: s.file}
	c.Problem, c.Action = s.describe()
	if s.aside {
		name, err := l.asideName(s.base)
		if err != nil {
			return nil, err
		}
		c.Aside, c.Lost = name, l.loseAside(s)
		return l.plan.add(c, repairStep{phaseData, func(r *repair, c *Change) error { return r.fs.Rename(c.File, c.Aside) }}), nil
	}
	c.Lost, c.Taken = l.lose(s)
	pieces := s.scan.pieces()
	return l.plan.add(c, repairStep{phaseData, func(r *repair, c *Change) error {
		return r.rewrite(c, func(w io.Writer) error { return r.copyPieces(w, c.File, pieces) })
	}}), nil
}

// asideName is free, and neither we nor Kafka take it for a log's.
func (l *repairLog) asideName(base int64) (string, error) {
	name := l.files.file(segmentFileName(base, cutSuffix))
	for i := 2; ; i++ {
		_, err := l.r.fs.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = l.files.file(fmt.Sprintf("%s.%d%s", segmentFileName(base, ""), i, cutSuffix))
	}
}

// copyPieces writes what is kept of an old file.
func (r *repair) copyPieces(w io.Writer, file string, pieces []piece) error {
	f, err := r.fs.OpenFile(file, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range pieces {
		if p.head != nil {
			if _, err := w.Write(p.head[:]); err != nil {
				return err
			}
			p.position, p.bytes = p.position+batchHeadBytes, p.bytes-batchHeadBytes
		}
		if err := copyRange(w, f, p.position, p.bytes); err != nil {
			return err
		}
	}
	return nil
}

// planIndexes has the indexes of a segment built anew, or removed with it. Those
// of one that is renewed are planned with its data.
func (l *repairLog) planIndexes(s *repairSegment, sealing, renewed bool) error {
	for _, suffix := range []string{offsetsSuffix, timesSuffix, txnSuffix} {
		name := l.files.file(segmentFileName(s.base, suffix))
		there, problem := l.files.has(s.base, suffix), l.faulty[name]
		if suffix != txnSuffix {
			problem = l.problemOf(name)
		}
		if problem == "" && s.changed() {
			problem = "belongs to data that changes"
		}
		if problem == "" && there && s.base > l.checked {
			problem = "was not checked: its segment lies behind a torn one"
		}
		remove := repairStep{phaseUnindex, func(r *repair, c *Change) error { return r.remove(c.File) }}
		switch {
		case renewed && suffix != txnSuffix:
			continue
		case s.aside:
			if there {
				l.plan.add(Change{File: name, Problem: problem, Action: "removed: its segment is set aside"}, remove)
			}
			continue
		case suffix == txnSuffix:
			if err := l.planTxns(s, name, there); err != nil {
				return err
			}
			continue
		case problem == "" && there && !(sealing && s.limit == unlimited):
			continue
		case problem == "":
			problem = "missing"
			if there {
				problem = "not complete"
			}
		}
		steps := []repairStep{{phaseIndex, l.buildIndex(s, suffix)}}
		if there && s.changed() {
			steps = append(steps, remove)
		}
		l.plan.add(Change{File: name, Problem: problem, Action: "built anew from the data"}, steps...)
	}
	return nil
}

func (l *repairLog) buildIndex(s *repairSegment, suffix string) func(*repair, *Change) error {
	return func(r *repair, c *Change) error {
		b, err := r.indexOf(s, suffix)
		if err != nil {
			return err
		}
		return r.rewrite(c, func(w io.Writer) error { _, err := w.Write(b); return err })
	}
}

// planCreate keeps the end of a log that had come further than it now goes: with a
// batch of no records at its last offset, as compaction leaves them, in a segment
// of its own. Without it offsets would be given twice; with nothing but an empty
// segment consumers would wait before the gap for what never comes. renewed is the
// segment, not to stay, that the new one has the name of, or nil.
func (l *repairLog) planCreate(end, told int64, renewed *repairSegment) {
	base := l.end - 1
	content := map[string][]byte{logSuffix: emptyBatch(base, l.lastEpoch())}
	for _, suffix := range []string{offsetsSuffix, timesSuffix, logSuffix} {
		c := Change{
			File:    l.files.file(segmentFileName(base, suffix)),
			Problem: fmt.Sprintf("the log ends at offset %d, but had come to %d", end, l.end),
			Action:  "written around a batch without records: no offset is given twice",
		}
		if suffix == logSuffix && told < l.end {
			c.Lost = []Lost{{l.name, told, base, -1}}
		}
		if renewed != nil && suffix == logSuffix {
			c.Problem, _ = renewed.describe()
			c.Lost = l.loseAside(renewed)
			c.Taken = []ByteRange{{0, renewed.size}}
		}
		l.plan.add(c, repairStep{phaseCreate, func(r *repair, c *Change) error {
			return r.rewrite(c, func(w io.Writer) error { _, err := w.Write(content[suffix]); return err })
		}})
	}
}

// lastEpoch is the leader epoch of the log's last batch, -1 without one.
func (l *repairLog) lastEpoch() int32 {
	for _, s := range slices.Backward(l.staying()) {
		if epoch := s.scan.lastEpoch(); epoch >= 0 {
			return epoch
		}
	}
	return -1
}

// emptyBatch is a batch of one offset and no record. It has no timestamp: Kafka's
// dump tool knows none but those of records, and retention goes by the file's.
func emptyBatch(base int64, epoch int32) record.Batch {
	b := make(record.Batch, record.HeaderBytes)
	b.SetBaseOffset(base)
	binary.BigEndian.PutUint32(b[batchLengthAt:], record.HeaderBytes-batchLengthFrom)
	b.SetLeaderEpoch(epoch)
	b[batchMagicAt] = 2
	b.SetBaseTimestamp(-1)
	b.SetMaxTimestamp(-1)
	const producerAt, countAt = 43, 57
	for i := producerAt; i < countAt; i++ {
		b[i] = 0xff // id, epoch and sequence: none
	}
	b.SetCRC(b.ComputeCRC())
	return b
}
