package logstore_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Appends, reads, rolls, truncation, retention, flushes, checkpoints and lookups
// at once: every read is of whole batches in order, whose bytes stay what they
// are while they are pinned. What is proved is proved by the race detector, too.
func TestEverythingAtOnce(t *testing.T) {
	everythingAtOnce(t, nil)
}

// So it is where the files of a log are closed whenever housekeeping finds it idle.
func TestEverythingAtOnceWithFewFiles(t *testing.T) {
	for _, together := range []int{1, 100} {
		s := everythingAtOnce(t, func(o *logstore.Options) {
			o.OpenFilesMax = 1
			*o = logstore.SyncAllFrom(*o, together)
		})
		if c := s.Counters(); c.ShedFiles == 0 {
			t.Fatal("no file was closed")
		}
	}
}

func everythingAtOnce(t *testing.T, change func(*logstore.Options)) *logstore.Store {
	const appends = 150
	h := newHarness(t, func(c *logstore.Config) {
		c.SegmentBytes, c.IndexIntervalBytes, c.FileDeleteDelayMs, c.RetentionBytes = 1000, 150, 0, 6000
	})
	if change != nil {
		must(t, h.store.Close())
		h.change = change
		h.open()
	}
	l := h.log()
	var done atomic.Bool
	var appenders, others sync.WaitGroup
	for id := range 3 {
		appenders.Go(func() {
			p := sequenced{id: int64(id)}
			for i := range appends {
				epoch := max(0, l.LatestEpoch())
				batch := p.batch(t, h.clock.ms(), fmt.Sprintf("%d.%d", id, i), 1+i%3)
				a, err := l.AppendLeader(batch, epoch)
				switch {
				case errors.Is(err, logstore.ErrSequence): // a truncation took what was before
					p = sequenced{id: p.id + 100}
				case err != nil:
					t.Error(err)
					return
				case i%10 == 0:
					// A truncation may take it and nobody bring it back: look, do not wait.
					_ = l.Offset(logstore.HighWatermark) > a.Last
				}
			}
		})
	}
	loop := func(f func(i int) error) {
		others.Go(func() {
			for i := 0; !done.Load(); i++ {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		var f logstore.Fetch
		loop(func(i int) error { return readOnce(t, l, &f, i) })
	}
	loop(func(int) error {
		h.clock.add(10 * time.Millisecond)
		h.store.Housekeep(h.clock.Now())
		return nil
	})
	loop(func(int) error { return h.store.Checkpoint() })
	loop(func(int) error { return l.Flush() })
	loop(func(i int) error {
		end := l.Offset(logstore.LogEnd)
		if i%20 == 0 && end > l.StartOffset()+4 {
			return l.TruncateTo(end - 3)
		}
		return nil
	})
	loop(func(i int) error {
		if i%20 == 0 {
			err := l.AdvanceStart(min(l.StartOffset()+1, l.Offset(logstore.HighWatermark)))
			if !errors.Is(err, logstore.ErrOffsetRange) { // a truncation went between
				return err
			}
		}
		_, _, err := l.OffsetForTimestamp(h.clock.ms())
		return err
	})
	loop(func(i int) error {
		w := logstore.NewWaiter()
		l.Watch(logstore.Durable, l.Offset(logstore.Durable), w)
		_ = l.Segments()
		_, _ = l.EpochEnd(0)
		l.Unwatch(w)
		return nil
	})
	appenders.Wait()
	done.Store(true)
	others.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if failed := eventsOf[logstore.HousekeepingFailed](h.events); len(failed) > 0 {
		t.Fatal(failed)
	}
	must(t, l.Flush())
	for range 2 {
		h.clock.add(2 * time.Second) // idle now
		h.store.Housekeep(h.clock.Now())
	}
	want, s := state(t, l), h.store
	if got := state(t, h.powerCut()); got != want {
		t.Fatalf("before the power cut\n%s\nafter it\n%s", want, got)
	}
	return s
}

// readOnce reads from the start, or close to the end, and checks what it gets.
func readOnce(t *testing.T, l *logstore.Log, f *logstore.Fetch, i int) error {
	from := l.StartOffset()
	if i%2 == 1 {
		from = max(from, l.Offset(logstore.HighWatermark)-5)
	}
	err := l.Read(f, from, logstore.HighWatermark, 2000, true)
	if errors.Is(err, logstore.ErrOffsetRange) {
		return nil // the start went by, or the end came down
	}
	if err != nil {
		return err
	}
	defer f.Release()
	next := int64(-1)
	for _, s := range f.Sections {
		b := make([]byte, s.Length)
		if n, err := s.File.ReadAt(b, s.Offset); n < len(b) {
			// Truncated meanwhile, below the high watermark: this test does what a
			// broker never does.
			_ = err
			return nil
		}
		for len(b) > 0 {
			batch, rest, err := record.Next(b)
			if errors.Is(err, record.ErrShort) {
				break
			}
			if err != nil || batch.Check() != nil {
				return nil // overwritten after a truncation
			}
			if next >= 0 && batch.BaseOffset() < next {
				return fmt.Errorf("batch at %d after %d", batch.BaseOffset(), next)
			}
			next, b = batch.LastOffset()+1, rest
		}
	}
	return nil
}

// Without truncation a read is exact: the batches asked for, whole, one behind
// the other, whatever rolls and retires meanwhile.
func TestReadsAreExactAmongAppends(t *testing.T) {
	const appends = 200
	h := newHarness(t, func(c *logstore.Config) {
		c.SegmentBytes, c.IndexIntervalBytes, c.FileDeleteDelayMs, c.RetentionBytes = 800, 150, 0, 4000
	})
	l := h.log()
	var group sync.WaitGroup
	var done atomic.Bool
	for range 3 {
		group.Go(func() {
			var f logstore.Fetch
			for !done.Load() {
				from := l.StartOffset()
				err := l.Read(&f, from, logstore.HighWatermark, 1500, true)
				if errors.Is(err, logstore.ErrOffsetRange) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				bases, _ := batchesIn(t, bytesOf(t, &f))
				for i, base := range bases {
					if base != from+int64(i) {
						t.Errorf("from %d: batches at %v", from, bases)
					}
				}
				f.Release()
			}
		})
	}
	group.Go(func() {
		for !done.Load() {
			h.store.Housekeep(h.clock.Now())
		}
	})
	for i := range appends {
		h.append(l, fmt.Sprint(i), 1)
	}
	must(t, l.Flush())
	done.Store(true)
	group.Wait()
	if l.StartOffset() == 0 {
		h.store.Housekeep(h.clock.Now())
	}
	if l.StartOffset() == 0 || l.Offset(logstore.HighWatermark) != appends {
		t.Fatalf("%d to %d", l.StartOffset(), l.Offset(logstore.HighWatermark))
	}
}

// Several logs in one store at once, created, written and deleted.
func TestManyLogsAtOnce(t *testing.T) {
	h := newHarness(t, nil)
	var group sync.WaitGroup
	for p := range int32(8) {
		group.Go(func() {
			name := logstore.TopicPartition{Topic: "many", Partition: p}
			for round := range 3 {
				l, err := h.store.Create(name, logstore.TopicID{byte(p), byte(round)}, h.config)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range 5 {
					a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), fmt.Sprint(i), 1), 0)
					if err == nil {
						err = l.Wait(t.Context(), logstore.HighWatermark, a.Last+1)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
				if round < 2 {
					if err := h.store.Delete(name); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Go(func() {
		for range 10 {
			h.store.Housekeep(h.clock.Now())
			if err := h.store.Checkpoint(); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	h.mem = h.mem.Clone().Crash()
	_ = h.store.Close()
	h.open()
	if n := len(h.store.Logs()); n != 8 {
		t.Fatalf("%d logs", n)
	}
	for _, l := range h.store.Logs() {
		wantValues(t, values(t, l, logstore.HighWatermark), "0-0", "1-0", "2-0", "3-0", "4-0")
	}
}

// A truncation replaces segments, and the places that bounds lead to with them.
// A bound that lies below it stands still for every reader.
func TestBoundsDoNotFlicker(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Replicated, c.Durability = true, logstore.OS })
	l := h.log()
	h.append(l, "kept", 10)
	must(t, l.SetHighWatermark(10))
	var done atomic.Bool
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for !done.Load() {
				if high := l.Offset(logstore.HighWatermark); high != 10 {
					t.Errorf("the high watermark was %d for a moment, want 10", high)
					return
				}
			}
		})
	}
	for range 300 {
		h.append(l, "cut", 1)
		must(t, l.TruncateTo(10))
	}
	done.Store(true)
	group.Wait()
}

// Whose append was acknowledged, because the high watermark has passed it, finds it
// when reading what is committed.
func TestLastStableOffsetIsNotBehindTheHighWatermark(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Durability = logstore.OS })
	l := h.log()
	var done atomic.Bool
	var reader sync.WaitGroup
	reader.Go(func() {
		for !done.Load() {
			high := l.Offset(logstore.HighWatermark)
			if stable := l.Offset(logstore.LastStable); stable < high {
				t.Errorf("the last stable offset is %d, the high watermark was %d", stable, high)
				return
			}
		}
	})
	for range 5000 {
		h.append(l, "a", 1)
	}
	done.Store(true)
	reader.Wait()
}
