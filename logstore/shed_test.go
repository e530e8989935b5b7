package logstore_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// openCount counts the data files that are open, by their names.
type openCount struct {
	mu   sync.Mutex
	open map[string]int
}

func (c *openCount) hook(op vfs.Op) error {
	if !strings.HasSuffix(op.Name, ".log") {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch op.Kind {
	case vfs.OpOpen, vfs.OpCreate:
		c.open[op.Name]++
	case vfs.OpClose:
		c.open[op.Name]--
	}
	return nil
}

func (c *openCount) of(part string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, open := range c.open {
		if strings.Contains(name, part) {
			n += open
		}
	}
	return n
}

// fewFiles is a store that may have few files open, and a count of them. Logs are
// flushed and come to rest together from so many on.
func fewFiles(t *testing.T, files, together int, change func(*logstore.Config)) (*harness, *openCount) {
	h := newHarness(t, change)
	must(t, h.store.Close())
	count := &openCount{open: map[string]int{}}
	h.change = func(o *logstore.Options) {
		o.OpenFilesMax = files
		*o = logstore.SyncAllFrom(*o, together)
		h.fault.SetHook(count.hook)
	}
	h.open()
	return h, count
}

func (h *harness) named(topic string) *logstore.Log {
	h.t.Helper()
	l, err := h.store.OpenLog(logstore.TopicPartition{Topic: topic})
	must(h.t, err)
	return l
}

// shed lets the store close what is too much.
func (h *harness) shed() {
	h.t.Helper()
	h.clock.add(2 * time.Second)
	h.store.Housekeep(h.clock.Now())
	if failed := eventsOf[logstore.HousekeepingFailed](h.events); len(failed) > 0 {
		h.t.Fatal(failed)
	}
}

// Of many logs those that were used last have files open, and all can be used. Each
// is at rest that is closed: a crash costs no scan of it.
func TestLogsThatAreNotUsedAreClosed(t *testing.T) {
	for _, together := range []int{4, 1000} {
		h, count := fewFiles(t, 20, together, nil)
		var logs []*logstore.Log
		for i := range 60 {
			l := h.named(fmt.Sprint("many", i))
			h.appendDurably(l, "a", 2)
			logs = append(logs, l)
			if l := logs[0]; i%5 == 0 { // one that is in use all the time
				h.appendDurably(l, "in use", 1)
			}
			h.shed()
			u := h.store.Usage()
			if u.OpenFiles > 20 || u.OpenFiles != count.of("") || u.OpenLogs != u.OpenFiles || u.Logs != i+1 {
				t.Fatalf("after %d logs: %+v, and %d files are open", i+1, u, count.of(""))
			}
		}
		if open := count.of("many0-0/"); open != 1 {
			t.Fatalf("of the log in use %d files are open", open)
		}
		if c := h.store.Counters(); c.ShedLogs < 40 || c.ShedFiles != c.ShedLogs {
			t.Fatalf("%d logs and %d files were closed", c.ShedLogs, c.ShedFiles)
		}
		h.mem = h.mem.Clone().Crash()
		_ = h.store.Close()
		h.open()
		if n := h.store.Counters().RecoveredLogs; n > 20 {
			t.Fatalf("%d logs were not at rest", n)
		}
		for i := range 60 {
			l := h.named(fmt.Sprint("many", i))
			if i > 0 {
				wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "a-1")
			}
			h.appendDurably(l, "b", 1)
			h.shed()
		}
		must(t, h.store.Close())
		if open := count.of(""); open != 0 {
			t.Fatalf("%d files are open", open)
		}
	}
}

// idle is a log that has segments, some producer, and files that are closed.
func idle(t *testing.T, together int, change func(*logstore.Config)) (*harness, *openCount, *logstore.Log) {
	h, count := fewFiles(t, 1, together, func(c *logstore.Config) {
		c.SegmentBytes, c.IndexIntervalBytes, c.FileDeleteDelayMs = 200, 100, 0
		if change != nil {
			change(c)
		}
	})
	l := h.log()
	for i := range 6 {
		h.appendDurably(l, fmt.Sprint(i), 1)
	}
	h.shedAll(count)
	return h, count, l
}

// shedAll has no file of the test's log open. What a commit has pinned it releases
// after it has told of it, on a goroutine that has to get on first: others are made
// until it has.
func (h *harness) shedAll(count *openCount) {
	h.t.Helper()
	for range 1000 {
		h.appendDurably(h.named("elsewhere"), "a", 1)
		h.shed()
		if count.of("t-0/") == 0 {
			return
		}
	}
	h.t.Fatalf("%d files are open", count.of("t-0/"))
}

