package logstore

import "moldau/logstore/record"

// The last stable offset lies at the high watermark, or at the first transaction
// that is open, or whose marker may still be lost, if one begins below. It is
// moved by whatever moves the high watermark, the start offset or the end: a
// transaction that begins does so at the end, which no bound lies above.

// settle raises the last stable offset as far as it may go. The caller holds l.mu.
func (l *Log) settle() {
	if m := l.lastStable(l.bounds[HighWatermark].load()); m.offset() > l.Offset(LastStable) {
		l.bounds[LastStable].store(m)
		l.watchers.moved(LastStable, m.offset())
	}
}

// settleAnew is settle after a truncation or an open, which may lower it.
func (l *Log) settleAnew() {
	m := l.lastStable(l.bounds[HighWatermark].load())
	l.bounds[LastStable].store(m)
	l.watchers.moved(LastStable, m.offset())
}

func (l *Log) lastStable(high mark) mark {
	if l.producers == nil || !l.producers.txns.some { // or opened at rest, when nothing was open
		return high
	}
	l.producers.txns.settle(high.offset())
	t := l.producers.txns.firstUnstable()
	if t == nil || t.first >= high.offset() {
		return high
	}
	if start := l.start.Load(); t.first < start {
		if start >= high.offset() {
			return high
		}
		// Its segment may be gone. Nobody reads below the start: the position is of
		// no consequence.
		s := l.segmentAt(start)
		return mark{s, placeAt(start-s.base, 0)}
	}
	return t.at
}

// placeOpen finds the open transactions of which a snapshot named the offset only.
func (ps *producers) placeOpen(segments []*segment) error {
	for _, t := range ps.txns.allOpen() {
		if t.at.segment != nil {
			continue
		}
		v := &view{segments}
		s := v.segments[v.find(t.first)]
		if t.first < s.base { // retired; the start offset stands in its place
			t.at = mark{s, placeAt(0, 0)}
			continue
		}
		at, err := s.locate(t.first, s.size())
		if err != nil {
			return err
		}
		t.at = mark{s, placeAt(t.first-s.base, at.position)}
		if at.bytes > 0 {
			t.beganMs = max(at.timestampMax, 0)
		}
	}
	return nil
}

// recallDecided finds the transactions that ended above the high watermark of a
// replicated log that was opened.
func (l *Log) recallDecided() error {
	high, end := l.Offset(HighWatermark), l.Offset(LogEnd)
	if high >= end {
		return nil
	}
	segments := l.view.Load().segments
	ps, err := l.loadProducersFrom(segments, high)
	if err != nil {
		return err
	}
	return walkBatches(segments, high, end, func(b record.Batch, at mark) error {
		if ended := ps.update(b, at, 0); ended != nil {
			l.producers.txns.decide(ended)
		}
		return nil
	})
}

// keepDecided takes over, after a truncation to end, the transactions whose
// markers are left and may still be lost.
func (l *Log) keepDecided(old *transactions, end int64) {
	v := l.view.Load()
	for _, t := range old.queue {
		if t.marker >= end {
			break
		}
		if s := v.segments[v.find(t.first)]; s.base == t.at.segment.base {
			t.at.segment = s // a new one over the same file
		}
		l.producers.txns.decide(t)
	}
}
