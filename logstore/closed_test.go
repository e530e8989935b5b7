package logstore_test

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Who calls Close beside another waits for it: afterwards the directory is free.
func TestCloseBesideClose(t *testing.T) {
	h := newHarness(t, nil)
	h.append(h.log(), "a", 1)
	entered, goOn, second := make(chan struct{}), make(chan struct{}), make(chan error)
	once := false
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRename && !once {
			once = true
			close(entered)
			<-goOn
		}
		return nil
	})
	first := make(chan error, 1)
	go func() { first <- h.store.Close() }()
	<-entered
	go func() {
		err := h.store.Close()
		if _, other := logstore.Open("data", h.options()); errors.Is(other, logstore.ErrLocked) {
			err = errors.Join(err, other)
		}
		second <- err
	}()
	select {
	case <-second:
		t.Error("the second does not wait")
		close(goOn)
	default:
		close(goOn)
		must(t, <-second)
	}
	must(t, <-first)
}

// What is asked of a closed store gets ErrClosed, and does it no harm.
func TestClosedStore(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	h.append(l, "a", 1)
	must(t, h.store.Close())
	for name, err := range map[string]error{
		"checkpoint":      h.store.Checkpoint(),
		"cut the journal": h.store.CutJournal(),
		"configure":       l.Configure(l.Config()),
		"the log":         l.Err(),
	} {
		if !errors.Is(err, logstore.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.store.OpenLog(tp); !errors.Is(err, logstore.ErrClosed) {
		t.Errorf("open a log: %v", err)
	}
	must(t, h.store.Close())
	h.open()
}

// Of a store that is only read nobody waits for more.
func TestReadOnlyStoreHasNoMore(t *testing.T) {
	h := newHarness(t, nil)
	h.append(h.log(), "a", 2)
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) { o.ReadOnly = true }
	h.open()
	l, err := h.store.Log(tp)
	must(t, err)
	if err := l.Wait(t.Context(), logstore.LogEnd, 3); !errors.Is(err, logstore.ErrReadOnly) {
		t.Error(err)
	}
	n := 0
	for _, err := range l.Follow(t.Context(), 0, logstore.LogEnd) {
		if n++; n == 3 && !errors.Is(err, logstore.ErrReadOnly) || n < 3 && err != nil {
			t.Fatal(n, err)
		}
	}
	if n != 3 {
		t.Errorf("%d records and errors", n)
	}
	must(t, h.store.Close())
	h.change = nil
	h.open()
}

func TestAppendRefuses(t *testing.T) {
	l := newHarness(t, nil).log()
	_, none := l.Append(t.Context())
	_, nobody := l.AppendOnce(t.Context(), record.Producer{ID: -1}, record.Record{Value: []byte("v")})
	for _, err := range []error{none, nobody} {
		if !errors.Is(err, logstore.ErrInvalidRecord) {
			t.Error(err)
		}
	}
	if end := l.Offset(logstore.LogEnd); end != 0 {
		t.Errorf("the log ends at %d", end)
	}
}

// A compressed batch may say that it has 2^31-1 records: nobody unpacks it when it is
// appended. A topic that becomes compacted later meets it.
func TestCompactionOfALyingCount(t *testing.T) {
	h, l := newCompacted(t, func(c *logstore.Config) { c.Compact, c.SegmentBytes = false, 4000 })
	b := record.Batch(h.keyed(record.BuilderOptions{Codec: record.Gzip}, "k=1"))
	binary.BigEndian.PutUint32(b[57:], 1<<31-1) // count
	binary.BigEndian.PutUint32(b[23:], 1<<31-2) // last offset delta
	b.SetCRC(b.ComputeCRC())
	a, err := l.AppendLeader(b, 0)
	must(t, err)
	h.put(l, record.BuilderOptions{}, "z=1")
	c := l.Config()
	c.Compact = true
	must(t, l.Configure(c))
	h.store.Housekeep(h.clock.Now())
	must(t, h.store.Checkpoint())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.store.Compact(h.clock.Now())
	runtime.ReadMemStats(&after)
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 {
		t.Errorf("%d MiB for a batch of %d bytes", mib, len(b))
	}
	if start := l.StartOffset(); start != a.First {
		t.Errorf("the log begins at %d", start)
	}
	must(t, l.Err())
}