// Who reads keeps what he reads, and who waits is woken.
func TestClosedUnderAReaderAndAWaiter(t *testing.T) {
	h, count, l := idle(t, 1, nil)
	var f logstore.Fetch
	must(t, l.Read(&f, 0, logstore.HighWatermark, 1<<20, true))
	want := string(bytesOf(t, &f))
	w := logstore.NewWaiter()
	l.Watch(logstore.HighWatermark, 6, w)
	h.appendDurably(h.named("elsewhere"), "a", 1)
	h.shed()
	if u := h.store.Usage(); u.OpenLogs > 1 || count.of("t-0/") == 0 {
		t.Fatalf("%+v", u)
	}
	if got := string(bytesOf(t, &f)); got != want {
		t.Fatal("what was pinned has changed")
	}
	f.Release()
	if open := count.of("t-0/"); open != 0 {
		t.Fatalf("%d files are open", open)
	}
	h.appendDurably(l, "more", 1)
	<-w.C // in its turn, perhaps after who appended
}

// A closed log is truncated, compacted, retired and deleted as any.
func TestWhateverIsDoneToAClosedLog(t *testing.T) {
	for name, do := range map[string]func(h *harness, l *logstore.Log) []string{
		"append": func(h *harness, l *logstore.Log) []string { return []string{"0-0", "1-0", "2-0", "3-0", "4-0", "5-0"} },
		"truncate": func(h *harness, l *logstore.Log) []string {
			must(h.t, l.TruncateTo(3))
			return []string{"0-0", "1-0", "2-0"}
		},
		"begin anew": func(h *harness, l *logstore.Log) []string {
			must(h.t, l.AdvanceStart(4))
			must(h.t, l.TruncateTo(1))
			return nil
		},
		"advance": func(h *harness, l *logstore.Log) []string {
			must(h.t, l.AdvanceStart(4))
			h.shed()
			return []string{"4-0", "5-0"}
		},
		"compact": func(h *harness, l *logstore.Log) []string {
			c := l.Config()
			c.Compact, c.MinCleanableDirtyRatio = true, 0
			must(h.t, l.Configure(c))
			if n := h.store.Compact(h.clock.Now()); n != 1 {
				h.t.Fatalf("%d logs were compacted", n)
			}
			return values(h.t, l, logstore.HighWatermark)
		},
		"delete": func(h *harness, l *logstore.Log) []string {
			must(h.t, h.store.Delete(tp))
			h.log()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, together := range []int{1, 1000} {
				h, _, l := idle(t, together, nil)
				want := do(h, l)
				for range 2 {
					l = h.log()
					wantValues(t, values(t, l, logstore.HighWatermark), want...)
					h.appendDurably(l, "more", 1)
					want = append(want, "more-0")
					if high, end := l.Offset(logstore.HighWatermark), l.Offset(logstore.LogEnd); high != end {
						t.Fatalf("ends at %d, of which %d may be read", end, high)
					}
					h.shed()
				}
				wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), want...)
			}
		})
	}
}

// What a producer sent is known in a log that was closed meanwhile, and a transaction
// that is open keeps a log from coming to rest: its sealed segments are closed alone.
func TestProducersOfAClosedLog(t *testing.T) {
	for _, together := range []int{1, 1000} {
		h, count, l := idle(t, together, nil)
		p := sequenced{id: 7}
		batch := p.batch(t, h.clock.ms(), "once", 1)
		first, err := l.AppendLeader(batch, 0)
		must(t, err)
		must(t, l.Flush())
		h.shedAll(count)
		if a, err := l.AppendLeader(batch, 0); err != nil || !a.Duplicate || a.First != first.First {
			t.Fatalf("sent again: %+v, %v", a, err)
		}
		x := &txn{h: h, id: 9}
		begun := x.write(l, 1)
		for range 5 {
			h.appendDurably(l, "plain", 1)
		}
		must(t, l.Flush())
		settled(t, l, begun.First)
		for tries := 0; count.of("t-0/") > 1; tries++ { // the active one stays open
			h.appendDurably(h.named("elsewhere"), "a", 1)
			if h.shed(); tries == 1000 {
				t.Fatalf("%d files are open", count.of("t-0/"))
			}
		}
		if open := l.OpenTransactions(); len(open) != 1 || open[0].First != begun.First {
			t.Fatal(open)
		}
		x.end(l, false)
		settled(t, l, l.Offset(logstore.LogEnd))
		h.shedAll(count)
		wantAborted(t, l, 0, l.Offset(logstore.LogEnd), logstore.AbortedTransaction{ProducerID: 9, First: begun.First, Last: l.Offset(logstore.LogEnd) - 1})
		before := state(t, l)
		if after := state(t, h.powerCut()); after != before {
			t.Fatalf("before the power cut\n%s\nafter it\n%s", before, after)
		}
	}
}

