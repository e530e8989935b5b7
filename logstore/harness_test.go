package logstore_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

var tp = logstore.TopicPartition{Topic: "t", Partition: 0}

// TestMain lets rapid draw the same in every run. -rapid.seed=N explores.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("1")
	}
	os.Exit(m.Run())
}

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMilli(1_700_000_000_000)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) ms() int64 { return c.Now().UnixMilli() }

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// events collects what the engine reports.
type events struct {
	mu   sync.Mutex
	list []logstore.Event
}

func (e *events) add(ev logstore.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

func eventsOf[E logstore.Event](e *events) []E {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []E
	for _, ev := range e.list {
		if v, ok := ev.(E); ok {
			found = append(found, v)
		}
	}
	return found
}

// harness is a store in memory whose power can be cut.
type harness struct {
	t      *testing.T
	mem    *vfs.Mem
	fault  *vfs.Fault
	clock  *clock
	events *events
	config logstore.Config
	rand   func(n int64) int64
	change func(*logstore.Options) // of every open, where set
	files  int                     // that may be open where openTree opens, 0 for the default
	store  *logstore.Store
}

func newHarness(t *testing.T, change func(*logstore.Config)) *harness {
	t.Helper()
	c := logstore.DefaultConfig()
	if change != nil {
		change(&c)
	}
	h := &harness{t: t, mem: vfs.NewMem(), clock: newClock(), events: &events{}, config: c, rand: newRand()}
	h.open()
	t.Cleanup(func() { _ = h.store.Close() })
	return h
}

func (h *harness) options() logstore.Options {
	h.fault = vfs.NewFault(h.mem)
	o := logstore.Options{FS: h.fault, Clock: h.clock, Manual: true, Log: h.config, Events: h.events.add, Rand: h.rand}
	if h.change != nil {
		h.change(&o)
	}
	return o
}

// newRand returns a source that gives the same numbers in every run.
func newRand() func(n int64) int64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(1, 2))
	return func(n int64) int64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Int64N(n)
	}
}

func (h *harness) open() {
	h.t.Helper()
	s, err := logstore.Open("data", h.options())
	must(h.t, err)
	h.store = s
}

// log opens or creates the test's log.
func (h *harness) log() *logstore.Log {
	h.t.Helper()
	if l, err := h.store.Log(tp); err == nil {
		return l
	}
	l, err := h.store.Create(tp, logstore.TopicID{1}, h.config)
	must(h.t, err)
	return l
}

// powerCut drops all that is not durable and opens what is left.
func (h *harness) powerCut() *logstore.Log {
	h.t.Helper()
	mem := h.mem.Crash()
	_ = h.store.Close() // of a dead file system; ends its goroutines
	h.mem = mem
	h.open()
	l, err := h.store.Log(tp)
	must(h.t, err)
	return l
}

// kill ends the process and keeps the page cache.
func (h *harness) kill() *logstore.Log {
	h.t.Helper()
	mem := h.mem.Clone()
	h.mem.Crash()
	_ = h.store.Close()
	h.mem = mem
	h.open()
	l, err := h.store.Log(tp)
	must(h.t, err)
	return l
}

// reopen closes cleanly and opens again.
func (h *harness) reopen() *logstore.Log {
	h.t.Helper()
	must(h.t, h.store.Close())
	h.open()
	l, err := h.store.Log(tp)
	must(h.t, err)
	return l
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ; !so(); runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatalf("not yet: %s", what)
		}
	}
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// batchOf builds a batch of n records named prefix-0 and so on.
func batchOf(t tb, o record.BuilderOptions, ms int64, prefix string, n int) []byte {
	t.Helper()
	b := record.NewBuilder(o)
	for i := range n {
		b.Append(ms+int64(i), []byte("k"), fmt.Appendf(nil, "%s-%d", prefix, i))
	}
	batch, err := b.Finish()
	must(t, err)
	return bytes.Clone(batch)
}

func (h *harness) append(l *logstore.Log, prefix string, n int) logstore.Appended {
	h.t.Helper()
	a, err := l.AppendLeader(batchOf(h.t, record.BuilderOptions{}, h.clock.ms(), prefix, n), max(0, l.LatestEpoch()))
	must(h.t, err)
	return a
}

// appendDurably waits as acks=all does.
func (h *harness) appendDurably(l *logstore.Log, prefix string, n int) logstore.Appended {
	h.t.Helper()
	a := h.append(l, prefix, n)
	must(h.t, l.Wait(h.t.Context(), logstore.HighWatermark, a.Last+1))
	return a
}

// values reads everything below the bound, record by record.
func values(t testing.TB, l *logstore.Log, upto logstore.Bound) []string {
	t.Helper()
	var all []string
	next := l.StartOffset()
	for r, err := range l.Records(context.Background(), next, upto) {
		must(t, err)
		if r.Offset < next {
			t.Fatalf("offset %d after %d", r.Offset, next-1)
		}
		next = r.Offset + 1
		all = append(all, string(r.Value))
	}
	return all
}

func wantValues(t testing.TB, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
