package recovery

import (
	"errors"
	"os"
	"testing"

	"moldau/logstore/record"
)

// TestLoop reads what a writer left unflushed, over pieces and segments, and
// finds a flipped bit in it and nowhere else.
func TestLoop(t *testing.T) {
	s := shape{Dir: t.TempDir(), Logs: 3, SegmentBytes: 3 << 20}
	left, err := write(writing{shape: s, FlushedBytes: 8 << 20, UnflushedBytes: 16 << 20, BatchBytes: 40 << 10, Close: true})
	if err != nil {
		t.Fatal(err)
	}
	var unflushed int64
	for _, tail := range left.Tails {
		unflushed += tail.To - tail.From
	}
	task := looping{s, left.Tails, 2}
	got, err := loop(task)
	if err != nil || got.Bytes != unflushed || unflushed < 16<<20 {
		t.Fatalf("read %d of %d bytes: %v", got.Bytes, unflushed, err)
	}
	names, err := s.segments(1)
	if err != nil || len(names) < 3 {
		t.Fatalf("%d segments: %v", len(names), err)
	}
	flip(t, names[0], 100)
	if _, err := loop(task); err != nil {
		t.Errorf("read what was flushed: %v", err)
	}
	flip(t, names[len(names)-1], 100)
	if _, err := loop(task); !errors.Is(err, record.ErrCRC) {
		t.Errorf("got %v, want a wrong CRC", err)
	}
}

func flip(t *testing.T, name string, at int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}
