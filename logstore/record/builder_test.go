package record_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"moldau/logstore/record"
)

func TestWhatIsBuiltIterates(t *testing.T) {
	for _, codec := range codecs {
		for level := range 24 {
			if codec == record.None && level > 0 {
				break
			}
			b := record.NewBuilder(record.BuilderOptions{Codec: codec, Level: level, BaseOffset: 100})
			for _, r := range javaRecords(70_000) {
				b.Append(r.TimestampMs, r.Key, r.Value, r.Headers...)
			}
			batch, err := b.Finish()
			highest := map[record.Codec]int{record.Gzip: 9, record.LZ4: 9, record.Zstd: 22}[codec]
			if (err == nil) != (level <= highest) {
				t.Fatalf("%v level %d: %v", codec, level, err)
			}
			if err != nil {
				break
			}
			if err := batch.Check(); err != nil {
				t.Fatalf("%v level %d: %v", codec, level, err)
			}
			wantRecords(t, batch, javaRecords(70_000))
		}
	}
}

func TestBuilderKeepsGapsAndHorizon(t *testing.T) {
	b := record.NewBuilder(record.BuilderOptions{
		BaseOffset: 50, DeleteHorizonMs: 9_000, LastOffsetDeltaMin: 20, Control: true, LogAppendTime: true,
	})
	b.AppendAt(3, 100, []byte("a"), nil)
	b.AppendAt(9, 90, []byte("b"), nil)
	b.Append(80, []byte("c"), nil)
	if b.Count() != 3 {
		t.Errorf("count %d", b.Count())
	}
	size := b.Size()
	batch, err := b.Finish()
	if err != nil || batch.Check() != nil || batch.Size() != size {
		t.Fatal(err)
	}
	if !batch.HasDeleteHorizon() || batch.BaseTimestamp() != 9_000 || batch.MaxTimestamp() != 100 || batch.LastOffset() != 70 || !batch.Control() || !batch.LogAppendTime() {
		t.Errorf("%x", batch[:record.HeaderBytes])
	}
	if _, err := batch.Walk(record.WalkOptions{}); !errors.Is(err, record.ErrRecords) {
		t.Errorf("gaps pass for a client's batch: %v", err)
	}
	if w, err := batch.Walk(record.WalkOptions{Gaps: true}); err != nil || w.MaxTimestamp != 100 {
		t.Errorf("%+v, %v", w, err)
	}
	var offsets []int64
	for r, err := range batch.Records(0) {
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, r.Offset)
	}
	if len(offsets) != 3 || offsets[0] != 53 || offsets[1] != 59 || offsets[2] != 60 {
		t.Errorf("offsets %v", offsets)
	}
}

func TestBuilderRefusesWhatNoBatchCanHold(t *testing.T) {
	for name, build := range map[string]func(*record.Builder){
		"offset delta repeats":    func(b *record.Builder) { b.AppendAt(4, 0, nil, nil); b.AppendAt(4, 0, nil, nil); b.Append(0, nil, nil) },
		"offset delta goes back":  func(b *record.Builder) { b.AppendAt(4, 0, nil, nil); b.AppendAt(3, 0, nil, nil) },
		"offset delta negative":   func(b *record.Builder) { b.AppendAt(-1, 0, nil, nil) },
		"offset delta without +1": func(b *record.Builder) { b.AppendAt(math.MaxInt32, 0, nil, nil) },
	} {
		b := record.NewBuilder(record.BuilderOptions{})
		build(b)
		if _, err := b.Finish(); !errors.Is(err, record.ErrRecords) {
			t.Errorf("%s: %v", name, err)
		}
		b.Reset(record.BuilderOptions{})
		b.Append(1, nil, nil)
		if batch, err := b.Finish(); err != nil || batch.Check() != nil || batch.Count() != 1 {
			t.Errorf("%s: not usable again: %v", name, err)
		}
	}
	huge := make([]byte, 1<<30) // never touched, so never in memory
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(0, nil, nil, record.Header{Key: huge}, record.Header{Key: huge})
	if _, err := b.Finish(); !errors.Is(err, record.ErrTooLarge) {
		t.Errorf("2 GiB: %v", err)
	}
}

func TestBuilderReusesItsMemory(t *testing.T) {
	for _, codec := range []record.Codec{record.None, record.Snappy} {
		b, value := record.NewBuilder(record.BuilderOptions{}), bytes.Repeat([]byte("v"), 1000)
		build := func() {
			b.Reset(record.BuilderOptions{Codec: codec})
			for range 20 {
				b.Append(1, nil, value)
			}
			if _, err := b.Finish(); err != nil {
				t.Fatal(err)
			}
		}
		build()
		if n := testing.AllocsPerRun(50, build); n > 0 {
			t.Errorf("%v: %v allocations", codec, n)
		}
	}
}

func TestIteratorReusesItsMemory(t *testing.T) {
	var it record.Iterator
	defer it.Close()
	b := sample(t, record.BuilderOptions{}, 100)
	read := func() {
		if err := it.Reset(b, 0); err != nil {
			t.Fatal(err)
		}
		n := 0
		for it.Next() {
			n += len(it.Record().Key)
		}
		if it.Err() != nil || n == 0 || it.Next() {
			t.Fatal(it.Err())
		}
	}
	read()
	if n := testing.AllocsPerRun(50, read); n > 0 {
		t.Errorf("%v allocations", n)
	}
	// From a large compressed batch to a plain one and back, with an early stop.
	large := sample(t, record.BuilderOptions{Codec: record.Gzip}, 5000)
	for range 3 {
		if err := it.Reset(large, unpackedBytesMax); err != nil || !it.Next() {
			t.Fatal(err)
		}
		read()
	}
	if err := it.Reset(large, 1000); err != nil {
		t.Fatal(err)
	}
	for it.Next() {
	}
	if !errors.Is(it.Err(), record.ErrTooLarge) || it.Next() {
		t.Errorf("over the limit: %v", it.Err())
	}
}

func TestRecordsStopsWhenAsked(t *testing.T) {
	n := 0
	for _, err := range sample(t, record.BuilderOptions{Codec: record.LZ4}, 100).Records(unpackedBytesMax) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d records", n)
	}
}
