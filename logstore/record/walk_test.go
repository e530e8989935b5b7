package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"moldau/logstore/record"
)

func TestWalkAgreesWithWhatWasBuilt(t *testing.T) {
	for _, codec := range codecs {
		for _, n := range []int{1, 2, 100, 1500} {
			b := sample(t, record.BuilderOptions{Codec: codec}, n)
			w, err := b.Walk(record.WalkOptions{UnpackedBytesMax: unpackedBytesMax})
			if err != nil {
				t.Fatalf("%v, %d records: %v", codec, n, err)
			}
			if w.MaxTimestamp != b.MaxTimestamp() || w.MaxTimestampIndex != int32(min(n, 10)-1) || w.MinTimestamp != 1_000_000 || w.MinTimestampIndex != 0 {
				t.Errorf("%v, %d records: %+v", codec, n, w)
			}
			if codec == record.None && w.UnpackedBytes != int64(len(b.Payload())) {
				t.Errorf("unpacked bytes %d of %d", w.UnpackedBytes, len(b.Payload()))
			}
			if want := int32(1); n > 1 && w.FirstNullKey != want || n == 1 && w.FirstNullKey != -1 {
				t.Errorf("first null key %d", w.FirstNullKey)
			}
		}
	}
}

// TestWalkSeesThroughLyingHeaders has headers that lie, under a good CRC.
func TestWalkSeesThroughLyingHeaders(t *testing.T) {
	for _, codec := range codecs {
		b := sample(t, record.BuilderOptions{Codec: codec}, 20)
		walk := func(change func(record.Batch), gaps bool) (record.Walked, error) {
			lying := record.Batch(bytes.Clone(b))
			change(lying)
			return lying.Walk(record.WalkOptions{Gaps: gaps, UnpackedBytesMax: unpackedBytesMax})
		}
		if w, err := walk(func(b record.Batch) { b.SetMaxTimestamp(5) }, false); err != nil || w.MaxTimestamp != 1_000_009 {
			t.Errorf("%v: max timestamp: %+v, %v", codec, w, err)
		}
		count := func(n uint32) func(record.Batch) {
			return func(b record.Batch) { binary.BigEndian.PutUint32(b[57:], n) }
		}
		last := func(n uint32) func(record.Batch) {
			return func(b record.Batch) { binary.BigEndian.PutUint32(b[23:], n) }
		}
		for _, c := range []struct {
			name   string
			change func(record.Batch)
			gaps   bool
			want   error
			index  int
		}{
			{"one record less", count(19), false, record.ErrRecords, 19},
			{"one record more", count(21), false, record.ErrRecords, 20},
			{"no record", count(0), false, record.ErrRecords, 0},
			{"last offset delta too small", last(18), false, record.ErrRecords, 19},
			{"last offset delta too large", last(20), false, record.ErrRecords, 20},
			{"last offset delta too small, gaps", last(18), true, record.ErrRecords, 19},
			{"last offset delta too large, gaps", last(20), true, nil, 0},
		} {
			_, err := walk(c.change, c.gaps)
			if !errors.Is(err, c.want) {
				t.Errorf("%v, %s: %v", codec, c.name, err)
			}
			var at *record.RecordError
			if c.want != nil && (!errors.As(err, &at) || at.Index != c.index) {
				t.Errorf("%v, %s: %v, want record %d", codec, c.name, err, c.index)
			}
		}
		if _, err := walk(count(1<<31-1), false); err == nil {
			t.Errorf("%v: a count of 2^31-1 passed", codec)
		}
		if _, err := walk(count(1<<31), false); !errors.Is(err, record.ErrCount) {
			t.Errorf("%v: negative count: %v", codec, err)
		}
	}
}

// raw wraps hand-made records into a batch that is right but for them.
func raw(t *testing.T, codec record.Codec, count, last int32, records ...[]byte) record.Batch {
	t.Helper()
	b := sample(t, record.BuilderOptions{}, 1)[:record.HeaderBytes]
	packed, err := record.Compress(bytes.Clone(b), codec, 0, bytes.Join(records, nil))
	if err != nil {
		t.Fatal(err)
	}
	batch := record.Batch(packed)
	binary.BigEndian.PutUint32(batch[8:], uint32(len(batch)-12))
	batch.SetAttributes(int16(codec))
	binary.BigEndian.PutUint32(batch[23:], uint32(last))
	binary.BigEndian.PutUint32(batch[57:], uint32(count))
	batch.SetCRC(batch.ComputeCRC())
	return batch
}

