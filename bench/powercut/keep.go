package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"moldau/logstore"
)

// keep does to the logs all that is not an append.
func (w *worker) keep(ctx context.Context) {
	w.resending.Wait()
	r := rand.New(rand.NewPCG(w.Seed, 1<<32))
	for _, s := range w.spots {
		if s.log == nil && !w.create(s, r) {
			return
		}
	}
	for pause(ctx, r, 8*time.Millisecond) {
		s := w.spots[r.IntN(len(w.spots))]
		share := w.StoreBytes / int64(len(w.spots))
		ok := true
		switch n := r.IntN(20); {
		case s.log.Bytes() > 2*share || n == 0:
			ok = w.replace(s, r)
		case s.log.Bytes() > share || n < 4:
			ok = w.advance(s, r)
		case n < 8:
			ok = w.truncate(s, r)
		case n < 12:
			ok = w.checkpoint()
		case n < 14:
			ok = w.flush(s)
		case n < 15:
			ok = w.configure(s, r)
		}
		if !ok {
			return
		}
	}
}

// done tells of trouble, and whether there was none.
func (w *worker) done(what string, err error) bool {
	if err != nil {
		w.out.trouble("%s: %v", what, err)
	}
	return err == nil
}

// create makes a log where there is none.
func (w *worker) create(s *spot, r *rand.Rand) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	topic := topics[(int(s.partition)+r.IntN(2)*r.IntN(len(topics)))%len(topics)]
	m := message{Kind: msgCreating, Log: logstore.TopicPartition{Topic: topic, Partition: s.partition}}
	binary.LittleEndian.PutUint64(m.ID[:], r.Uint64())
	binary.LittleEndian.PutUint64(m.ID[8:], r.Uint64())
	w.out.tell(m)
	c := configOf(topic)
	if w.Break == breakOS {
		c.Durability = logstore.OS
	}
	l, err := w.store.Create(m.Log, m.ID, c)
	if !w.done("create "+m.Log.String(), err) {
		return false
	}
	m.Kind = msgCreated
	w.out.tell(m)
	s.log = l
	s.stage++
	return true
}

// replace deletes a log and makes another.
func (w *worker) replace(s *spot, r *rand.Rand) bool {
	if !w.delete(s) {
		return false
	}
	return w.create(s, r)
}

func (w *worker) delete(s *spot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := message{Kind: msgDeleting, Log: s.log.Name(), ID: s.log.ID()}
	w.out.tell(m)
	if !w.done("delete "+m.Log.String(), w.store.Delete(m.Log)) {
		return false
	}
	m.Kind = msgDeleted
	w.out.tell(m)
	s.log = nil
	s.recent.take()
	return true
}

// advance raises a log's start, to anywhere below the high watermark.
func (w *worker) advance(s *spot, r *rand.Rand) bool {
	low, high := s.log.StartOffset(), s.log.Offset(logstore.HighWatermark)
	m := message{Kind: msgAdvancing, Log: s.log.Name(), ID: s.log.ID(), Offset: low + r.Int64N(high-low+1)}
	w.out.tell(m)
	if !w.done("advance the start of "+m.Log.String(), s.log.AdvanceStart(m.Offset)) {
		return false
	}
	m.Kind = msgAdvanced
	w.out.tell(m)
	return true
}

// truncate takes one of the last batches away, and what lies behind it.
func (w *worker) truncate(s *spot, r *rand.Rand) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	batches := s.recent.take()
	if len(batches) == 0 {
		return true
	}
	b := batches[r.IntN(len(batches))]
	if b.First <= s.log.StartOffset() {
		return true
	}
	m := message{Kind: msgTruncating, Log: s.log.Name(), ID: s.log.ID(), Offset: b.First + r.Int64N(b.Last-b.First+1)}
	w.out.tell(m)
	if !w.done("truncate "+m.Log.String(), s.log.TruncateTo(m.Offset)) {
		return false
	}
	if end := s.log.Offset(logstore.LogEnd); end != b.First {
		w.out.trouble("%s truncated to %d ends at %d, not at the batch's begin, %d", m.Log, m.Offset, end, b.First)
	}
	m.Kind = msgTruncated
	w.out.tell(m)
	s.stage++
	return true
}

func (w *worker) flush(s *spot) bool {
	m := message{Kind: msgFlushed, Log: s.log.Name(), ID: s.log.ID(), Offset: s.log.Offset(logstore.LogEnd)}
	if !w.done("flush "+m.Log.String(), s.log.Flush()) {
		return false
	}
	w.out.tell(m)
	return true
}

// checkpoint flushes everything.
func (w *worker) checkpoint() bool {
	ends := make([]message, len(w.spots))
	for i, s := range w.spots {
		ends[i] = message{Kind: msgFlushed, Log: s.log.Name(), ID: s.log.ID(), Offset: s.log.Offset(logstore.LogEnd)}
	}
	if !w.done("checkpoint", w.store.Checkpoint()) {
		return false
	}
	for _, m := range ends {
		w.out.tell(m)
	}
	return true
}

// configure changes what may be changed without changing what is promised.
func (w *worker) configure(s *spot, r *rand.Rand) bool {
	c := s.log.Config()
	c.IndexIntervalBytes = 256 << r.IntN(6)
	return w.done("configure "+s.log.Name().String(), s.log.Configure(c))
}