// A transaction whose marker may still be lost is known as long as that may be.
func TestLateMarkersOfAClosedLog(t *testing.T) {
	h, count := fewFiles(t, 1, 1, func(c *logstore.Config) { c.Replicated = true })
	l := h.log()
	x := &txn{h: h, id: 9}
	x.write(l, 2)
	x.end(l, false)
	h.append(l, "plain", 3)
	must(t, l.Flush())
	must(t, l.SetHighWatermark(1))
	h.appendDurablyElsewhere()
	h.shed()
	must(t, l.SetHighWatermark(2))
	if stable := l.Offset(logstore.LastStable); stable != 0 {
		t.Fatalf("the last stable offset is %d", stable)
	}
	must(t, l.SetHighWatermark(6))
	if stable := l.Offset(logstore.LastStable); stable != 6 {
		t.Fatalf("the last stable offset is %d", stable)
	}
	for tries := 0; count.of("t-0/") > 0; tries++ {
		h.appendDurablyElsewhere()
		if h.shed(); tries == 1000 {
			t.Fatalf("%d files are open", count.of("t-0/"))
		}
	}
	wantAborted(t, l, 0, 6, logstore.AbortedTransaction{ProducerID: 9, Last: 2})
}

// appendDurablyElsewhere opens files of other logs, so that there are too many.
func (h *harness) appendDurablyElsewhere() {
	h.t.Helper()
	for i := range 2 {
		l := h.named(fmt.Sprint("elsewhere", i))
		a := h.append(l, "a", 1)
		must(h.t, l.Flush())
		must(h.t, l.SetHighWatermark(a.Last+1))
	}
}

// A log that is written to while it comes to rest does not.
func TestWrittenToWhileComingToRest(t *testing.T) {
	h, count := fewFiles(t, 1, 1, func(c *logstore.Config) { c.Durability = logstore.OS })
	h.append(h.named("elsewhere"), "a", 1) // comes to rest first
	l := h.log()
	h.append(l, "a", 1)
	syncs, written := 0, false
	h.fault.SetHook(func(op vfs.Op) error {
		switch {
		case op.Kind == vfs.OpSyncAll:
			syncs++
		case op.Kind == vfs.OpWrite && strings.Contains(op.Name, "manifest") && syncs == 2 && !written:
			written = true
			h.append(l, "b", 1)
		}
		return count.hook(op)
	})
	h.shed()
	if open := count.of("t-0/"); open != 1 || !written || count.of("elsewhere") != 0 {
		t.Fatalf("%d files are open, and %d elsewhere", open, count.of("elsewhere"))
	}
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
}

// No index changes before the manifest says, durably, that its log is dirty: of one
// that is opened at rest nothing is cut off an index.
func TestIndexesOfManyChangeBehindTheNote(t *testing.T) {
	h, _ := fewFiles(t, 1, 1, func(c *logstore.Config) { c.Durability = logstore.OS })
	for range 2 { // the second time they come from rest
		noted, indexes := true, 0
		h.fault.SetHook(func(op vfs.Op) error {
			switch {
			case op.Kind == vfs.OpWrite && strings.Contains(op.Name, "manifest"):
				noted = false
			case op.Kind == vfs.OpSync && strings.Contains(op.Name, "manifest"):
				noted = true
			case op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".timeindex"):
				if indexes++; !noted {
					t.Errorf("%s was written before the manifest was synced", op.Name)
				}
			}
			return nil
		})
		h.append(h.log(), "a", 1)
		h.append(h.named("elsewhere"), "a", 1)
		h.shed()
		if indexes == 0 {
			t.Fatal("no index was written")
		}
		h.fault.SetHook(nil)
		must(t, h.store.Close())
		h.open()
	}
}

