package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"moldau/logstore/record"
)

const unpackedBytesMax = 8 << 20

var codecs = []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd}

// sample builds a batch of n records of many shapes.
func sample(t testing.TB, o record.BuilderOptions, n int) record.Batch {
	t.Helper()
	b := record.NewBuilder(o)
	for i := range n {
		key := []byte{byte(i)}
		if i%3 == 1 {
			key = nil
		}
		value := bytes.Repeat([]byte{byte(i)}, i*7%300)
		if i%5 == 4 {
			value = nil
		}
		var headers []record.Header
		if i%4 == 3 {
			headers = []record.Header{{Key: []byte("h"), Value: []byte("v")}, {Key: []byte{}, Value: nil}}
		}
		b.Append(1_000_000+int64(i%10), key, value, headers...)
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestHeaderFieldsReadBackWhereTheyAreWritten(t *testing.T) {
	b := sample(t, record.BuilderOptions{
		Codec: record.Zstd, BaseOffset: 1 << 40, LeaderEpoch: 7,
		Producer: &record.Producer{ID: 1 << 33, Epoch: 3, BaseSequence: math.MaxInt32 - 1}, Transactional: true,
	}, 12)
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	if b.Size() != len(b) || b.Magic() != 2 || b.Codec() != record.Zstd || b.BaseOffset() != 1<<40 || b.LeaderEpoch() != 7 {
		t.Errorf("size %d magic %d codec %v base %d epoch %d", b.Size(), b.Magic(), b.Codec(), b.BaseOffset(), b.LeaderEpoch())
	}
	if b.LastOffset() != 1<<40+11 || b.LastOffsetDelta() != 11 || b.Count() != 12 || len(b.Payload()) != len(b)-record.HeaderBytes {
		t.Errorf("last %d delta %d count %d payload %d", b.LastOffset(), b.LastOffsetDelta(), b.Count(), len(b.Payload()))
	}
	if b.BaseTimestamp() != 1_000_000 || b.MaxTimestamp() != 1_000_009 {
		t.Errorf("base timestamp %d, max %d", b.BaseTimestamp(), b.MaxTimestamp())
	}
	if b.ProducerID() != 1<<33 || b.ProducerEpoch() != 3 || b.BaseSequence() != math.MaxInt32-1 || b.LastSequence() != 9 {
		t.Errorf("producer %d/%d, sequence %d to %d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), b.LastSequence())
	}
	if !b.Transactional() || b.Control() || b.LogAppendTime() || b.HasDeleteHorizon() {
		t.Errorf("attributes %#x", b.Attributes())
	}

	b.SetBaseOffset(5)
	b.SetLeaderEpoch(9)
	if err := b.Check(); err != nil || b.BaseOffset() != 5 || b.LeaderEpoch() != 9 {
		t.Errorf("offset and epoch are outside the CRC: %v", err)
	}
	b.SetBaseTimestamp(11)
	b.SetMaxTimestamp(12)
	if b.Check() == nil || b.BaseTimestamp() != 11 || b.MaxTimestamp() != 12 {
		t.Error("timestamps are inside the CRC")
	}
	b.SetLogAppendTime(77)
	if err := b.Check(); err != nil || !b.LogAppendTime() || b.MaxTimestamp() != 77 {
		t.Errorf("log append time: %v", err)
	}
}

func TestProducerlessBatchHasNoSequence(t *testing.T) {
	b := sample(t, record.BuilderOptions{}, 2)
	if b.ProducerID() != -1 || b.ProducerEpoch() != -1 || b.BaseSequence() != -1 || b.LastSequence() != -1 {
		t.Errorf("%d %d %d %d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), b.LastSequence())
	}
}

func TestNextCutsBatchesAndToldFaults(t *testing.T) {
	one, two := sample(t, record.BuilderOptions{}, 3), sample(t, record.BuilderOptions{Codec: record.LZ4}, 40)
	run := append(bytes.Clone(one), two...)
	first, rest, err := record.Next(run)
	if err != nil || !bytes.Equal(first, one) || cap(first) != len(one) {
		t.Fatalf("first batch: %v", err)
	}
	second, rest, err := record.Next(rest)
	if err != nil || !bytes.Equal(second, two) || len(rest) != 0 {
		t.Fatalf("second batch: %v, %d left", err, len(rest))
	}
	for n := range len(one) {
		if _, rest, err := record.Next(one[:n]); !errors.Is(err, record.ErrShort) || !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) != n {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for _, c := range []struct {
		name   string
		length int32
		magic  byte
		want   error
	}{
		{"zeroes, as in a preallocated tail", 0, 0, record.ErrLength},
		{"negative length", -1, 2, record.ErrLength},
		{"length below the header's", 48, 2, record.ErrLength},
		{"length that overflows", math.MaxInt32, 2, record.ErrLength},
		{"length beyond the bytes", 1 << 20, 2, record.ErrShort},
		{"magic 0", 14, 0, record.ErrOldMagic},
		{"magic 1", 22, 1, record.ErrOldMagic},
		{"old magic is a wrong magic", 22, 1, record.ErrMagic},
		{"magic to come", 49, 3, record.ErrMagic},
	} {
		b := bytes.Clone(one)
		binary.BigEndian.PutUint32(b[8:], uint32(c.length))
		b[16] = c.magic
		if _, _, err := record.Next(b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckFindsEveryFlippedBit(t *testing.T) {
	good := sample(t, record.BuilderOptions{}, 5)
	for at := 8; at < len(good); at++ {
		if at >= 12 && at < 16 {
			continue // the leader epoch, which any value may be
		}
		for bit := range 8 {
			b := record.Batch(bytes.Clone(good))
			b[at] ^= 1 << bit
			if b.Check() == nil {
				t.Fatalf("bit %d of byte %d", bit, at)
			}
		}
	}
}

func TestCheckJudgesCountsAndCodec(t *testing.T) {
	for _, c := range []struct {
		name        string
		attributes  int16
		last, count int32
		want        error
	}{
		{"as built", 0, 4, 5, nil},
		{"thinned by compaction", 0, 9, 5, nil},
		{"emptied by compaction", 0, 9, 0, nil},
		{"reserved bits are Kafka's to use", 0x7f80, 4, 5, nil},
		{"more records than offsets", 0, 4, 6, record.ErrCount},
		{"negative count", 0, 4, -1, record.ErrCount},
		{"negative delta", 0, -1, 0, record.ErrCount},
		{"count that overflows the sum", 0, math.MaxInt32, math.MinInt32, record.ErrCount},
		{"codec 5", 5, 4, 5, record.ErrCodec},
		{"codec 7", 7, 4, 5, record.ErrCodec},
	} {
		b := sample(t, record.BuilderOptions{}, 5)
		b.SetAttributes(c.attributes)
		binary.BigEndian.PutUint32(b[23:], uint32(c.last))
		binary.BigEndian.PutUint32(b[57:], uint32(c.count))
		b.SetCRC(b.ComputeCRC())
		if err := b.Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	b := sample(t, record.BuilderOptions{}, 5)
	if err := b[:len(b)-1].Check(); !errors.Is(err, record.ErrLength) {
		t.Errorf("cut: %v", err)
	}
	b[16] = 1
	if err := b.Check(); !errors.Is(err, record.ErrOldMagic) {
		t.Errorf("magic: %v", err)
	}
}

func TestReadHeaderScansAFile(t *testing.T) {
	one, two := sample(t, record.BuilderOptions{}, 3), sample(t, record.BuilderOptions{BaseOffset: 3}, 40)
	run := append(bytes.Clone(one), two...)
	file, size := bytes.NewReader(run), int64(len(run))
	var h [record.HeaderBytes]byte
	var pos int64
	for _, want := range []record.Batch{one, two} {
		b, err := record.ReadHeader(file, pos, size, &h)
		if err != nil || !bytes.Equal(b, want[:record.HeaderBytes]) {
			t.Fatalf("at %d: %v", pos, err)
		}
		pos += int64(b.Size())
	}
	if _, err := record.ReadHeader(file, pos, size, &h); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for cut := int64(len(one)) + 1; cut < size; cut++ {
		if _, err := record.ReadHeader(file, int64(len(one)), cut, &h); !errors.Is(err, record.ErrShort) {
			t.Fatalf("file of %d bytes: %v", cut, err)
		}
	}
	// A file that shrank beneath its reader.
	if _, err := record.ReadHeader(bytes.NewReader(one[:20]), 0, size, &h); !errors.Is(err, record.ErrShort) {
		t.Errorf("shrunk: %v", err)
	}
	broken := errors.New("broken disk")
	if _, err := record.ReadHeader(failingReader{broken}, 0, size, &h); !errors.Is(err, broken) {
		t.Errorf("unreadable: %v", err)
	}
}

type failingReader struct{ err error }

func (r failingReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }
