package logstore_test

import (
	"fmt"
	"testing"

	"moldau/logstore"
)

// A transaction index that is not one is built anew, from the state before its
// segment and the markers in it. One that is missing is believed: most are.
func TestSpoiltTransactionIndexIsBuiltAnew(t *testing.T) {
	for how, spoil := range map[string]func([]byte) []byte{
		"empty entry": func(b []byte) []byte { return make([]byte, 34) },
		"cut":         func(b []byte) []byte { return b[:len(b)-1] },
		"version":     func(b []byte) []byte { return withByte(b, 1, 9) },
		"behind":      func(b []byte) []byte { return append(b[:len(b):len(b)], 1, 2, 3) },
		"order":       func(b []byte) []byte { return append(b[:len(b):len(b)], b...) },
	} {
		for _, clean := range []bool{true, false} {
			t.Run(fmt.Sprint(how, ", closed cleanly ", clean), func(t *testing.T) {
				h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 500 })
				l := h.log()
				a, b := &txn{h: h, id: 1}, &txn{h: h, id: 2}
				for range 6 {
					a.write(l, 1)
					b.write(l, 2)
					a.end(l, false)
					b.end(l, true)
				}
				b.write(l, 1)
				settled(t, l, 30)
				want, err := l.AbortedTransactions(nil, 0, 31)
				must(t, err)
				wantValues := fmt.Sprint(values(t, l, logstore.LastStable))
				if clean {
					must(t, h.store.Close())
				} else {
					h.store.Housekeep(h.clock.Now())
					must(t, h.store.Checkpoint())
					h.mem, _ = h.mem.Clone(), h.store.Close()
				}
				names := filesIn(t, h.mem, logDir, ".txnindex")
				if len(names) < 3 || len(want) != 6 {
					t.Fatalf("%d indexes of %v", len(names), want)
				}
				for _, name := range names {
					mem := h.mem.Clone()
					overwrite(t, mem, name, spoil(readAll(t, mem, name)))
					o := h.openTree(t, mem)
					wantAborted(t, o.log, 0, 31, want...)
					if got := fmt.Sprint(values(t, o.log, logstore.LastStable)); got != wantValues {
						t.Fatalf("%s: %s, want %s", name, got, wantValues)
					}
					o.store.Housekeep(h.clock.Now())
					must(t, o.store.Close())
					report, err := logstore.Check(mem, "data", logstore.CheckOptions{})
					must(t, err)
					if report.Faults() > 0 {
						t.Fatalf("%s: the checker finds %v", name, report.Findings)
					}
				}
			})
		}
	}
}

// A compaction of Kafka's that was killed among its renames has left the new files
// of a segment as swaps. What was aborted is then known by the swap alone.
func TestTransactionIndexOfASwapIsPutInPlace(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 500 })
	l := h.log()
	p := &txn{h: h, id: 1}
	for range 6 {
		p.write(l, 1)
		p.end(l, false)
		h.append(l, "plain", 1)
	}
	settled(t, l, 18)
	want, err := l.AbortedTransactions(nil, 0, 18)
	must(t, err)
	must(t, h.store.Close())
	for _, left := range [][]string{{".log", ".txnindex"}, {".txnindex"}} { // to be renamed
		m := imageOf(t, h.mem, "data/logs")
		delete(m, "data/logs/.kafka_cleanshutdown")
		delete(m, "data/logs/recovery-point-offset-checkpoint")
		m["data/logs/recovery-point-offset-checkpoint"] = []byte("0\n1\nt 0 18\n")
		for _, suffix := range left {
			name := logDir + "/00000000000000000000" + suffix
			if m[name] == nil {
				t.Fatal("no ", name)
			}
			m[name+".swap"] = m[name]
			delete(m, name)
		}
		o := h.openTree(t, m.fs(t))
		wantAborted(t, o.log, 0, 18, want...)
		wantValues(t, values(t, o.log, logstore.LastStable), "plain-0", "plain-0", "plain-0", "plain-0", "plain-0", "plain-0")
		must(t, o.store.Close())
	}
}
