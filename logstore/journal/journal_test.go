package journal_test

import (
	"errors"
	"reflect"
	"slices"
	"syscall"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

func TestRoundTrip(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 5, 9, small)
	if j.Generation() != 0 || j.Bytes() != 0 || j.Pending() != 0 {
		t.Fatal("a new journal is not empty")
	}
	must(t, j.Commit())
	if _, err := m.Stat("moldau"); err == nil {
		t.Fatal("something was made before the first commit")
	}
	synced := journal.Header{Kind: journal.Synced, Log: "b-1", Incarnation: 1 << 63, LeaderEpoch: -1, EndBefore: -1, First: -2, Last: 1 << 62}
	add(t, j, batches("a-0", 0), "first")
	add(t, j, synced, "")
	if j.Pending() != 2 {
		t.Fatalf("%d records pending, added 2", j.Pending())
	}
	must(t, j.Commit())
	commit(t, j, 10, "second")
	commit(t, j, 20, long(2*block))
	if j.Generation() != 6 || j.Bytes() != 5*block || j.Pending() != 0 {
		t.Fatalf("generation %d, %d bytes, %d pending", j.Generation(), j.Bytes(), j.Pending())
	}
	want := []entry{
		{batches("a-0", 0), 5, 9, "first"},
		{synced, 5, 9, ""},
		{batches("a-0", 10), 5, 10, "second"},
		{batches("a-0", 20), 6, 11, long(2 * block)},
	}
	found, report := scan(t, m.Crash(), 0)
	if !slices.Equal(found, want) {
		t.Fatalf("found %v, added %v", found, want)
	}
	if want := (journal.Report{Generation: 6, Sequence: 11, Commits: 3}); !reflect.DeepEqual(report, want) {
		t.Fatalf("report %+v, must be %+v", report, want)
	}
}

func TestFullAndRelease(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	for i := range 12 {
		commit(t, j, int64(i), string(rune('a'+i)))
	}
	add(t, j, batches("a-0", 12), "m")
	for range 2 {
		wantErr(t, j.Commit(), journal.ErrFull)
	}
	must(t, j.Prepare())
	if j.Generation() != 4 || j.Bytes() != 12*block || j.Pending() != 1 {
		t.Fatalf("full at generation %d with %d bytes, %d pending", j.Generation(), j.Bytes(), j.Pending())
	}
	j.Release(2)
	if j.Bytes() != 6*block {
		t.Fatalf("%d bytes after the release of half", j.Bytes())
	}
	must(t, j.Commit())
	found, report := scan(t, m.Crash(), 0)
	want := []string{"g", "h", "i", "j", "k", "l", "m"}
	if got := payloads(found); !slices.Equal(got, want) || report.Torn || report.Rot != nil {
		t.Fatalf("found %q, %+v, must be %q", got, report, want)
	}
	if report.Generation != 5 || report.Sequence != 13 {
		t.Fatalf("report %+v", report)
	}
}

func TestFailedSyncIsFinal(t *testing.T) {
	m := vfs.NewMem()
	f := vfs.NewFault(m)
	j := open(t, f, 1, 1, small)
	commit(t, j, 0, "kept")
	f.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return syscall.EIO
		}
		return nil
	})
	add(t, j, batches("a-0", 1), "lost")
	wantErr(t, j.Commit(), syscall.EIO)
	f.SetHook(nil)
	ops := f.Ops()
	for range 2 {
		wantErr(t, j.Commit(), syscall.EIO)
	}
	if f.Ops() != ops || j.Generation() != 1 || j.Bytes() != block {
		t.Fatal("a journal that failed goes on")
	}
	found, _ := scan(t, m.Crash(), 0)
	if got := payloads(found); !slices.Equal(got, []string{"kept"}) {
		t.Fatalf("found %q", got)
	}
}

func TestFullDevice(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem())
	j := open(t, f, 1, 1, small)
	commit(t, j, 0, long(10000))
	f.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return vfs.ShortWrite(1000, syscall.ENOSPC)
		}
		return nil
	})
	wantErr(t, j.Prepare(), syscall.ENOSPC)
	add(t, j, batches("a-0", 1), "more")
	err := j.Commit()
	wantErr(t, err, journal.ErrFull)
	wantErr(t, err, syscall.ENOSPC)
	f.SetHook(nil)
	must(t, j.Commit())
	if found, _ := scan(t, f, 0); len(found) != 2 {
		t.Fatalf("found %v", found)
	}
}

func TestClosed(t *testing.T) {
	j := open(t, vfs.NewMem(), 1, 1, small)
	commit(t, j, 0, "x")
	must(t, j.Close())
	must(t, j.Close())
	add(t, j, batches("a-0", 1), "y")
	if err := errors.Join(j.Commit()); !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
	wantErr(t, j.Prepare(), journal.ErrClosed)
}
