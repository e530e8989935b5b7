package logstore_test

import (
	"strings"
	"testing"
	"time"

	"moldau/logstore"
)

// A start offset is durable when AdvanceStart returns, and what it passes over may
// be in the journal only: after a loss of power the log's own file ends below it,
// which is no fault, and a start brings the rest back.
func TestCheckOfAStartAheadOfTheFile(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 1)
	must(t, h.store.Checkpoint())
	h.appendDurably(l, "b", 4) // in the journal only
	must(t, l.AdvanceStart(4))
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	r, err := logstore.Check(h.mem, "data", logstore.CheckOptions{Deep: true})
	must(t, err)
	noted := false
	for _, f := range r.Findings {
		if f.Severity == logstore.Fault {
			t.Errorf("%+v", f)
		}
		noted = noted || f.File == firstLog
	}
	if !noted {
		t.Errorf("nothing is noted of %s", firstLog)
	}
	h.open()
	l, err = h.store.Log(tp)
	must(t, err)
	wantValues(t, values(t, l, logstore.HighWatermark), "b-3")
}

// A segment that ends where the last checkpoint was, and was rolled since, lacks its
// last time index entry until it is sealed: a start adds it.
func TestCheckOfASegmentRolledAtTheRecoveryPoint(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 200, 100 })
	l := h.log()
	h.appendDurably(l, "a", 1)
	h.clock.add(time.Second)
	h.appendDurably(l, "b", 1) // below the interval, and the segment's newest
	must(t, h.store.Checkpoint())
	h.appendDurably(l, "c", 1)
	if n := len(l.Segments()); n != 2 {
		t.Fatalf("%d segments", n)
	}
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	r, err := logstore.Check(h.mem, "data", logstore.CheckOptions{Deep: true})
	must(t, err)
	noted := false
	for _, f := range r.Findings {
		if f.Severity == logstore.Fault {
			t.Errorf("%+v", f)
		}
		noted = noted || strings.HasSuffix(f.File, ".timeindex")
	}
	if !noted {
		t.Error("nothing is noted of the time index")
	}
	h.open()
	r, err = logstore.Check(h.mem, "data", logstore.CheckOptions{Deep: true})
	must(t, err)
	for _, f := range r.Findings {
		if strings.HasSuffix(f.File, "0.timeindex") {
			t.Errorf("after a start: %+v", f)
		}
	}
}
