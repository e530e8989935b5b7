package logstore_test

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// at runs f, once, within the first operation that matches.
func (h *harness) at(matches func(vfs.Op) bool, f func()) (ran *bool) {
	ran = new(bool)
	var mu sync.Mutex
	h.fault.SetHook(func(op vfs.Op) error {
		mu.Lock()
		now := !*ran && matches(op)
		*ran = *ran || now
		mu.Unlock()
		if now {
			f()
		}
		return nil
	})
	h.t.Cleanup(func() { h.fault.SetHook(nil) })
	return ran
}

func writesCleaned(op vfs.Op) bool {
	return op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".log.cleaned")
}

// dirty fills segments of each of which something stays.
func dirty(h *harness, l *logstore.Log) {
	for i := range 20 {
		h.put(l, record.BuilderOptions{}, fmt.Sprintf("k%d=%d", i%2, i), fmt.Sprintf("u%d=%d", i, i))
	}
	h.store.Housekeep(h.clock.Now())
	must(h.t, h.store.Checkpoint())
}

// Whoever changes the log while it is compacted finds it as it was, or compacted,
// and what is left of the compaction is nothing.
func TestBesideACompaction(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(h *harness, l *logstore.Log) error
		waits  bool // it ends the compaction, and waits for that
		fails  int  // compactions
		starts int64
	}{
		{"append", func(h *harness, l *logstore.Log) error {
			_, err := l.AppendLeader(h.keyed(record.BuilderOptions{}, "k0=new"), 0)
			return err
		}, false, 0, 0},
		{"checkpoint", func(h *harness, l *logstore.Log) error { return h.store.Checkpoint() }, false, 0, 0},
		{"seal", func(h *harness, l *logstore.Log) error { h.store.Housekeep(h.clock.Now()); return nil }, false, 0, 0},
		{"retention", func(h *harness, l *logstore.Log) error {
			if err := l.AdvanceStart(l.Segments()[1].Base); err != nil {
				return err
			}
			h.store.Housekeep(h.clock.Now())
			return nil
		}, false, 1, 1},
		{"truncation", func(h *harness, l *logstore.Log) error { return l.TruncateTo(l.Segments()[2].Base) }, true, 1, 0},
		{"delete", func(h *harness, l *logstore.Log) error { return h.store.Delete(tp) }, true, 1, 0},
		{"close", func(h *harness, l *logstore.Log) error { return h.store.Close() }, true, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, l := newCompacted(t, nil)
			dirty(h, l)
			before := pairs(t, l, logstore.LogEnd)
			done := make(chan error, 1)
			began := make(chan struct{})
			ran := h.at(writesCleaned, func() {
				go func() {
					close(began)
					done <- c.do(h, l)
				}()
				<-began
				for i := 0; c.waits && i < 1_000_000 && !logstore.CompactionEnds(l); i++ {
					runtime.Gosched()
				}
				if !c.waits {
					must(t, <-done)
					done <- nil
				}
			})
			compacted := h.store.Compact(h.clock.Now())
			must(t, <-done)
			if !*ran {
				t.Fatal("nothing was compacted")
			}
			if failed := eventsOf[logstore.CompactionFailed](h.events); len(failed) > 0 {
				t.Fatalf("%+v", failed)
			}
			if !c.waits && compacted != 1-c.fails {
				t.Fatalf("%d compacted", compacted)
			}
			if c.name == "delete" || c.name == "close" {
				return
			}
			must(t, l.Err())
			newest := map[string]string{}
			for _, p := range before {
				offset, rest, _ := strings.Cut(p, ":")
				key, _, _ := strings.Cut(rest, "=")
				if n, _ := strconv.ParseInt(offset, 10, 64); n >= l.StartOffset() && n < l.Offset(logstore.LogEnd) {
					newest[key] = p
				}
			}
			got := strings.Join(pairs(t, l, logstore.LogEnd), " ")
			for _, p := range newest {
				if !strings.Contains(got, p) {
					t.Fatalf("%s is gone: %s", p, got)
				}
			}
			h.compact(l)
			names, err := h.mem.ReadDir(logDir)
			must(t, err)
			for _, n := range names {
				if strings.HasSuffix(n.Name(), ".cleaned") || strings.HasSuffix(n.Name(), ".swap") {
					t.Errorf("%s is left", n.Name())
				}
			}
			must(t, h.store.Close())
			noFaults(t, h.mem)
		})
	}
}

