package logstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// acknowledged is what a store of many logs owes.
type acknowledged struct {
	mu   sync.Mutex
	logs map[logstore.TopicPartition]map[int64]string
}

func (k *acknowledged) add(name logstore.TopicPartition, offset int64, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.logs[name] == nil {
		k.logs[name] = map[int64]string{}
	}
	k.logs[name][offset] = value
}

func (k *acknowledged) copy() map[logstore.TopicPartition]map[int64]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[logstore.TopicPartition]map[int64]string{}
	for name, of := range k.logs {
		all[name] = maps.Clone(of)
	}
	return all
}

// owed opens a tree and tells what is missing or elsewhere.
func owed(mem *vfs.Mem, due map[logstore.TopicPartition]map[int64]string) error {
	s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true, RecoveryWorkers: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	for name, of := range due {
		l, err := s.Log(name)
		if err != nil {
			return err
		}
		found := map[int64]string{}
		for r, err := range l.Records(context.Background(), 0, logstore.HighWatermark) {
			if err != nil {
				return err
			}
			found[r.Offset] = string(r.Value)
		}
		for offset, value := range of {
			if found[offset] != value {
				return fmt.Errorf("%s: offset %d holds %q, acknowledged %q", name, offset, found[offset], value)
			}
		}
	}
	return nil
}

// nats-server #7564: JetStream synced every two minutes; a loss of power of all
// servers together took 131,418 of 930,005 acknowledged messages.
func TestNATSServer7564PowerLossTakesNothingAcknowledged(t *testing.T) {
	for _, journal := range []bool{false, true} {
		t.Run(fmt.Sprint("journal always ", journal), func(t *testing.T) {
			h := newJournalHarness(t, 4, func(c *logstore.Config) { c.SegmentBytes = 2000 })
			if !journal {
				must(t, h.store.Close())
				h.change = nil
				h.open()
			}
			due := &acknowledged{logs: map[logstore.TopicPartition]map[int64]string{}}
			var group sync.WaitGroup
			for p := range int32(6) {
				l, err := h.store.Create(logstore.TopicPartition{Topic: "n", Partition: p}, logstore.TopicID{}, h.config)
				must(t, err)
				group.Go(func() {
					for i := range 20 {
						value := fmt.Sprint(p, ".", i)
						a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), value, 1), 0)
						if err == nil {
							err = l.Wait(t.Context(), logstore.HighWatermark, a.Last+1)
						}
						if err != nil {
							t.Error(err)
							return
						}
						due.add(l.Name(), a.First, value+"-0")
						if i%5 == 0 {
							owes := due.copy()
							if err := owed(h.mem.Clone().Crash(), owes); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			group.Wait()
			if err := owed(h.mem.Crash(), due.copy()); err != nil {
				t.Error(err)
			}
		})
	}
}

// nats-server #7549: one bit flipped in the middle of what was acknowledged, and
// all behind it was dropped without a word.
func TestNATSServer7549FlippedBitIsTold(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	for i := range 9 {
		h.appendDurably(l, fmt.Sprint(i), 1)
	}
	must(t, h.store.CutJournal())
	h.appendDurably(l, "9", 1)
	left := h.mem.Clone().Crash()
	good := readAll(t, left, firstLog)
	batch := len(good) / 9
	for at := 3 * batch; at < 4*batch; at += 5 {
		mem := left.Clone()
		bad := withByte(good, at, good[at]^4)
		overwrite(t, mem, firstLog, bad)
		o := h.openTree(t, mem)
		var corrupt *logstore.CorruptionError
		if err := o.log.Err(); !errors.As(err, &corrupt) || corrupt.File != firstLog {
			// The leader epoch is not in the checksum.
			if err == nil && at >= 3*batch+12 && at < 3*batch+16 {
				wantValues(t, values(t, o.log, logstore.HighWatermark), names(0, 10)...)
				continue
			}
			t.Fatalf("byte %d: %v, want corruption", at, err)
		}
		if len(eventsOf[logstore.LogPoisoned](o.events)) != 1 {
			t.Fatalf("byte %d: not told", at)
		}
		wantValues(t, values(t, o.log, logstore.HighWatermark), names(0, 3)...)
		if string(readAll(t, mem, firstLog)) != string(bad) {
			t.Fatalf("byte %d: the file was changed", at)
		}
		_ = o.store.Close()
	}
}

// liftbridge: a bad checksum met on the way up was a panic, and the server did not
// start again. Here a byte is flipped anywhere in what a crash leaves.
func TestLiftbridgeNoPanicWhateverByteIsFlipped(t *testing.T) {
	h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 300, 0 })
	l := h.log()
	for i := range 3 {
		h.appendDurably(l, fmt.Sprint("a", i), 1)
		h.appendDurably(h.another(), fmt.Sprint("b", i), 1)
	}
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.Checkpoint())
	h.appendDurably(l, "c", 1)
	left := h.mem.Crash()
	for name, content := range tree(t, left, "data") {
		if content == "directory" {
			continue
		}
		for at := 0; at < min(len(content), 400); at += 7 {
			mem := left.Clone()
			overwrite(t, mem, name, withByte([]byte(content), at, content[at]^0x20))
			s, err := logstore.Open("data", logstore.Options{FS: mem, Clock: h.clock, Manual: true, RecoveryWorkers: 1})
			if err != nil {
				t.Fatalf("%s, byte %d: one bad byte and no log is served: %v", name, at, err)
			}
			for _, l := range s.Logs() {
				next := l.StartOffset()
				for r, err := range l.Records(t.Context(), next, logstore.LogEnd) {
					if err != nil {
						break // told
					}
					if r.Offset < next || !strings.HasSuffix(string(r.Value), "-0") {
						t.Fatalf("%s, byte %d: offset %d holds %q, %d is next", name, at, r.Offset, r.Value, next)
					}
					next = r.Offset + 1
				}
				_, _ = l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "x", 1), max(0, l.LatestEpoch()))
			}
			_ = s.Close()
		}
	}
}

