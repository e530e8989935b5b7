package main

import (
	"fmt"
	"slices"

	"moldau/logstore"
)

// ledger is all that may and must be in a store, as its workers told it.
type ledger struct {
	logs    map[logstore.TopicID]*logHistory
	faults  []string
	counts  counts
	worker  int32 // epoch of the worker at work
	expired bool  // the end has come: trouble is to be expected
	dark    bool  // and it was the power that went
	// Names under which a creation that was not acknowledged may have left an
	// empty log that has no id yet.
	halfMade map[logstore.TopicPartition]bool
}

// counts is what a summary tells.
type counts struct {
	Attempted, Acknowledged     int // batches
	Records                     int // acknowledged
	UnknownFound, UnknownLost   int // batches that were neither acknowledged nor refused
	Ghosts                      int // that were not found once, and then were
	Resent, Duplicates          int
	Created, Deleted, Truncated int
	Advanced                    int
	Late, LateLost              int // acknowledged, but read after the cut; lost of those
	HalfMade                    int // logs without id
}

// existence of a log.
type existence uint8

const (
	creating existence = iota
	there
	deleting
	deleted
)

// logHistory is one log from its creation to its deletion.
type logHistory struct {
	name    logstore.TopicPartition
	id      logstore.TopicID
	is      existence
	start   int64 // acknowledged
	advance int64 // the highest start that was asked for
	durable int64 // told to be, or found; what counts in os mode
	cutting int64 // a truncation that was not acknowledged, or -1
	records map[uint64]position
	streams map[int64]*stream
}

// position is a record in its batch.
type position struct {
	batch *batch
	index int
}

// stream is one producer's batches in one log. Those that are gone for good are
// not in it.
type stream struct {
	batches []*batch // in order
	last    spec     // attempted
	ended   bool     // it is not to go on
}

// batch is one that was attempted.
type batch struct {
	spec
	hashes []uint64
	bytes  int
	first  int64 // offset, -1 while it is not known
	due    bool  // must be found
	epochs []int32
	// ghost, unless 0, is one more than the end of a log in which it was not found
	// and will not be sent again. See judge.
	ghost int64
	late  bool // acknowledged, but only read after the cut
	found bool // in the course of a judgement
}

func (b *batch) end() int64 { return b.first + int64(b.Count) }

func newLedger() *ledger {
	return &ledger{logs: map[logstore.TopicID]*logHistory{}, halfMade: map[logstore.TopicPartition]bool{}}
}

func (l *ledger) fault(format string, args ...any) {
	if len(l.faults) < 1000 {
		l.faults = append(l.faults, fmt.Sprintf("in cycle %d: ", l.worker)+fmt.Sprintf(format, args...))
	}
}

// hear takes in what a worker tells, but for what it found.
func (l *ledger) hear(m *message) {
	if m.Kind == msgCreating {
		l.halfMade[m.Log] = true
		l.logs[m.ID] = &logHistory{name: m.Log, id: m.ID, cutting: -1,
			records: map[uint64]position{}, streams: map[int64]*stream{}}
		return
	}
	h := l.logs[m.ID]
	if h == nil {
		switch m.Kind {
		case msgEvent, msgClosed:
		case msgDeleting, msgDeleted: // of a log that is without id
		case msgTrouble:
			if !l.expired {
				l.fault("%s", m.Text)
			}
		default:
			l.fault("the harness is at fault: message %d of a log that is not known, %s %s", m.Kind, m.Log, m.ID)
		}
		return
	}
	if l.dark && m.Kind != msgAttempt && m.Kind != msgAcknowledged && m.Kind != msgTruncating && m.Kind != msgAdvancing && m.Kind != msgDeleting {
		return // a promise that came too late
	}
	switch m.Kind {
	case msgAttempt:
		l.attempted(h, m)
	case msgAcknowledged:
		l.acknowledged(h, m)
	case msgCreated:
		h.is = there
		delete(l.halfMade, m.Log)
		l.counts.Created++
	case msgDeleting:
		h.is = deleting
	case msgDeleted:
		delete(l.logs, m.ID)
		l.counts.Deleted++
	case msgTruncating:
		h.truncating(m.Offset)
	case msgTruncated:
		h.truncated()
		l.counts.Truncated++
	case msgAdvancing:
		h.advance = max(h.advance, m.Offset)
	case msgAdvanced:
		h.start = max(h.start, m.Offset)
		l.counts.Advanced++
	case msgFlushed:
		h.durable = max(h.durable, m.Offset)
	}
}

