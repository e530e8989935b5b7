package logstore

import (
	"fmt"
	"slices"
)

// lose tells what is lost with each range that a segment lacks.
func (l *repairLog) lose(s *repairSegment) (lost []Lost, taken []ByteRange) {
	all := s.scan.taken()
	for _, t := range all {
		taken = append(taken, ByteRange{t.from, t.to})
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].after == all[0].after && all[n].before == all[0].before {
			n++
		}
		lost = append(lost, l.loseBetween(s, all[:n])...)
		all = all[n:]
	}
	return lost, taken
}

// loseBetween is lose for the ranges between two batches. What their headers claim is
// believed if it fills the offsets between those: a claim of less tells of the first
// of several batches, where a file ends too soon or a length was damaged as well.
func (l *repairLog) loseBetween(s *repairSegment, ranges []takenOut) (lost []Lost) {
	first, last := max(ranges[0].after, s.base), ranges[0].before-1
	atEnd := ranges[0].before < 0 && s.limit == unlimited
	switch {
	case atEnd:
		last = max(l.end-1, first-1)
		for _, behind := range l.segments { // set aside, they tell of their own loss
			if behind.aside && behind.base > s.base {
				last = min(last, behind.base-1)
			}
		}
	case ranges[0].before < 0:
		last = s.limit - 1
	}
	next := first
	for _, t := range ranges {
		if t.count < 0 || t.first != next {
			break
		}
		lost = append(lost, Lost{l.name, t.first, t.last, int64(t.count)})
		next = t.last + 1
	}
	switch {
	case len(lost) == len(ranges) && (next == last+1 || atEnd && next > last):
		return lost
	case first > last:
		return nil
	}
	return []Lost{{l.name, first, last, -1}}
}

// loseAside tells what is lost with a segment that does not stay.
func (l *repairLog) loseAside(s *repairSegment) []Lost {
	first := s.base
	for _, before := range l.segments {
		if !before.aside && before.base <= s.base {
			first = max(first, before.scan.end(before.base))
		}
	}
	last := min(s.limit, max(s.scan.end(s.base), l.end)) - 1
	if s.limit != unlimited && s.scan.keptBytes(unlimited) == 0 {
		last = s.limit - 1
	}
	if first > last {
		return nil
	}
	return []Lost{{l.name, first, last, s.scan.claimed(first, last)}}
}

// loseUnseen tells what is lost with files, or ends of files, that only the manifest
// knows of: what is there is whole.
func (l *repairLog) loseUnseen() (lost []Lost) {
	for _, row := range l.root.resting[l.files.tp] {
		end := row.Base
		if i := slices.IndexFunc(l.segments, func(s *repairSegment) bool { return s.base == row.Base }); i >= 0 {
			if end = l.segments[i].scan.end(row.Base); !l.segments[i].scan.whole() {
				continue
			}
		} else if l.files.has(row.Base, logSuffix) {
			continue // nothing was wrong with the log
		}
		if end < row.End {
			lost = append(lost, Lost{l.name, end, row.End - 1, -1})
		}
	}
	return lost
}

// describe tells what was wrong with a segment's data, and what is done.
func (s *repairSegment) describe() (problem, action string) {
	if s.aside {
		if s.scan.keptBytes(unlimited) == 0 && s.size > 0 {
			return fmt.Sprintf("%v: %v", errForeign, s.scan.why()), "set aside"
		}
		return "overlaps other segments", "set aside"
	}
	taken := s.scan.taken()
	var bytes, mended int64
	for _, t := range taken {
		bytes += t.to - t.from
	}
	for i := range s.scan.batches {
		if b := &s.scan.batches[i]; b.kept && b.head != nil {
			if mended++; mended == 1 {
				problem = fmt.Sprintf("at byte %d: offset, length or magic is damaged", b.position)
				action = "put right by what lies around, nothing is lost"
			}
		}
	}
	if len(taken) == 0 {
		return problem, action
	}
	problem = fmt.Sprintf("at byte %d: %v", taken[0].from, taken[0].why)
	if n := len(taken) - 1 + int(mended); n > 0 {
		problem += fmt.Sprintf(", and %d more", n)
	}
	if len(taken) == 1 && taken[0].to == s.size {
		action = fmt.Sprintf("cut %d bytes off its end", bytes)
	} else {
		action = fmt.Sprintf("took out %d bytes in %d places", bytes, len(taken))
	}
	if mended > 0 {
		action += fmt.Sprintf(", put right %d headers", mended)
	}
	return problem, action
}
