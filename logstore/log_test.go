package logstore_test

import (
	"fmt"
	"testing"

	"moldau/logstore"
)

func TestAppendedIsRead(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	if a := h.appendDurably(l, "a", 2); a.First != 0 || a.Last != 1 {
		t.Fatalf("appended at %d to %d", a.First, a.Last)
	}
	h.appendDurably(l, "b", 1)
	wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "a-1", "b-0")
}

func TestEverythingIsFoundAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		again func(*harness) *logstore.Log
	}{
		{"clean close", (*harness).reopen},
		{"kill -9", (*harness).kill},
		{"power cut", (*harness).powerCut},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 300, 80 })
			l := h.log()
			var want []string
			for round := range 3 {
				for i := range 20 {
					h.appendDurably(l, fmt.Sprint("r", round, ".", i), 1)
					want = append(want, fmt.Sprint("r", round, ".", i, "-0"))
					if i == 10 {
						h.store.Housekeep(h.clock.Now())
					}
				}
				l = c.again(h)
				wantValues(t, values(t, l, logstore.HighWatermark), want...)
				if l.ID() != (logstore.TopicID{1}) || len(l.Segments()) < 3 {
					t.Fatalf("id %v, %d segments", l.ID(), len(l.Segments()))
				}
				if len(eventsOf[logstore.LogPoisoned](h.events)) > 0 {
					t.Fatal(eventsOf[logstore.LogPoisoned](h.events))
				}
			}
		})
	}
}
