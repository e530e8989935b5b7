package logstore

import "fmt"

// lose tells what is lost with each range that a segment lacks.
func (l *repairLog) lose(s *repairSegment) (lost []Lost, taken []ByteRange) {
	for _, t := range s.scan.taken() {
		taken = append(taken, ByteRange{t.from, t.to})
		first, last, records := max(t.after, s.base), t.before-1, int64(-1)
		if t.before < 0 {
			last = s.limit - 1
			if s.limit == unlimited {
				last = max(l.end-1, first-1)
			}
		}
		if t.count >= 0 && t.first >= first && (t.last <= last || s.limit == unlimited && t.before < 0 && t.first == first) {
			first, last, records = t.first, t.last, int64(t.count)
		}
		next := Lost{l.name, first, last, records}
		if first > last || len(lost) > 0 && lost[len(lost)-1] == next {
			continue
		}
		lost = append(lost, next)
	}
	return lost, taken
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
