package logstore

import (
	"fmt"
	"math"

	"moldau/logstore/record"
)

// AppendFollower appends batches that were numbered by a leader. Offsets may
// leave gaps, as compaction does, but never go back, and neither may epochs.
// It is atomic: on error nothing was appended. One append spans less than 2^31
// offsets.
func (l *Log) AppendFollower(batches []byte) (Appended, error) {
	a := Appended{TimestampMs: -1}
	l.mu.Lock()
	defer l.mu.Unlock()
	first, last, err := l.checkFollower(batches)
	if err == nil && last-l.Offset(LogEnd) >= math.MaxInt32 {
		l.mu.Unlock()
		err = l.bridgeGap(first)
		l.mu.Lock()
		if err == nil {
			_, _, err = l.checkFollower(batches) // others may have appended
		}
	}
	a.Start = l.start.Load()
	if err != nil || len(batches) == 0 {
		return a, l.wrap("append", err)
	}
	a.First, a.Last = first, last
	return a, l.wrap("append", l.write(batches, last))
}

// checkFollower checks batches that were numbered elsewhere and returns their
// first and last offset. The caller holds l.mu.
func (l *Log) checkFollower(batches []byte) (first, last int64, err error) {
	if err := l.ready(); err != nil {
		return 0, 0, err
	}
	next, epoch := l.Offset(LogEnd), l.epochs.latest()
	first = next
	for rest := batches; len(rest) > 0; {
		b, tail, err := record.Next(rest)
		if err == nil {
			err = b.Check()
		}
		switch {
		case err != nil:
			return 0, 0, err
		case b.BaseOffset() < next:
			return 0, 0, fmt.Errorf("%w: batch at %d, the log ends at %d", ErrOffsetRange, b.BaseOffset(), next)
		case b.LastOffset() < b.BaseOffset() || b.LastOffset() == math.MaxInt64:
			return 0, 0, fmt.Errorf("%w: batch at %d overflows", ErrOffsetRange, b.BaseOffset())
		case b.LeaderEpoch() < epoch:
			return 0, 0, fmt.Errorf("%w: batch of %d after %d", ErrFencedEpoch, b.LeaderEpoch(), epoch)
		}
		if len(rest) == len(batches) {
			first = b.BaseOffset()
		}
		next, epoch, rest = b.LastOffset()+1, b.LeaderEpoch(), tail
	}
	if next-1-first >= math.MaxInt32 {
		return 0, 0, fmt.Errorf("%w: one append from offset %d to %d", ErrTooLargeForSegment, first, next-1)
	}
	return first, next - 1, nil
}
