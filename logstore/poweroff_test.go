package logstore_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// sequenced builds the next batches of one idempotent producer.
type sequenced struct {
	id   int64
	next int32
}

func (p *sequenced) batch(t testing.TB, ms int64, prefix string, n int) []byte {
	o := record.BuilderOptions{Producer: &record.Producer{ID: p.id, BaseSequence: p.next}}
	p.next += int32(n)
	return batchOf(t, o, ms, prefix, n)
}

// The power goes right after each acknowledgement, and the log goes on from
// what is left.
func TestPowerLostAfterEachAcknowledgement(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 4096, 300 })
	l := h.log()
	producers := []*sequenced{{id: 1}, {id: 2}, {id: 3}, {id: 4}}
	var want []string
	for i := range 500 {
		p := producers[i%len(producers)]
		batch := p.batch(t, h.clock.ms(), fmt.Sprint(i), 1+i%2)
		a, err := l.AppendLeader(slices.Clone(batch), int32(i/100))
		must(t, err)
		must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
		for j := range 1 + i%2 {
			want = append(want, fmt.Sprintf("%d-%d", i, j))
		}
		if i%7 == 0 {
			h.store.Housekeep(h.clock.Now())
		}
		if i%61 == 0 {
			must(t, h.store.Checkpoint())
		}
		l = h.powerCut()
		if end := l.Offset(logstore.HighWatermark); end != a.Last+1 {
			t.Fatalf("acknowledged to %d, found %d", a.Last+1, end)
		}
		again, err := l.AppendLeader(batch, int32(i/100))
		if err != nil || !again.Duplicate || again.First != a.First || again.Last != a.Last {
			t.Fatalf("resent %+v: %+v, %v", a, again, err)
		}
		if i%50 == 49 {
			wantValues(t, values(t, l, logstore.HighWatermark), want...)
		}
	}
}

// The power goes right after each acknowledgement, while other producers are in
// the middle of theirs.
func TestPowerLostAmongConcurrentProducers(t *testing.T) {
	const producers, each = 4, 125
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 4096, 300 })
	l := h.log()
	var mu sync.Mutex
	acked := map[int64]string{} // by offset
	var group sync.WaitGroup
	for id := range producers {
		group.Go(func() {
			p := &sequenced{id: int64(id)}
			for i := range each {
				prefix := fmt.Sprintf("%d.%d", id, i)
				a, err := l.AppendLeader(p.batch(t, h.clock.ms(), prefix, 1), 0)
				if err == nil {
					err = l.Wait(t.Context(), logstore.HighWatermark, a.Last+1)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[a.First] = prefix + "-0"
				due := make(map[int64]string, len(acked))
				for o, v := range acked {
					due[o] = v
				}
				mu.Unlock()
				if err := holds(h.mem.Clone().Crash(), due, each*producers); err != nil {
					t.Errorf("after %s: %v", prefix, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// holds opens what a loss of power left and looks for records.
func holds(mem *vfs.Mem, due map[int64]string, most int) error {
	s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true, RecoveryWorkers: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := s.Log(tp)
	if err != nil {
		return err
	}
	found := int64(0)
	for r, err := range l.Records(context.Background(), 0, logstore.HighWatermark) {
		if err != nil {
			return err
		}
		if want, ok := due[r.Offset]; ok && want != string(r.Value) {
			return fmt.Errorf("offset %d holds %q, want %q", r.Offset, r.Value, want)
		}
		if r.Offset != found {
			return fmt.Errorf("offset %d behind %d", r.Offset, found-1)
		}
		delete(due, r.Offset)
		found++
	}
	if len(due) > 0 || found > int64(most) {
		return fmt.Errorf("%d records, without %v", found, due)
	}
	return nil
}

func TestOSModeFlushPoints(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*logstore.Config)
		flush  func(h *harness, l *logstore.Log)
	}{
		{"flush.messages", func(c *logstore.Config) { c.FlushMessages = 3 }, func(h *harness, l *logstore.Log) {
			must(h.t, l.Wait(h.t.Context(), logstore.Durable, 3))
		}},
		{"flush.ms", func(c *logstore.Config) { c.FlushMs = 1000 }, func(h *harness, l *logstore.Log) {
			h.clock.add(1e9)
			h.store.Housekeep(h.clock.Now())
		}},
		{"flush", nil, func(h *harness, l *logstore.Log) { must(h.t, l.Flush()) }},
		{"checkpoint", nil, func(h *harness, l *logstore.Log) { must(h.t, h.store.Checkpoint()) }},
		{"roll and seal", func(c *logstore.Config) { c.SegmentBytes = 250 }, func(h *harness, l *logstore.Log) {
			h.append(l, "rolls", 1)
			h.store.Housekeep(h.clock.Now())
		}},
		{"change to synced", nil, func(h *harness, l *logstore.Log) {
			c := l.Config()
			c.Durability = logstore.Synced
			must(h.t, l.Configure(c))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(cfg *logstore.Config) {
				cfg.Durability = logstore.OS
				if c.change != nil {
					c.change(cfg)
				}
			})
			l := h.log()
			for i := range 3 {
				h.append(l, fmt.Sprint(i), 1)
			}
			if high := l.Offset(logstore.HighWatermark); high != 3 {
				t.Fatalf("the high watermark is %d, want the end 3", high)
			}
			if c.name != "flush.messages" && l.Offset(logstore.Durable) != 0 {
				t.Fatalf("%d are durable before the flush", l.Offset(logstore.Durable))
			}
			c.flush(h, l)
			if durable := l.Offset(logstore.Durable); durable < 3 {
				t.Fatalf("%d are durable", durable)
			}
			got := values(t, h.powerCut(), logstore.HighWatermark)
			if len(got) < 3 || fmt.Sprint(got[:3]) != "[0-0 1-0 2-0]" {
				t.Fatalf("after the power cut: %v", got)
			}
		})
	}
}

// What os mode promises is the process, not the machine.
func TestOSModeSurvivesKill(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Durability, c.SegmentBytes = logstore.OS, 300 })
	l := h.log()
	var want []string
	for i := range 20 {
		h.append(l, fmt.Sprint(i), 1)
		want = append(want, fmt.Sprint(i, "-0"))
	}
	wantValues(t, values(t, h.kill(), logstore.HighWatermark), want...)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), want...)
}