// Where the system gives no more files, whatever the bound, some are closed.
func TestWantOfFilesClosesSome(t *testing.T) {
	h, count := fewFiles(t, 100, 1000, nil)
	for i := range 10 {
		h.appendDurably(h.named(fmt.Sprint("many", i)), "a", 1)
	}
	must(t, h.store.Close())
	h.open()
	l := h.named("many1")
	for i := 2; i < 10; i++ {
		_ = values(t, h.named(fmt.Sprint("many", i)), logstore.HighWatermark)
	}
	h.fault.SetHook(func(op vfs.Op) error {
		if (op.Kind == vfs.OpOpen || op.Kind == vfs.OpCreate) && strings.HasSuffix(op.Name, ".log") && count.of("") >= 8 {
			return syscall.EMFILE
		}
		return count.hook(op)
	})
	if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "b", 1), 0); err == nil {
		t.Fatal("no error")
	}
	h.shed()
	h.appendDurably(l, "b", 1)
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0")
}

// A crash at any step of closing leaves what one without it does.
func TestCrashWhileLogsAreClosed(t *testing.T) {
	script := []step{
		create(led, 1), create(followed, 2), produce(0, 2), follow(0, 0, 3), housekeep(time.Second), produce(0, 1), together(1, 2), housekeep(time.Second),
		transact(led, 101, 2), lead(1, 2), housekeep(time.Second), abort(led, 101), follow(2, 20, 30), housekeep(time.Second), truncate(led, 9), housekeep(time.Second),
		produce(2, 3), checkpoint, housekeep(time.Second), truncate(followed, 12), cutJournal, together(3, 1), housekeep(2 * time.Second), reopen,
		lead(3, 1), housekeep(time.Second), advance(led, 6), housekeep(time.Second), lead(4, 5),
	}
	for _, way := range []string{"own files", "journal"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			stopEverywhere(t, func() *workload {
				w := newWorkload(t, crashConfig())
				w.journal, w.files = way == "journal", 1
				return w
			}, script)
		})
	}
}

// Readers of logs that are closed again and again, beside appends: each read is
// exact.
func TestReadsAreExactAmongClosings(t *testing.T) {
	h, _ := fewFiles(t, 2, 2, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 300, 100 })
	var logs []*logstore.Log
	for i := range 4 {
		l := h.named(fmt.Sprint("many", i))
		h.appendDurably(l, "0", 1)
		logs = append(logs, l)
	}
	var done atomic.Bool
	var group sync.WaitGroup
	for _, l := range logs {
		group.Go(func() {
			var f logstore.Fetch
			for from := int64(0); !done.Load(); from = (from + 1) % l.Offset(logstore.HighWatermark) {
				if err := l.Read(&f, from, logstore.HighWatermark, 1500, true); err != nil {
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
	for i := range 60 {
		for _, l := range logs {
			h.appendDurably(l, fmt.Sprint(i), 1)
		}
		h.shed()
	}
	done.Store(true)
	group.Wait()
	if h.store.Counters().ShedFiles == 0 {
		t.Fatal("nothing was closed")
	}
}

// What a log costs in memory that was closed, or not opened yet.
func TestMemoryOfAClosedLog(t *testing.T) {
	const n, bytesMax = 2000, 4 << 10
	h, count := fewFiles(t, 4, 32, nil)
	for i := range n {
		h.append(h.named(fmt.Sprint("many", i)), "a", 1)
	}
	must(t, h.store.Close())
	h.store, h.change = nil, func(o *logstore.Options) { o.OpenFilesMax = 4 }
	opened := heapOf(h.open)
	var logs []*logstore.Log
	used := heapOf(func() {
		for i := range n {
			l := h.named(fmt.Sprint("many", i))
			wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
			logs = append(logs, l)
			h.store.Housekeep(h.clock.Now())
		}
	})
	if open := count.of(""); open != 0 || h.store.Usage().OpenFiles > 4 {
		t.Fatalf("%d and %d files are open", open, h.store.Usage().OpenFiles)
	}
	if perLog := (opened + used) / n; opened < n || opened/n > bytesMax || perLog > bytesMax {
		t.Fatalf("a log takes %d bytes, and %d when it was used", opened/n, perLog)
	}
	t.Logf("a log takes %d bytes, and %d when it was used", opened/n, (opened+used)/n)
	_ = logs[0].Name()
}

// heapOf is by how much the heap has grown.
func heapOf(do func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	do()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}