// attempted takes in a batch that is about to be appended, perhaps again.
func (l *ledger) attempted(h *logHistory, m *message) {
	l.counts.Attempted++
	if p, again := h.records[m.Hashes[0]]; again {
		l.counts.Resent++
		if p.batch.first < 0 {
			p.batch.epochs = append(p.batch.epochs, m.Spec.Epoch)
		}
		return
	}
	s := h.streams[m.Spec.Stream]
	if s == nil {
		s = &stream{}
		h.streams[m.Spec.Stream] = s
	}
	b := &batch{spec: m.Spec, hashes: m.Hashes, bytes: m.Bytes, first: -1, epochs: []int32{m.Spec.Epoch}}
	s.batches = append(s.batches, b)
	s.last = m.Spec
	for i, hash := range m.Hashes {
		if _, ok := h.records[hash]; ok {
			l.fault("the harness is at fault: two records have one hash")
		}
		h.records[hash] = position{b, i}
	}
}

func (l *ledger) acknowledged(h *logHistory, m *message) {
	s := h.streams[m.Spec.Stream]
	if s == nil {
		l.fault("the harness is at fault: an acknowledgement for no stream")
		return
	}
	i := slices.IndexFunc(s.batches, func(b *batch) bool { return b.N == m.Spec.N })
	if i < 0 {
		l.fault("the harness is at fault: an acknowledgement for no batch")
		return
	}
	b := s.batches[i]
	switch {
	case b.first >= 0 && (!m.Duplicate || m.First != b.first):
		l.fault("%s: batch %d of stream %x, which lies at %d, was resent and is now at %d, duplicate %v",
			h.name, b.N, b.Stream, b.first, m.First, m.Duplicate)
	case b.first < 0 && m.Duplicate:
		l.fault("%s: batch %d of stream %x, which is not in the log, is called a duplicate at %d", h.name, b.N, b.Stream, m.First)
	case m.Duplicate:
		l.counts.Duplicates++
	default:
		l.counts.Acknowledged++
		l.counts.Records += b.Count
	}
	b.first, b.late = m.First, l.dark
	if l.dark {
		l.counts.Late++
		return
	}
	b.due = true
}

// truncating makes what lies at and above an offset a thing of chance.
func (h *logHistory) truncating(to int64) {
	h.cutting = to
	h.durable = min(h.durable, to)
	for _, s := range h.streams {
		s.ended = true
		for _, b := range s.batches {
			if b.first < 0 || b.end() > to {
				b.due = false
			}
		}
	}
}

// truncated forgets it: from now on nobody attempted it.
func (h *logHistory) truncated() {
	h.forget(func(b *batch) bool { return b.first < 0 || b.end() > h.cutting })
	h.cutting = -1
}

// forget takes batches away that must not be found, or need not be any more.
func (h *logHistory) forget(which func(*batch) bool) {
	for id, s := range h.streams {
		s.batches = slices.DeleteFunc(s.batches, func(b *batch) bool {
			if !which(b) {
				return false
			}
			for _, hash := range b.hashes {
				delete(h.records, hash)
			}
			return true
		})
		if s.ended && len(s.batches) == 0 {
			delete(h.streams, id)
		}
	}
}

// powerLost tells what was not promised to survive it.
func (l *ledger) powerLost(promised func(logstore.TopicPartition) bool) {
	for _, h := range l.logs {
		if promised(h.name) {
			continue
		}
		for _, s := range h.streams {
			for _, b := range s.batches {
				if b.first < 0 || b.end() > h.durable {
					b.due = false
				}
			}
		}
	}
}
