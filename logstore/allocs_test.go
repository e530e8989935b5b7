package logstore_test

import (
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// By batches nothing is allocated: not by an append, nor by waiting for it with a
// Waiter, nor by a read. A commit, which is shared, is left out here: in os mode
// there is none.
func TestBatchesAllocateNothing(t *testing.T) {
	c := logstore.DefaultConfig()
	c.Durability = logstore.OS
	s, err := logstore.Open(t.TempDir(), logstore.Options{Manual: true, Log: c})
	must(t, err)
	defer s.Close()
	l, err := s.OpenLog(tp)
	must(t, err)
	batch := batchOf(t, record.BuilderOptions{Producer: &record.Producer{ID: 1, BaseSequence: 0}}, 1_700_000_000_000, "v", 3)
	plain := batchOf(t, record.BuilderOptions{}, 1_700_000_000_000, "v", 3)
	w := logstore.NewWaiter()
	var f logstore.Fetch
	for what, do := range map[string]func(){
		"append":       func() { must(t, errOf(l.AppendLeader(plain, 0))) },
		"append again": func() { must(t, errOf(l.AppendLeader(batch, 0))) },
		"append and wait": func() {
			a, err := l.AppendLeader(plain, 0)
			must(t, err)
			l.Watch(logstore.HighWatermark, a.Last, w)
			<-w.C
		},
		"read": func() {
			must(t, l.Read(&f, 1, logstore.HighWatermark, 4096, true))
			if f.Bytes == 0 {
				t.Fatal("nothing was read")
			}
			f.Release()
		},
	} {
		must(t, errOf(l.AppendLeader(batch, 0)))
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
