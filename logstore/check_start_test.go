package logstore_test

import (
	"testing"

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
