package scale

import (
	"context"
	"io"
	"math"
	"testing"

	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/logstore"
)

// tiny is a store that is made in no time.
func tiny(t *testing.T, o *options) *store {
	t.Helper()
	st := &store{root: t.TempDir(), options: o, say: t.Logf}
	t.Cleanup(func() {
		if err := st.close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func planned(t *testing.T, o options, durability ...string) ([]harness.Workload, error) {
	t.Helper()
	s := harness.NewSession(harness.Options{Dir: t.TempDir(), Durability: durability}, &result.Run{}, io.Discard)
	defer s.Close()
	return plan(s, &o)
}

// Bare files are beside appends in os mode only, each row by another title, and goals
// are the engine's.
func TestPlan(t *testing.T) {
	o := options{logs: 20, few: 2, many: 10, clients: 3, kib: []int{1, 16}}
	for _, c := range []struct {
		durability []string
		rows, bare int
	}{{[]string{"os", "synced"}, 7, 2}, {[]string{"os"}, 5, 2}, {[]string{"synced"}, 3, 0}} {
		rows, err := planned(t, o, c.durability...)
		if err != nil {
			t.Fatal(err)
		}
		titles, bare := map[string]bool{}, 0
		for _, w := range rows {
			titles[w.Row.Title()] = true
			if w.Contestants[0].Limit {
				bare++
			}
			for _, g := range w.Row.Goals {
				if g.System != w.Contestants[0].System {
					t.Errorf("%s: a goal of %s", w.Row.Title(), g.System)
				}
			}
		}
		if len(titles) != c.rows || bare != c.bare {
			t.Errorf("%v: %d rows, %d of bare files", c.durability, len(titles), bare)
		}
	}
	for _, bad := range []options{{logs: 20, few: 0, many: 10, clients: 1}, {logs: 20, few: 11, many: 10, clients: 1}, {logs: 9, few: 1, many: 10, clients: 1}, {logs: 20, few: 1, many: 10}} {
		if _, err := planned(t, bad, "os"); err == nil {
			t.Errorf("%+v", bad)
		}
	}
}

// Every log of those that are chosen gets as many as are asked for, and each is
// another: they lie apart among all.
func TestAppendsGoAroundTheLogs(t *testing.T) {
	st := tiny(t, &options{logs: 20, few: 2, many: 10, clients: 3})
	if err := st.prepare(); err != nil {
		t.Fatal(err)
	}
	s, err := st.open(logstore.OS)
	if err != nil {
		t.Fatal(err)
	}
	st.opened = s
	logs, err := st.find(s)
	if err != nil || len(logs) != 10 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	if _, err := appendTo(logs, 2, st.options, 30); err != nil {
		t.Fatal(err)
	}
	for i := range st.options.logs {
		l, err := s.Log(name(i))
		if err != nil {
			t.Fatal(err)
		}
		want := int64(1) // as it was made
		if i%2 == 0 {
			want += 3 * 2
		}
		if end := l.Offset(logstore.LogEnd); end != want {
			t.Errorf("log %d has %d records, must have %d", i, end, want)
		}
	}
}

// A block opens, appends, closes and tells all of it; the next finds the same store.
func TestOpenAndClose(t *testing.T) {
	st := tiny(t, &options{logs: 20, few: 2, many: 10, clients: 3})
	for range 2 {
		b, err := st.openAndClose()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []result.Metric{result.OpenSeconds, result.CloseSeconds, result.ResidentMB} {
			if b.Metrics[m] <= 0 {
				t.Errorf("%s is %v", m, b.Metrics[m])
			}
		}
		if all, each := b.Metrics[result.HeapMB]*1e6, b.Metrics[result.HeapPerLog]*20; math.Abs(all-each) > 1 {
			t.Errorf("%v bytes of heap, %v by those of a log", all, each)
		}
	}
	s, err := st.open(logstore.OS)
	if err != nil {
		t.Fatal(err)
	}
	st.opened = s
	l, err := s.Log(name(2))
	if err != nil || l.Offset(logstore.LogEnd) != 3 {
		t.Errorf("record of its making, one of each block: %d, %v", l.Offset(logstore.LogEnd), err)
	}
}

// The rate of a block is that to many over that to few.
func TestBothIsARatio(t *testing.T) {
	order := ""
	b, err := both(t.TempDir(), func() (float64, error) { order += "few "; return 200, nil }, func() (float64, error) { order += "many "; return 150, nil })
	if err != nil || order != "few many many few " || b.Metrics[result.OfFew] != 0.75 || b.Metrics[result.OpsPerSecond] != 150 || b.Metrics[result.FewPerSecond] != 200 {
		t.Errorf("%q, %+v, %v", order, b, err)
	}
	if _, err := both(t.TempDir(), func() (float64, error) { return 0, context.Canceled }, nil); err != context.Canceled {
		t.Errorf("an error is lost: %v", err)
	}
}

// The limit writes a batch to each file in turn, one behind the other.
func TestBareFiles(t *testing.T) {
	o := &options{few: 1, many: 3, clients: 2}
	b, err := newBare(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := batchOf(1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, f := range b.files {
			if err := f.append(batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, f := range b.files {
		if info, err := f.Stat(); err != nil || info.Size() != int64(2*len(batch)) {
			t.Errorf("file %d: %v, %v", i, info.Size(), err)
		}
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
}
