package journal_test

import (
	"slices"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

func only(log string) func(journal.Header) bool {
	return func(h journal.Header) bool { return h.Log == log }
}

func TestCarry(t *testing.T) {
	m := vfs.NewMem()
	o := small
	o.BytesMax += o.FileBytes
	j := open(t, m, 1, 1, o)
	must(t, j.Carry(10, only("b-0")))
	var want []string
	for i := range int64(6) {
		add(t, j, batches("a-0", i), "a"+long(100))
		add(t, j, batches("b-0", i), string(rune('0'+i))+long(3000))
		want = append(want, string(rune('0'+i))+long(3000))
		must(t, j.Commit())
	}
	commit(t, j, 6, "behind")
	upto := uint64(2)
	must(t, j.Carry(upto, only("b-0")))
	if j.Pending() == 0 || j.Pending() == 6 {
		t.Fatalf("%d records left to commit of 6 that do not fit one", j.Pending())
	}
	must(t, j.Commit())
	j.Release(upto)
	found, report := scan(t, m.Crash(), upto+1)
	if got := payloads(found); !slices.Equal(got, append([]string{"behind"}, want...)) || report.Rot != nil {
		t.Fatalf("found %v, %+v", found, report)
	}
	for i, e := range found[1:] {
		if e.header != batches("b-0", int64(i)) {
			t.Fatalf("header %+v was carried as %+v", batches("b-0", int64(i)), e.header)
		}
	}
}

// What is still being written is left before it is carried.
func TestCarryOfTheFileBeingWritten(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "x")
	must(t, j.Carry(j.Generation(), only("a-0")))
	must(t, j.Commit())
	if j.Generation() != 2 {
		t.Fatalf("carried into generation %d", j.Generation())
	}
	j.Release(1)
	if found, _ := scan(t, m.Crash(), 2); !slices.Equal(found, []entry{{batches("a-0", 0), 2, 2, "x"}}) {
		t.Fatalf("found %v", found)
	}
}

func TestCarryDoesNotGuess(t *testing.T) {
	for name, f := range map[string]flip{
		"payload": {0, block + commitHeader + recordHeader, 1, false},
		"record":  {0, block + commitHeader + 5, 1, false},
		"commit":  {0, block + 9, 1, false},
	} {
		m := vfs.NewMem()
		j := open(t, m, 1, 1, small)
		commit(t, j, 0, "x")
		f.do(t, m)
		if err := j.Carry(1, only("a-0")); err == nil {
			t.Errorf("%s: damage was carried", name)
		} else {
			wantErr(t, err, journal.ErrCorrupt)
		}
		commit(t, j, 1, "y") // the journal itself goes on
	}
}

func TestCarryIntoAFullJournal(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	for i := range int64(12) {
		commit(t, j, i, long(3900))
	}
	wantErr(t, j.Carry(2, only("a-0")), journal.ErrFull)
	pending := j.Pending()
	if pending == 0 {
		t.Fatal("what was added is gone")
	}
	j.Release(1)
	must(t, j.Commit())
	if found, _ := scan(t, m.Crash(), 0); len(found) != 9+pending {
		t.Fatalf("found %d records", len(found))
	}
}

func TestReleaseOfTheFileBeingWritten(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "x")
	j.Release(j.Generation())
	if j.Bytes() != 0 {
		t.Fatalf("%d bytes after all was released", j.Bytes())
	}
	commit(t, j, 1, "y")
	found, report := scan(t, m, 0)
	if !slices.Equal(found, []entry{{batches("a-0", 1), 2, 2, "y"}}) || report.Rot != nil {
		t.Fatalf("found %v, %+v", found, report)
	}
	// The file was used again, so there is one still.
	slots, err := m.ReadDir(dir)
	must(t, err)
	if len(slots) != 1 {
		t.Fatalf("%d files", len(slots))
	}
}

func TestRotate(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	j.Rotate()
	commit(t, j, 0, "x")
	j.Rotate()
	j.Rotate()
	commit(t, j, 1, "y")
	if found, _ := scan(t, m, 2); j.Generation() != 2 || !slices.Equal(payloads(found), []string{"y"}) {
		t.Fatalf("generation %d, found %v", j.Generation(), found)
	}
}

func TestAddKnowsItsBounds(t *testing.T) {
	j := open(t, vfs.NewMem(), 1, 1, small)
	const overhead = commitHeader + recordHeader + 4 + 4 + 4
	if _, ok := j.Add(batches("a-0", 0), 3*block-overhead+1); ok || j.Pending() != 0 {
		t.Fatal("one byte too many was taken")
	}
	if _, ok := j.Add(batches("a-0", 0), 1<<40); ok {
		t.Fatal("a terabyte was taken")
	}
	p, ok := j.Add(batches("a-0", 0), 3*block-overhead)
	if !ok || len(p) != cap(p) {
		t.Fatal("what fits was refused, or the slice reaches into what is behind")
	}
	if _, ok := j.Add(batches("a-0", 0), 0); ok {
		t.Fatal("a second record was taken")
	}
	must(t, j.Commit())
	for name, h := range map[string]journal.Header{"kind": {Log: "a-0"}, "name": batches(long(1025), 0)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			j.Add(h, 0)
		}()
	}
}