func TestMalformedRecordsAreNamed(t *testing.T) {
	good := []byte{14, 0, 0, 0, 2, 'k', 1, 0} // length 7: attributes, deltas, key "k", null value, no header
	at := func(delta byte) []byte { return []byte{14, 0, 0, delta << 1, 2, 'k', 1, 0} }
	for _, c := range []struct {
		name    string
		record  []byte
		gaps    bool
		refused bool
	}{
		{"good", at(1), false, false},
		{"attributes are ignored", []byte{14, 0xff, 0, 2, 2, 'k', 1, 0}, false, false},
		{"ten bytes of timestamp delta", []byte{32, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 2, 'k', 1, 0}, false, false},
		{"offset delta repeats", at(0), false, true},
		{"offset delta repeats, gaps", at(0), true, true},
		{"offset delta skips", at(2), false, true},
		{"offset delta skips, gaps", at(2), true, false},
		{"offset delta beyond the last, gaps", at(4), true, true},
		{"offset delta negative", []byte{14, 0, 0, 1, 2, 'k', 1, 0}, true, true},
		{"length too small", []byte{12, 0, 0, 2, 2, 'k', 1, 0}, false, true},
		{"length too large", []byte{16, 0, 0, 2, 2, 'k', 1, 0}, false, true},
		{"length negative", []byte{1, 0, 0, 2, 2, 'k', 1, 0}, false, true},
		{"length of 2^31-1", []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 2, 2, 'k', 1, 0}, false, true},
		{"key length -2", []byte{12, 0, 0, 2, 3, 1, 0}, false, true},
		{"value length -2", []byte{14, 0, 0, 2, 2, 'k', 3, 0}, false, true},
		{"key beyond the end", []byte{14, 0, 0, 2, 60, 'k', 1, 0}, false, true},
		{"value beyond the end", []byte{14, 0, 0, 2, 2, 'k', 60, 0}, false, true},
		{"header count negative", []byte{14, 0, 0, 2, 2, 'k', 1, 1}, false, true},
		{"header count of 2^31-1", []byte{22, 0, 0, 2, 2, 'k', 1, 0xfe, 0xff, 0xff, 0xff, 0x0f}, false, true},
		{"header without key", []byte{18, 0, 0, 2, 2, 'k', 1, 2, 1, 0}, false, true},
		{"header value of -2", []byte{18, 0, 0, 2, 2, 'k', 1, 2, 0, 3}, false, true},
		{"header with null value", []byte{18, 0, 0, 2, 2, 'k', 1, 2, 0, 1}, false, false},
		{"padded varint", []byte{16, 0, 0x80, 0, 2, 2, 'k', 1, 0}, false, true},
		{"varint of 33 bits", []byte{22, 0, 0, 0x82, 0x80, 0x80, 0x80, 0x10, 2, 'k', 1, 0}, false, true},
		{"varint of six bytes", []byte{24, 0, 0, 0x82, 0x80, 0x80, 0x80, 0x80, 0, 2, 'k', 1, 0}, false, true},
		{"varlong of 65 bits", []byte{32, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 2, 2, 'k', 1, 0}, false, true},
		{"varint without end", []byte{14, 0, 0, 0x80}, false, true},
		{"nothing", nil, false, true},
	} {
		for _, codec := range codecs {
			last := int32(1)
			if c.gaps {
				last = 3
			}
			b := raw(t, codec, 2, last, good, c.record)
			_, err := b.Walk(record.WalkOptions{Gaps: c.gaps, UnpackedBytesMax: unpackedBytesMax})
			var named *record.RecordError
			switch {
			case !c.refused && err != nil:
				t.Errorf("%v, %s: %v", codec, c.name, err)
			case c.refused && err == nil:
				t.Errorf("%v, %s: accepted", codec, c.name)
			case c.refused && !errors.Is(err, record.ErrRecords) && !errors.Is(err, record.ErrCount):
				t.Errorf("%v, %s: %v", codec, c.name, err)
			case c.refused && errors.As(err, &named) && named.Index != 1:
				t.Errorf("%v, %s: blames record %d", codec, c.name, named.Index)
			}
			if iterated(b) != nil != c.refused {
				t.Errorf("%v, %s: iterator: %v", codec, c.name, iterated(b))
			}
		}
	}
}

func iterated(b record.Batch) error {
	for _, err := range b.Records(unpackedBytesMax) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestWalkOfLogAppendTimeTakesTheBatchsTime(t *testing.T) {
	b := sample(t, record.BuilderOptions{}, 20)
	b.SetLogAppendTime(42)
	w, err := b.Walk(record.WalkOptions{})
	if err != nil || w.MaxTimestamp != 42 || w.MinTimestamp != 42 || w.MaxTimestampOffsetDelta != 0 {
		t.Errorf("%+v, %v", w, err)
	}
	for r, err := range b.Records(0) {
		if err != nil || r.TimestampMs != 42 {
			t.Errorf("record at %d, %v", r.TimestampMs, err)
		}
	}
}

func TestWalkOfAnEmptyBatch(t *testing.T) {
	for _, codec := range codecs {
		b := record.Batch(record.AppendEmpty(nil, sample(t, record.BuilderOptions{Codec: codec, BaseOffset: 9}, 7)))
		w, err := b.Walk(record.WalkOptions{Gaps: true})
		if err != nil || w.MaxTimestamp != -1 || w.MinTimestamp != -1 || w.FirstNullKey != -1 {
			t.Errorf("%+v, %v", w, err)
		}
		if b.Check() != nil || b.LastOffset() != 15 || b.MaxTimestamp() != 1_000_006 || b.Codec() != record.None || iterated(b) != nil {
			t.Errorf("%v: header of the emptied batch: %v", codec, b.Check())
		}
	}
}

func TestHeaderChecksAndWalkDoNotAllocate(t *testing.T) {
	run := append(sample(t, record.BuilderOptions{}, 50), sample(t, record.BuilderOptions{}, 500)...)
	if n := testing.AllocsPerRun(100, func() {
		for b, rest, err := record.Next(run); err == nil; b, rest, err = record.Next(rest) {
			if b.Check() != nil {
				t.Fatal("bad batch")
			}
			if _, err := b.Walk(record.WalkOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
