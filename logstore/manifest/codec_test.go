package manifest_test

import (
	"testing"

	"pgregory.net/rapid"

	"moldau/logstore/manifest"
)

func TestStatesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyState.Draw(t, "state")
		m := newMem(t)
		f := create(t, m, s)
		got := read(t, m)
		wantState(t, "read", got, s)
		must(t, f.Close())
		// A crash takes nothing of it, and the bytes are those of the state.
		before := contentOf(t, m)
		m = m.Crash()
		wantState(t, "read after a crash", read(t, m), s)
		must(t, create(t, m, got).Close())
		if after := contentOf(t, m); string(after) != string(before) {
			t.Fatalf("%x became %x", before, after)
		}
	})
}

func TestChangesFoldAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMem(t)
		s := anyState.Draw(t, "state")
		f := create(t, m, s)
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			_, err := change(t, f, s)
			must(t, err)
			if rapid.Bool().Draw(t, "read") {
				wantState(t, "read", read(t, m), s)
			}
			switch rapid.IntRange(0, 8).Draw(t, "then") {
			case 0:
				must(t, f.Close())
				f = reopen(t, m)
			case 1:
				must(t, f.Rewrite(func() *manifest.State { return clone(s) }))
			}
		}
		wantState(t, "read", read(t, m), s)
	})
}

// change makes a change to the file and to the model, to this only if it could
// have been made to the other.
func change(t *rapid.T, f *manifest.File, s *manifest.State) (lsn int64, err error) {
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0:
		r := anyRow.Draw(t, "row")
		if lsn, err = f.Put(r); err == nil {
			put(s, r)
		}
	case 1, 2:
		n := noteOf(t, s)
		if lsn, err = f.Note(n); err == nil {
			noted(s, n)
		}
	case 3:
		log := anyLog.Draw(t, "log")
		if lsn, err = f.Drop(log); err == nil {
			delete(s.Rows, log)
		}
	case 4:
		g := rapid.Uint64().Draw(t, "generation")
		if lsn, err = f.StartJournal(g); err == nil {
			s.JournalStart = g
		}
	case 5:
		if lsn, err = f.Opened(); err == nil {
			s.Closed, s.Marker = false, manifest.Marker{}
		}
	case 6:
		marker := anyMarker.Draw(t, "marker")
		if lsn, err = f.ClosedBy(marker); err == nil {
			s.Closed, s.Marker = true, marker
		}
	}
	return lsn, err
}

// noteOf is mostly of a row that there is.
func noteOf(t *rapid.T, s *manifest.State) manifest.Note {
	n := anyNote.Draw(t, "note")
	if r := s.Rows[n.Log]; r != nil && rapid.IntRange(0, 3).Draw(t, "stale") > 0 {
		n.Incarnation = r.Incarnation
	}
	return n
}