// Redpanda #3003: offsets that were acknowledged were not those at which records
// were read later. Producers send each batch twice, side by side, among rolls.
func TestRedpanda3003AcknowledgedOffsetsStay(t *testing.T) {
	h := newJournalHarness(t, 4, func(c *logstore.Config) { c.SegmentBytes = 1500 })
	l := h.log()
	due := &acknowledged{logs: map[logstore.TopicPartition]map[int64]string{}}
	var group sync.WaitGroup
	for id := range 4 {
		group.Go(func() {
			p := sequenced{id: int64(id)}
			for i := range 25 {
				value := fmt.Sprint(id, ".", i)
				batch := p.batch(t, h.clock.ms(), value, 2)
				firsts := make(chan int64, 2)
				for range cap(firsts) {
					group.Go(func() {
						a, err := l.AppendLeader(slices.Clone(batch), 0)
						if err != nil {
							t.Error(err)
						}
						firsts <- a.First
					})
				}
				one, two := <-firsts, <-firsts
				if one != two {
					t.Errorf("%s is at %d, and at %d", value, one, two)
				}
				due.add(tp, one, value+"-0")
				due.add(tp, one+1, value+"-1")
			}
		})
	}
	group.Wait()
	must(t, l.Flush())
	for _, mem := range []*vfs.Mem{h.mem.Clone(), h.mem.Crash()} {
		if err := owed(mem, due.copy()); err != nil {
			t.Error(err)
		}
	}
}

// KIP-966: the last replica standing lost what it alone had acknowledged, for it
// was elected again after an unclean end and had not synced.
func TestKIP966LastReplicaStandingKeepsWhatItAcknowledged(t *testing.T) {
	for name, again := range reopenings {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, func(c *logstore.Config) { c.Replicated = true })
			l := h.log()
			for i := range 6 {
				a := h.append(l, fmt.Sprint(i), 1)
				must(t, l.Wait(t.Context(), logstore.Durable, a.Last+1))
				must(t, l.SetHighWatermark(a.Last+1)) // nobody else is in sync
			}
			l = again(h)
			if end := l.Offset(logstore.Durable); end != 6 {
				t.Fatalf("%d are durable, want 6", end)
			}
			wantValues(t, values(t, l, logstore.LogEnd), names(0, 6)...)
		})
	}
}

// hashicorp/raft-wal: who read loaded the list of segments, then counted itself
// in; a truncation between had closed the files.
func TestRaftWALPinIsNotTakenOfWhatIsGone(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.FileDeleteDelayMs = 150, 0 })
	l := h.log()
	var done atomic.Bool
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			var f logstore.Fetch
			for !done.Load() {
				err := l.Read(&f, l.StartOffset(), logstore.LogEnd, 1000, true)
				if errors.Is(err, logstore.ErrOffsetRange) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, s := range f.Sections {
					if _, err := s.File.ReadAt(make([]byte, 1), s.Offset); err != nil {
						t.Errorf("a pinned file: %v", err)
					}
				}
				f.Release()
			}
		})
	}
	for i := range 150 {
		h.appendDurably(l, fmt.Sprint(i), 1)
		must(t, l.AdvanceStart(l.Offset(logstore.HighWatermark)))
		h.store.Housekeep(h.clock.Now())
	}
	done.Store(true)
	group.Wait()
}
