package record_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"moldau/logstore/record"
)

const javaTimestamp = 1_700_000_000_000 // ms

func java(t testing.TB, name string) record.Batch {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "java", name+".batch"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func javaRecords(valueBytes int) []record.Record {
	return []record.Record{
		{Offset: 100, TimestampMs: javaTimestamp + 3, Key: []byte("k0"), Value: []byte("v0")},
		{Offset: 101, TimestampMs: javaTimestamp + 9, Value: pattern(valueBytes)},
		{Offset: 102, TimestampMs: javaTimestamp, Key: []byte("k2"), Headers: []record.Header{
			{Key: []byte("a"), Value: []byte("b")}, {Key: []byte{}}, {Key: []byte("e"), Value: []byte{}},
		}},
		{Offset: 103, TimestampMs: javaTimestamp + 9, Key: []byte{}, Value: []byte{}},
	}
}

// same tells null from empty, which bytes.Equal does not.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func wantRecords(t *testing.T, b record.Batch, want []record.Record) {
	t.Helper()
	i := 0
	for got, err := range b.Records(unpackedBytesMax) {
		if err != nil {
			t.Fatal(err)
		}
		if i == len(want) {
			t.Fatalf("more than %d records", i)
		}
		w := want[i]
		if got.Offset != w.Offset || got.TimestampMs != w.TimestampMs || !same(got.Key, w.Key) || !same(got.Value, w.Value) || len(got.Headers) != len(w.Headers) {
			t.Errorf("record %d: offset %d at %d, %d headers", i, got.Offset, got.TimestampMs, len(got.Headers))
		}
		for j, h := range w.Headers {
			if !same(got.Headers[j].Key, h.Key) || !same(got.Headers[j].Value, h.Value) {
				t.Errorf("record %d, header %d: %q", i, j, got.Headers[j])
			}
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d records of %d", i, len(want))
	}
}

var javaFiles = []struct {
	name       string
	codec      record.Codec
	valueBytes int
}{
	{"none", record.None, 300},
	{"gzip", record.Gzip, 100_000},
	{"snappy", record.Snappy, 100_000},
	{"lz4", record.LZ4, 100_000},
	{"zstd", record.Zstd, 100_000},
	{"zstd22", record.Zstd, 100_000},
}

func TestBatchesOfJavaReadAsWritten(t *testing.T) {
	for _, c := range javaFiles {
		t.Run(c.name, func(t *testing.T) {
			b := java(t, c.name)
			if err := b.Check(); err != nil || b.Codec() != c.codec {
				t.Fatalf("%v, codec %v", err, b.Codec())
			}
			if b.LeaderEpoch() != 5 || b.ProducerID() != 4000 || b.ProducerEpoch() != 2 || b.BaseSequence() != 17 || b.LastSequence() != 20 || !b.Transactional() {
				t.Error("header")
			}
			wantRecords(t, b, javaRecords(c.valueBytes))
			w, err := b.Walk(record.WalkOptions{UnpackedBytesMax: unpackedBytesMax})
			if err != nil {
				t.Fatal(err)
			}
			if w.MaxTimestamp != javaTimestamp+9 || w.MaxTimestampIndex != 1 || w.MaxTimestampOffsetDelta != 1 || w.MinTimestamp != javaTimestamp || w.MinTimestampIndex != 2 || w.FirstNullKey != 1 {
				t.Errorf("%+v", w)
			}
		})
	}
}

func TestBuilderWritesWhatJavaWrites(t *testing.T) {
	o := record.BuilderOptions{BaseOffset: 100, LeaderEpoch: 5, Producer: &record.Producer{ID: 4000, Epoch: 2, BaseSequence: 17}, Transactional: true}
	b := record.NewBuilder(o)
	for _, r := range javaRecords(300) {
		b.Append(r.TimestampMs, r.Key, r.Value, r.Headers...)
	}
	got, err := b.Finish()
	if err != nil || !bytes.Equal(got, java(t, "none")) {
		t.Errorf("differs from Java's: %v\n%x\n%x", err, got, java(t, "none"))
	}
	if empty := record.AppendEmpty(nil, got); !bytes.Equal(empty, java(t, "empty")) {
		t.Errorf("emptied differs from Java's:\n%x\n%x", empty, java(t, "empty"))
	}
}

func TestLogAppendTimeOfJava(t *testing.T) {
	b := java(t, "appendtime")
	if err := b.Check(); err != nil || !b.LogAppendTime() || b.MaxTimestamp() != javaTimestamp+999 {
		t.Fatalf("%v, max timestamp %d", err, b.MaxTimestamp())
	}
	want := javaRecords(300)
	for i := range want {
		want[i].TimestampMs = javaTimestamp + 999
	}
	wantRecords(t, b, want)
}

func TestEndOfTransactionOfJava(t *testing.T) {
	b := java(t, "commit")
	if err := b.Check(); err != nil || !b.Control() || !b.Transactional() {
		t.Fatal(err)
	}
	for r, err := range b.Records(0) {
		if err != nil {
			t.Fatal(err)
		}
		kind, err := r.ControlType()
		if err != nil || kind != record.ControlCommit || kind.String() != "commit" {
			t.Errorf("%v, %v", kind, err)
		}
		if epoch, err := r.CoordinatorEpoch(); err != nil || epoch != 8 {
			t.Errorf("coordinator epoch %d, %v", epoch, err)
		}
		if key, value := record.ControlKey(kind), record.EndOfTransaction(8); !bytes.Equal(key, r.Key) || !bytes.Equal(value, r.Value) {
			t.Errorf("encoded as %x, %x; Java has %x, %x", key, value, r.Key, r.Value)
		}
		for _, short := range [][]byte{nil, r.Key[:3], {0xff, 0xff, 0, 0, 0, 0}} {
			bad := record.Record{Key: short, Value: short}
			if _, err := bad.ControlType(); err == nil {
				t.Errorf("control key %x", short)
			}
			if _, err := bad.CoordinatorEpoch(); err == nil {
				t.Errorf("control value %x", short)
			}
		}
	}
	if got := record.ControlType(99).String(); got != "control type 99" {
		t.Error(got)
	}
}
