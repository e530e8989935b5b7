package logstore

import (
	"errors"
	"sync"

	"moldau/logstore/record"
)

// LeaderAppend is one of several appends that are made together: what
// [Log.AppendLeader] takes, and what it returns. What was appended is known where
// Err is nil. Batches of two appends share no memory.
type LeaderAppend struct {
	Batches []byte
	Appended
	Err error
}

// AppendLeaderEach makes several appends, as [Log.AppendLeader] would one after the
// other: each gets the offsets behind the one before it, and succeeds or fails by
// itself. Those that may are written by one system call, which costs less than one
// for each: where several requests of a producer are at hand, or of producers that are
// not idempotent, there is much to gain. Up to eight in a row allocate nothing.
func (l *Log) AppendLeaderEach(appends []LeaderAppend, epoch int32) {
	c, nowMs := l.config.Load(), l.store.nowMs()
	for i := range appends {
		a := &appends[i]
		a.Appended = Appended{TimestampMs: -1}
		if c.TimestampType == LogAppendTime {
			a.TimestampMs = nowMs
		}
		a.Err = l.wrap("append", l.admitAll(a.Batches, AppendOptions{}, c, nowMs))
	}
	if !l.active().isOpen() {
		l.store.awaitFiles()
	}
	for rest := appends; len(rest) > 0; {
		if rest[0].Err != nil {
			rest = rest[1:]
			continue
		}
		rest = rest[l.appendSome(rest, epoch):]
	}
}

// appendSome makes the first n of the appends, one at least.
func (l *Log) appendSome(appends []LeaderAppend, epoch int32) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = 1
	if l.leads(epoch) == nil {
		if n = l.together(appends); n > 1 && l.writeEach(appends[:n], epoch) == nil {
			return n
		}
		n = max(n, 1) // alone each may succeed: a disk that is full has room for a part
	}
	for i := range n {
		a := &appends[i]
		a.Start = l.start.Load()
		err := l.leads(epoch)
		if err == nil {
			err = l.appendLeader(a.Batches, epoch, AppendOptions{}, &a.Appended)
		}
		a.Err = l.wrap("append", err)
	}
	return n
}

// together is how many of the appends, from the first on, can be written together:
// those that would be accepted, into the active segment, if the ones before them were.
func (l *Log) together(appends []LeaderAppend) int {
	s, c := l.active(), l.config.Load()
	size, next := s.size(), l.Offset(LogEnd)
	if size == 0 {
		return 1 // a segment's first batch says when the next one is due
	}
	var before record.Batch
	n := min(len(appends), s.offsets.Room(), s.times.Room()) // a batch has one entry in each at most
	for i := range n {
		b, tail, err := record.Next(appends[i].Batches)
		if appends[i].Err != nil || err != nil || len(tail) > 0 || i > 0 && !continues(b, before) {
			return i
		}
		last := next + int64(b.LastOffsetDelta())
		if !l.takes(s, size, b, int64(len(b)), last, c) {
			return i
		}
		size, next, before = size+int64(len(b)), last+1, b
	}
	return n
}

// continues tells that b is accepted if the batch before it is: neither has a producer
// that numbers its batches, or both have the same, and b is its next.
func continues(b, before record.Batch) bool {
	if b.Transactional() || before.Transactional() || b.ProducerID() != before.ProducerID() {
		return false
	}
	return b.ProducerID() < 0 ||
		b.ProducerEpoch() == before.ProducerEpoch() && b.BaseSequence() == nextSequence(before.LastSequence())
}

// errAlone tells that appends are to be made one by one.
var errAlone = errors.New("to be appended by itself")

// vectors are lists of what is written together.
var vectors = sync.Pool{New: func() any { return new([][]byte) }}

// writeEach is write of appends that were found to go together. On error nothing was
// appended.
func (l *Log) writeEach(appends []LeaderAppend, epoch int32) error {
	if _, duplicate, err := l.sequenced(appends[0].Batches, AppendOptions{}); err != nil || duplicate {
		return errAlone
	}
	v := vectors.Get().(*[][]byte)
	defer func() {
		clear(*v)
		*v = (*v)[:0]
		vectors.Put(v)
	}()
	next, bytes := l.Offset(LogEnd), int64(0)
	for i := range appends {
		a := &appends[i]
		a.Start = l.start.Load()
		a.number(a.Batches, next, epoch)
		next, bytes = a.Last+1, bytes+int64(len(a.Batches))
		*v = append(*v, a.Batches)
	}
	if !l.store.hasRoom(bytes) {
		return errAlone
	}
	if err := l.touch(); err != nil {
		return err
	}
	s := l.active()
	_, err := s.data.WritevAt(*v, s.size())
	return l.written(s, *v, next-1, err)
}