// A compaction that finds a segment gone which nobody had open has not failed:
// retention took it.
func TestRetentionBesideACompactionOfAClosedLog(t *testing.T) {
	h, l := newCompacted(t, nil)
	dirty(h, l)
	must(t, h.store.Close())
	h.open()
	l = h.log()
	segments := l.Segments()
	first := logFile(segments[0])
	ran := h.at(func(op vfs.Op) bool { return op.Kind == vfs.OpOpen && op.Name == first }, func() {
		must(t, l.AdvanceStart(segments[2].Base))
		h.store.Housekeep(h.clock.Now())
	})
	compacted := h.store.Compact(h.clock.Now())
	if failed := eventsOf[logstore.CompactionFailed](h.events); !*ran || compacted > 0 || len(failed) > 0 {
		t.Fatalf("ran %v, %d compacted, failed: %+v", *ran, compacted, failed)
	}
	h.compact(l)
}

// A log of which the compaction fails goes on, is tried again after a while, and
// keeps no other from being compacted.
func TestFailingCompaction(t *testing.T) {
	h, l := newCompacted(t, nil)
	other, err := h.store.Create(logstore.TopicPartition{Topic: "other"}, logstore.TopicID{2}, h.config)
	must(t, err)
	dirty(h, l)
	dirty(h, other)
	sick := errors.New("sick")
	fail := true
	h.fault.SetHook(func(op vfs.Op) error {
		if fail && strings.HasSuffix(op.Name, ".cleaned") && strings.Contains(op.Name, "/t-0/") && op.Kind == vfs.OpWrite {
			return sick
		}
		return nil
	})
	defer h.fault.SetHook(nil)
	before := pairs(t, l, logstore.LogEnd)
	if n := h.store.Compact(h.clock.Now()); n != 1 {
		t.Fatalf("%d compacted", n)
	}
	wantValues(t, pairs(t, l, logstore.LogEnd), before...)
	if got := pairs(t, other, logstore.LogEnd); len(got) >= len(before) {
		t.Fatalf("other holds %v", got)
	}
	wait := []int64{15_000, 30_000, 60_000, 120_000, 240_000, 480_000, 960_000, 960_000}
	for i, ms := range wait {
		failed := eventsOf[logstore.CompactionFailed](h.events)
		if len(failed) != i+1 || failed[i].Log != tp || failed[i].Failures != i+1 || failed[i].RetryMs != ms || !errors.Is(failed[i].Err, sick) {
			t.Fatalf("%d: %+v", i, failed)
		}
		h.clock.add(time.Duration(ms-1) * time.Millisecond)
		h.store.Compact(h.clock.Now())
		if again := eventsOf[logstore.CompactionFailed](h.events); len(again) != len(failed) {
			t.Fatalf("tried again too early: %+v", again)
		}
		h.clock.add(time.Millisecond)
		if i == len(wait)-1 {
			fail = false
		}
		h.store.Compact(h.clock.Now())
	}
	if got := pairs(t, l, logstore.LogEnd); len(got) >= len(before) {
		t.Fatalf("holds %v", got)
	}
	h.put(l, record.BuilderOptions{}, "goes=on")
	c := h.store.Counters()
	if c.CompactionFailures != int64(len(wait)) || c.Compactions != 2 || c.CompactionReadBytes == 0 || c.CompactionWrittenBytes == 0 || c.CompactionRemoved == 0 {
		t.Fatalf("%+v", c)
	}
}

