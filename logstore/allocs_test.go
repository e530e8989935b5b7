package logstore_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// The race detector has pools lose some of what is put into them: allocations are
// counted where it is not.

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
	several := []logstore.LeaderAppend{{Batches: plain}, {Batches: bytes.Clone(plain)}, {Batches: bytes.Clone(plain)}}
	for what, do := range map[string]func(){
		"append several": func() {
			l.AppendLeaderEach(several, 0)
			must(t, several[2].Err)
		},
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
		if n := testing.AllocsPerRun(100, do); n != 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

// By records memory is taken for a walk, and not for what it reads.
func TestRecordsReuseTheirMemory(t *testing.T) {
	c := logstore.DefaultConfig()
	c.Durability = logstore.OS
	s, err := logstore.Open(t.TempDir(), logstore.Options{Manual: true, Log: c})
	must(t, err)
	defer s.Close()
	l, err := s.OpenLog(tp)
	must(t, err)
	records := make([]record.Record, 64)
	for i := range records {
		records[i] = record.Record{TimestampMs: 1_700_000_000_000, Value: make([]byte, 1024)}
	}
	appendAll := func() {
		_, err := l.Append(context.Background(), records...)
		must(t, err)
	}
	if n := testing.AllocsPerRun(100, appendAll); n > 1 && !raceEnabled {
		t.Errorf("append: %v allocations", n)
	}
	n := testing.AllocsPerRun(3, func() {
		for _, err := range l.Records(context.Background(), 0, logstore.LogEnd) {
			must(t, err)
		}
	})
	if n > 20 && !raceEnabled {
		t.Errorf("%v allocations for %d KiB", n, l.Bytes()>>10)
	}
}

// However a log is cut into reads, which become larger, every record is yielded as
// it was appended.
func TestRecordsAreWholeAcrossReads(t *testing.T) {
	s, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Manual: true})
	must(t, err)
	defer s.Close()
	l, err := s.OpenLog(tp)
	must(t, err)
	value := func(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%d,", n), 1+n*n%3000) }
	for n := range 300 {
		_, err := l.Append(context.Background(), record.Record{Value: value(n)})
		must(t, err)
	}
	for from := range 300 {
		next := from
		for r, err := range l.Records(context.Background(), int64(from), logstore.LogEnd) {
			must(t, err)
			if r.Offset != int64(next) || !bytes.Equal(r.Value, value(next)) {
				t.Fatalf("from %d: offset %d is %.20q", from, r.Offset, r.Value)
			}
			if next++; from%30 > 0 && next > from+4 {
				break
			}
		}
		if from%30 == 0 && next != 300 {
			t.Fatalf("from %d: ended at %d", from, next)
		}
	}
}
