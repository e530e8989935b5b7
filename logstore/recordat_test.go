package logstore_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A record by its offset is the first that Records yields from there, and stays as it
// is while others are read.
func TestRecordAtIsTheFirstOfRecords(t *testing.T) {
	c := logstore.DefaultConfig()
	c.Durability, c.Compact, c.Delete, c.MinCleanableDirtyRatio, c.SegmentBytes = logstore.OS, true, false, 0, 4<<10
	s, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Manual: true, Log: c})
	must(t, err)
	defer s.Close()
	l, err := s.OpenLog(tp)
	must(t, err)
	b := record.NewBuilder(record.BuilderOptions{})
	for n := range 400 {
		b.Reset(record.BuilderOptions{Codec: codecOf(n)})
		for i := range 1 + n%4 {
			value := make([]byte, n*i%700)
			if n%9 == 0 {
				value = nil
			}
			b.Append(1_700_000_000_000+int64(n), fmt.Append(nil, "key ", n*i%37), value, record.Header{Key: []byte("n"), Value: fmt.Append(nil, n)})
		}
		batch, err := b.Finish()
		must(t, err)
		must(t, errOf(l.AppendLeader(batch, 0)))
	}
	must(t, s.Checkpoint())
	if s.Compact(time.Now()) != 1 {
		t.Fatal("nothing was compacted")
	}

	ctx, end := context.Background(), l.Offset(logstore.LogEnd)
	got, want := map[int64]record.Record{}, map[int64]record.Record{}
	gaps := 0
	for offset := range end {
		r, ok, err := l.RecordAt(ctx, offset, logstore.LogEnd)
		must(t, err)
		if ok {
			got[offset] = r
		}
		if r.Offset != offset {
			gaps++
		}
		for r, err := range l.Records(ctx, offset, logstore.LogEnd) {
			must(t, err)
			want[offset] = r.Clone()
			break
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("a record by its offset is another than the first from there")
	}
	if gaps == 0 {
		t.Error("compaction left no gap")
	}

	if _, ok, err := l.RecordAt(ctx, end, logstore.LogEnd); ok || err != nil {
		t.Errorf("at the end: %v, %v", ok, err)
	}
	if _, _, err := l.RecordAt(ctx, end+1, logstore.LogEnd); !errors.Is(err, logstore.ErrOffsetRange) {
		t.Errorf("beyond the end: %v", err)
	}
	ended, stop := context.WithCancel(ctx)
	stop()
	if _, _, err := l.RecordAt(ended, 0, logstore.LogEnd); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
}

func codecOf(n int) record.Codec { return record.Codec(n % 5) }
