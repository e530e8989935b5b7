package embedded

import (
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"moldau/bench/harness"
	"moldau/bench/peers"
	"moldau/bench/result"
)

// Goals are against who is in the row, and who can read in order only is in no row
// of reads by number.
func TestPlan(t *testing.T) {
	o := &options{block: time.Second, bytes: 32 << 20, appended: 1 << 20}
	s := harness.NewSession(harness.Options{Dir: t.TempDir(), Durability: []string{"os", "synced"}}, &result.Run{Environment: map[string]string{}}, io.Discard)
	rows, err := plan(s, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	titles := map[string]bool{}
	for _, w := range rows {
		if titles[w.Row.Title()] {
			t.Errorf("%s twice", w.Row.Title())
		}
		titles[w.Row.Title()] = true
		var there []string
		for _, c := range w.Contestants {
			there = append(there, c.System)
		}
		if there[0] != moldau {
			t.Errorf("%s begins with %s", w.Row.Title(), there[0])
		}
		for _, g := range w.Row.Goals {
			if g.System != moldau || g.Against != "" && !slices.Contains(there, g.Against) {
				t.Errorf("%s: %s against %q, there are %v", w.Row.Title(), g.System, g.Against, there)
			}
		}
		for _, p := range peers.All {
			byNumber := strings.Contains(w.Row.Name, "by number")
			if in := slices.Contains(there, p.Name); byNumber && in == p.Sequential {
				t.Errorf("%s: %s is in: %v", w.Row.Title(), p.Name, in)
			}
		}
	}
	for _, bad := range []options{{}, {block: time.Second, bytes: 1 << 20, appended: 1 << 20}, {block: 0, bytes: 32 << 20, appended: 1 << 20}} {
		if _, err := plan(s, &bad); err == nil {
			t.Errorf("%+v", bad)
		}
	}
}

// A block's figures are of the operations that it did.
func TestMeasureBlock(t *testing.T) {
	done := func(n int64, err error) system {
		return system{block: func(_ string, t *stopwatch) (int64, error) {
			t.start()
			t.stop()
			t.seconds = 0.5
			return n, err
		}}
	}
	b, err := measureBlock(done(1000, nil), "", 2048)
	if err != nil || b.Metrics[result.TimePerOp] != 500 || b.Metrics[result.OpsPerSecond] != 2000 || math.Abs(b.Metrics[result.BytesPerSecond]-4.096) > 1e-9 {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err = measureBlock(done(1, nil), "", 0); err != nil || b.Metrics[result.Milliseconds] != 500 {
		t.Errorf("of no bytes: %+v, %v", b, err)
	}
	failed := errors.New("failed")
	if _, err = measureBlock(done(1, failed), "", 0); !errors.Is(err, failed) {
		t.Errorf("an error is lost: %v", err)
	}
}

// Every peer appends as many records as it says, and reads as many, to the last.
func TestEveryPeerDoesTheWork(t *testing.T) {
	const records = 2 * batched
	o := &options{block: time.Hour, bytes: records * recordBytes, appended: records * recordBytes}
	for _, p := range peers.All {
		for _, at := range []int{1, batched} {
			if at > 1 && !p.Batches {
				continue
			}
			var w stopwatch
			n, err := appendRecords(o, p, filepath.Join(t.TempDir(), "log"), at, false, 1, &w)
			if err != nil || n != records || w.seconds <= 0 {
				t.Errorf("%s, %d at a time: %d records in %v s, %v", p.Name, at, n, w.seconds, err)
			}
			dir := filepath.Join(t.TempDir(), "log")
			if err := (reader{p, p.Name, at}).write(o, dir); err != nil {
				t.Fatal(err)
			}
			if n, err := scan(o, p, dir, &w); err != nil || n != records {
				t.Errorf("%s, written %d at a time: %d records read, %v", p.Name, at, n, err)
			}
			if n, err := open(o, p, dir, &w); err != nil || n != 1 {
				t.Errorf("%s: opened %d, %v", p.Name, n, err)
			}
		}
	}
}

// A scan that finds less than was written is no block.
func TestScanMissesNothing(t *testing.T) {
	o := &options{bytes: batched * recordBytes}
	p := peers.All[0]
	dir := filepath.Join(t.TempDir(), "log")
	if err := (reader{p, p.Name, 1}).write(o, dir); err != nil {
		t.Fatal(err)
	}
	o.bytes *= 2
	if _, err := scan(o, p, dir, new(stopwatch)); err == nil {
		t.Error("half of the records are missing")
	}
}

// The loop beside AppendLeader checks the CRC: it is the work that both have.
func TestLimitChecks(t *testing.T) {
	batch := batchOf(4 << 10)
	if _, err := writeBatches(t.TempDir(), batch, 3, new(stopwatch)); err != nil {
		t.Fatal(err)
	}
	batch[len(batch)-1] ^= 1
	if _, err := writeBatches(t.TempDir(), batch, 3, new(stopwatch)); err == nil {
		t.Error("a wrong CRC was written")
	}
}