// The order of I/O in a swap is what no crash may find otherwise.
func TestOrderOfASwap(t *testing.T) {
	h, l := newCompacted(t, nil)
	h.transact(l, 1, 0, 0, "a=1")
	h.end(l, 1, 0, false)
	h.put(l, record.BuilderOptions{}, "b=1")
	h.roll(l)
	h.put(l, record.BuilderOptions{}, "b=2")
	h.roll(l)
	h.store.Housekeep(h.clock.Now())
	h.config.SegmentBytes = 1 << 20
	l = h.reopen()
	second := fmt.Sprint(l.Segments()[1].Base)
	var tr trace
	h.fault.SetHook(tr.hook)
	h.store.Compact(h.clock.Now())
	h.fault.SetHook(nil)
	named := func(suffix, from, to string) []string {
		return []string{"rename 0" + suffix + from + " to 0" + suffix + to}
	}
	var deleted []string
	for _, base := range []string{"0", second} {
		for _, suffix := range []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot"} {
			if base == "0" && suffix == ".snapshot" {
				continue
			}
			deleted = append(deleted, "rename "+base+suffix+" to "+base+suffix+".deleted")
		}
	}
	wantTrace(t, tr.all, lines("!", "write manifest", "sync manifest", "create 0.log.cleaned", "!", "sync 0.log.cleaned", "!",
		"sync 0.txnindex.cleaned",
		named(".index", ".cleaned", ".swap"), named(".timeindex", ".cleaned", ".swap"), named(".txnindex", ".cleaned", ".swap"), "syncdir t-0",
		named(".log", ".cleaned", ".swap"), "syncdir t-0",
		deleted, "syncdir t-0",
		named(".txnindex", ".swap", ""), "syncdir t-0",
		named(".log", ".swap", ""), named(".index", ".swap", ""), named(".timeindex", ".swap", ""), "syncdir t-0",
		"write manifest"))
}

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := logstore.NewThrottle(bubbleClock{}, 1<<20)
		began := time.Now()
		for range 11 {
			must(t, th.Wait(1<<20, nil))
		}
		if took := time.Since(began); took < 10*time.Second || took > 10*time.Second+200*time.Millisecond {
			t.Fatalf("11 MiB took %v at 1 MiB/s: the last is not waited for", took)
		}
		time.Sleep(time.Hour) // nothing is saved up
		began = time.Now()
		for range 3 {
			must(t, th.Wait(1<<20, nil))
		}
		if took := time.Since(began); took < 2*time.Second {
			t.Fatalf("3 MiB took %v", took)
		}
		stop := make(chan struct{})
		close(stop)
		if err := th.Wait(1, stop); err == nil {
			t.Fatal("stopped, and waited all the same")
		}
		if err := logstore.NewThrottle(bubbleClock{}, 0).Wait(1<<40, nil); err != nil {
			t.Fatal(err)
		}
	})
}

type bubbleClock struct{}

func (bubbleClock) Now() time.Time { return time.Now() }

// Workers compact by themselves, throttled, and end with the store.
func TestWorkersCompact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := logstore.DefaultConfig()
		c.Compact, c.SegmentBytes, c.MinCleanableDirtyRatio = true, 4000, 0.01
		s, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Clock: bubbleClock{}, CheckpointMs: 1000, CompactionIntervalMs: 5000, CompactionBytesPerSecond: 10_000, CompactionWorkers: 2})
		must(t, err)
		var logs []*logstore.Log
		for i := range 3 {
			l, err := s.Create(logstore.TopicPartition{Topic: "t", Partition: int32(i)}, logstore.TopicID{1}, c)
			must(t, err)
			for n := range 400 {
				_, err := l.Append(t.Context(), record.Record{Key: fmt.Append(nil, n%10), Value: make([]byte, 30)})
				must(t, err)
			}
			logs = append(logs, l)
		}
		time.Sleep(4 * time.Minute)
		for _, l := range logs {
			if n := len(values(t, l, logstore.LogEnd)); n > 60 {
				t.Fatalf("%s holds %d records", l.Name(), n)
			}
		}
		counters := s.Counters()
		if counters.Compactions < 3 || counters.CompactionReadBytes > 240*10_000 {
			t.Fatalf("%+v", counters)
		}
		for n := range 400 {
			_, err := logs[0].Append(t.Context(), record.Record{Key: fmt.Append(nil, n%10), Value: make([]byte, 30)})
			must(t, err)
		}
		time.Sleep(8 * time.Second) // one is waiting for the throttle
		must(t, s.Close())
	})
}

// Want of descriptors in the middle of a swap passes.
func TestSwapOutlastsWantOfDescriptors(t *testing.T) {
	for nth := range 3 { // sync of the directory
		synctest.Test(t, func(t *testing.T) {
			h, l := newCompacted(t, nil)
			dirty(h, l)
			before := pairs(t, l, logstore.LogEnd)
			n := -1
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpSyncDir && strings.HasSuffix(op.Name, "/t-0") {
					if n++; n == nth {
						return syscall.EMFILE
					}
				}
				return nil
			})
			compacted := h.store.Compact(h.clock.Now())
			h.fault.SetHook(nil)
			must(t, l.Err())
			if compacted != 1 {
				if nth > 0 {
					t.Fatalf("%d: %+v", nth, eventsOf[logstore.CompactionFailed](h.events))
				}
				wantValues(t, pairs(t, l, logstore.LogEnd), before...)
				h.clock.add(time.Minute)
				h.store.Compact(h.clock.Now())
			}
			after := pairs(t, l, logstore.LogEnd)
			if len(after) >= len(before) {
				t.Fatalf("%d: %v", nth, after)
			}
			wantValues(t, pairs(t, h.powerCut(), logstore.LogEnd), after...)
		})
	}
}
