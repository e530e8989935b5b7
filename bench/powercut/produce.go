package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

const inFlightMax = 5 // batches of one idempotent producer, as Kafka remembers

// producer appends to the log of one spot.
type producer struct {
	w      *worker
	spot   *spot
	slot   int
	rand   *rand.Rand
	stage  int  // of the spot, that next is for
	next   spec // of the next batch, but for its size
	resend []spec
}

// load starts all that puts the store under load.
func (w *worker) load(ctx context.Context, group *sync.WaitGroup, streams []streamPlan) {
	for _, s := range w.spots {
		for slot := range w.Slots {
			p := &producer{w: w, spot: s, slot: slot, stage: -1,
				rand: rand.New(rand.NewPCG(w.Seed, uint64(s.partition)<<8|uint64(slot)))}
			if s.log != nil {
				p.resume(streams)
			}
			w.resending.Add(1)
			group.Go(func() { p.run(ctx) })
		}
	}
	group.Go(func() { w.keep(ctx) })
	group.Go(func() { w.writeBack(ctx) })
}

// resume goes on with the stream that a producer before it left.
func (p *producer) resume(streams []streamPlan) {
	for _, s := range streams {
		if s.Last.ID == p.spot.log.ID() && s.Last.Slot == p.slot {
			p.next, p.resend, p.stage = s.Last, s.Resend, 0
			p.advance()
		}
	}
}

// begin starts a stream. Of three producers two are idempotent, and one of them
// has several batches in flight.
func (p *producer) begin() {
	p.next = spec{ID: p.spot.log.ID(), Slot: p.slot, Stream: p.rand.Int64(), Producer: -1}
	if p.idempotent() {
		p.next.Producer = p.next.Stream
	}
	p.stage, p.resend = p.spot.stage, nil
}

func (p *producer) idempotent() bool { return (p.slot+int(p.spot.partition))%3 != 1 }

func (p *producer) inFlight() int {
	if (p.slot+int(p.spot.partition))%3 == 2 {
		return 1
	}
	return 1 + p.rand.IntN(inFlightMax)
}

// advance makes next the spec behind it.
func (p *producer) advance() {
	p.next.Sequence += int32(p.next.Count)
	p.next.N++
}

func (p *producer) run(ctx context.Context) {
	ok := p.burst(ctx)
	p.w.resending.Done()
	for ok && pause(ctx, p.rand, 3*time.Millisecond) {
		if !p.burst(ctx) {
			return
		}
	}
}

// burst appends a few batches and waits for them.
func (p *producer) burst(ctx context.Context) bool {
	p.spot.mu.RLock()
	defer p.spot.mu.RUnlock()
	l := p.spot.log
	if l == nil {
		return true
	}
	if p.stage != p.spot.stage {
		p.begin()
	}
	specs := p.resend
	p.resend = nil
	for len(specs) == 0 || len(specs) < p.inFlight() {
		specs = append(specs, p.draw(l.Name().Topic))
		p.advance()
	}
	var sent []spec
	var appended []logstore.Appended
	ok := true
	for _, s := range specs {
		a, err := p.append(l, s)
		if err != nil {
			p.w.out.trouble("append to %s of batch %d of stream %x: %v", l.Name(), s.N, s.Stream, err)
			ok = false
			break
		}
		sent, appended = append(sent, s), append(appended, a)
	}
	for i, a := range appended {
		if p.w.Break != breakEarly {
			if err := l.Wait(context.Background(), logstore.HighWatermark, a.Last+1); err != nil {
				p.w.out.trouble("wait for %s: %v", l.Name(), err)
				return false
			}
		}
		p.w.out.tell(message{Kind: msgAcknowledged, Log: l.Name(), ID: l.ID(), Spec: sent[i], First: a.First, Duplicate: a.Duplicate})
		p.spot.recent.add(a)
	}
	return ok && ctx.Err() == nil
}

// draw is next with a size.
func (p *producer) draw(topic string) spec {
	most := batchBytesMax(topic)
	value := 100 + p.rand.IntN(900)
	if p.rand.IntN(8) == 0 {
		value = 1000 + p.rand.IntN(most-1500)
	}
	p.next.Value = value
	p.next.Count = 1 + p.rand.IntN(max(1, min(8, most/(value+80))))
	p.next.Codec = record.Codec(0)
	if p.rand.IntN(3) == 0 {
		p.next.Codec = record.Codec(1 + p.rand.IntN(4))
	}
	p.next.Epoch = p.w.Epoch
	return p.next
}

// append tells of an attempt and makes it.
func (p *producer) append(l *logstore.Log, s spec) (logstore.Appended, error) {
	s.Epoch = p.w.Epoch
	b, hashes, err := build(s)
	if err != nil {
		return logstore.Appended{}, err
	}
	p.w.out.tell(message{Kind: msgAttempt, Log: l.Name(), ID: l.ID(), Spec: s, Hashes: hashes, Bytes: len(b)})
	return l.AppendLeader(b, s.Epoch)
}
