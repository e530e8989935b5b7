package logstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Places in a batch's header.
const (
	atLength    = 8
	atMagic     = 16
	atAttribute = 22
	atLastDelta = 23
	atMaxTime   = 35
	atSequence  = 53
	atCount     = 57
)

// forged changes a batch and makes its CRC fit.
func forged(b []byte, change func(b []byte)) []byte {
	b = slices.Clone(b)
	change(b)
	batch := record.Batch(b)
	batch.SetCRC(batch.ComputeCRC())
	return b
}

func put32(at int, v int32) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
}

func put64(at int, v int64) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint64(b[at:], uint64(v)) }
}

func attribute(bit byte) func([]byte) { return func(b []byte) { b[atAttribute] |= bit } }

func TestRefusedBatches(t *testing.T) {
	now := newClock().ms()
	plain := func(o record.BuilderOptions) []byte { return batchOf(t, o, now, "v", 3) }
	keyed := func(key []byte, codec record.Codec) []byte {
		b := record.NewBuilder(record.BuilderOptions{Codec: codec})
		b.Append(now, []byte("k"), []byte("v"))
		b.Append(now, key, []byte("v"))
		batch, err := b.Finish()
		must(t, err)
		return slices.Clone(batch)
	}
	at := func(codec record.Codec, ms ...int64) []byte {
		b := record.NewBuilder(record.BuilderOptions{Codec: codec})
		for _, m := range ms {
			b.Append(m, nil, nil)
		}
		batch, err := b.Finish()
		must(t, err)
		return slices.Clone(batch)
	}
	bomb := func() []byte {
		b := record.NewBuilder(record.BuilderOptions{Codec: record.Zstd})
		b.Append(now, nil, make([]byte, 4<<20))
		batch, err := b.Finish()
		must(t, err)
		return slices.Clone(batch)
	}
	good := plain(record.BuilderOptions{})
	records := func(c *logstore.Config) { c.Validation = logstore.ValidateRecords }
	compact := func(c *logstore.Config) { c.Compact = true }
	hour := int64(3600_000)
	for _, c := range []struct {
		name   string
		batch  []byte
		change func(*logstore.Config)
		want   error // nil: accepted
		index  int   // of the record, where a *RecordError is due and it is not -1
	}{
		{"good", good, nil, nil, 0},
		{"nothing", nil, nil, record.ErrShort, 0},
		{"empty, not nil", []byte{}, nil, record.ErrShort, 0},
		{"one byte", []byte{0}, nil, record.ErrShort, 0},
		{"header only", good[:61], nil, record.ErrShort, 0},
		{"cut by a byte", good[:len(good)-1], nil, record.ErrShort, 0},
		{"trailing byte", append(slices.Clone(good), 0), nil, record.ErrShort, 0},
		{"trailing garbage", append(slices.Clone(good), bytes.Repeat([]byte{0xff}, 80)...), nil, record.ErrLength, 0},
		{"second batch bad", append(slices.Clone(good), withByte(good, 70, 1)...), nil, record.ErrCRC, 0},
		{"length 0", forged(good, put32(atLength, 0)), nil, record.ErrLength, 0},
		{"length negative", forged(good, put32(atLength, -1)), nil, record.ErrLength, 0},
		{"length too large", forged(good, put32(atLength, math.MaxInt32)), nil, record.ErrLength, 0},
		{"magic 0", withByte(good, atMagic, 0), nil, record.ErrOldMagic, 0},
		{"magic 1", withByte(good, atMagic, 1), nil, record.ErrOldMagic, 0},
		{"magic 3", withByte(good, atMagic, 3), nil, record.ErrMagic, 0},
		{"bad CRC", withByte(good, 65, good[65]^1), nil, record.ErrCRC, 0},
		{"unknown codec", forged(good, attribute(7)), nil, record.ErrCodec, 0},
		{"no records", forged(good, put32(atCount, 0)), nil, logstore.ErrInvalidRecord, -1},
		{"negative count", forged(good, put32(atCount, -1)), nil, logstore.ErrInvalidRecord, -1},
		{"count too small", forged(good, put32(atCount, 2)), nil, logstore.ErrInvalidRecord, -1},
		{"count too large", forged(good, put32(atCount, 4)), nil, logstore.ErrInvalidRecord, -1},
		{"count and delta too large", forged(forged(good, put32(atCount, 4)), put32(atLastDelta, 3)), nil, logstore.ErrInvalidRecord, -2},
		{"count and delta too small", forged(forged(good, put32(atCount, 2)), put32(atLastDelta, 1)), nil, logstore.ErrInvalidRecord, -2},
		{"delta negative", forged(good, put32(atLastDelta, -1)), nil, logstore.ErrInvalidRecord, -1},
		{"delta at its most", forged(forged(good, put32(atCount, math.MaxInt32)), put32(atLastDelta, math.MaxInt32-1)), nil, logstore.ErrInvalidRecord, -2},
		{"control", plain(record.BuilderOptions{Control: true}), nil, logstore.ErrInvalidRecord, -1},
		{"transactional without a producer", plain(record.BuilderOptions{Transactional: true}), nil, logstore.ErrInvalidRecord, -1},
		{"delete horizon", forged(good, attribute(1<<6)), nil, logstore.ErrInvalidRecord, -1},
		{"LogAppendTime from a client", forged(good, attribute(1<<3)), nil, logstore.ErrInvalidTimestamp, -1},
		{"producer without sequence", plain(record.BuilderOptions{Producer: &record.Producer{ID: 1, BaseSequence: -1}}), nil, logstore.ErrInvalidRecord, -1},
		{"producer without epoch", plain(record.BuilderOptions{Producer: &record.Producer{ID: 1, Epoch: -1}}), nil, logstore.ErrInvalidRecord, -1},
		{"too large", good, func(c *logstore.Config) { c.MaxMessageBytes = int64(len(good)) - 1 }, logstore.ErrTooLarge, 0},
		{"as large as may be", good, func(c *logstore.Config) { c.MaxMessageBytes = int64(len(good)) }, nil, 0},
		{"too large for a segment", good, func(c *logstore.Config) { c.SegmentBytes = int64(len(good)) - 1 }, logstore.ErrTooLargeForSegment, 0},
		{"as large as a segment", good, func(c *logstore.Config) { c.SegmentBytes = int64(len(good)) }, nil, 0},
		{"two too large for a segment", append(slices.Clone(good), good...), func(c *logstore.Config) { c.SegmentBytes = int64(2*len(good)) - 1 }, logstore.ErrTooLargeForSegment, 0},
		{"an hour ahead", at(record.None, now, now+hour), nil, nil, 0},
		{"more than an hour ahead", at(record.None, now, now+hour+1), nil, logstore.ErrInvalidTimestamp, 1},
		{"more than an hour ahead, compressed", at(record.LZ4, now, now+hour+1), nil, logstore.ErrInvalidTimestamp, -1},
		{"more than an hour ahead, compressed and walked", at(record.LZ4, now, now+hour+1), records, logstore.ErrInvalidTimestamp, 1},
		{"before", at(record.None, now, now-5000, now), func(c *logstore.Config) { c.TimestampBeforeMaxMs = 5000 }, nil, 0},
		{"too long before", at(record.None, now, now-5001, now), func(c *logstore.Config) { c.TimestampBeforeMaxMs = 5000 }, logstore.ErrInvalidTimestamp, 1},
		{"negative time", at(record.None, now, -2), nil, logstore.ErrInvalidTimestamp, 1},
		{"no time", at(record.None, -1, -1), func(c *logstore.Config) { c.TimestampBeforeMaxMs = 0 }, nil, 0},
		{"far ahead under LogAppendTime", at(record.None, now+99*hour), func(c *logstore.Config) { c.TimestampType = logstore.LogAppendTime }, nil, 0},
		{"null key", keyed(nil, record.None), nil, nil, 0},
		{"null key, compacted", keyed(nil, record.None), compact, logstore.ErrInvalidRecord, 1},
		{"null key, compacted and compressed", keyed(nil, record.Gzip), compact, logstore.ErrInvalidRecord, 1},
		{"empty key, compacted", keyed([]byte{}, record.Snappy), compact, nil, 0},
		{"compressed garbage, header only", forged(at(record.Gzip, now), func(b []byte) { b[61] ^= 0xff }), nil, nil, 0},
		{"compressed garbage, walked", forged(at(record.Gzip, now), func(b []byte) { b[61] ^= 0xff }), records, logstore.ErrInvalidRecord, -2},
		{"lying count, compressed, header only", forged(forged(at(record.Zstd, now, now), put32(atCount, 3)), put32(atLastDelta, 2)), nil, nil, 0},
		{"lying count, compressed, walked", forged(forged(at(record.Zstd, now, now), put32(atCount, 3)), put32(atLastDelta, 2)), records, logstore.ErrInvalidRecord, -2},
		{"unpacks to too much", bomb(), records, logstore.ErrInvalidRecord, -2},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, c.change)
			h.change = func(o *logstore.Options) { o.DecompressedBytesMax = 1 << 20 }
			h.log()
			l := h.reopen()
			a, err := l.AppendLeader(slices.Clone(c.batch), 0)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			var re *logstore.RecordError
			if errors.Is(c.want, logstore.ErrInvalidRecord) || errors.Is(c.want, logstore.ErrInvalidTimestamp) {
				if !errors.As(err, &re) || c.index != -2 && re.Index != c.index {
					t.Fatalf("error %#v, want a RecordError of record %d", err, c.index)
				}
			}
			if end := l.Offset(logstore.LogEnd); (end > 0) != (c.want == nil) || c.want == nil && a.Last != end-1 {
				t.Fatalf("the log ends at %d", end)
			}
			h.appendSmall(l)
			if h.powerCut().Offset(logstore.LogEnd) != l.Offset(logstore.LogEnd) {
				t.Fatal("the log is not what it was after a power cut")
			}
		})
	}
}

// appendSmall shows that the log still takes appends.
func (h *harness) appendSmall(l *logstore.Log) {
	h.t.Helper()
	c := l.Config()
	c.SegmentBytes, c.MaxMessageBytes = 1<<20, 1<<20
	must(h.t, l.Configure(c))
	h.appendDurably(l, "small", 1)
}

// What a client says of its largest timestamp is not believed where the records
// are walked: retention and lookups hang on it.
func TestLyingMaxTimestampIsCorrected(t *testing.T) {
	for _, c := range []struct {
		codec     record.Codec
		walked    bool // ValidateRecords
		corrected bool
	}{
		{record.None, false, true}, {record.None, true, true},
		{record.Gzip, false, false}, {record.Gzip, true, true}, {record.Zstd, true, true}, {record.Snappy, true, true}, {record.LZ4, true, true},
	} {
		for _, lie := range []int64{-1000, +1000} {
			t.Run(fmt.Sprint(c.codec, " walked ", c.walked, " ", lie), func(t *testing.T) {
				h := newHarness(t, func(cfg *logstore.Config) {
					if c.walked {
						cfg.Validation = logstore.ValidateRecords
					}
				})
				l := h.log()
				now := h.clock.ms()
				batch := batchOf(t, record.BuilderOptions{Codec: c.codec}, now, "v", 3)
				a, err := l.AppendLeader(forged(batch, put64(atMaxTime, now+2+lie)), 7)
				must(t, err)
				must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
				stored, rest, err := record.Next(readAll(t, h.mem, firstLog))
				must(t, err)
				must(t, stored.Check())
				want := now + 2
				if !c.corrected {
					want += lie
				}
				if len(rest) > 0 || stored.MaxTimestamp() != want || stored.LeaderEpoch() != 7 || stored.BaseOffset() != 0 {
					t.Fatalf("stored: largest %d, want %d; epoch %d, offset %d", stored.MaxTimestamp(), want, stored.LeaderEpoch(), stored.BaseOffset())
				}
				if s := l.Segments(); s[0].TimestampMax != want {
					t.Fatalf("the segment's largest is %d, want %d", s[0].TimestampMax, want)
				}
			})
		}
	}
}

// A follower takes what its leader took, and checks what the CRC does not cover.
func TestFollowerRefuses(t *testing.T) {
	at := func(first int64, epoch int32) []byte {
		return batchOf(t, record.BuilderOptions{BaseOffset: first, LeaderEpoch: epoch}, 5, "v", 2)
	}
	for _, c := range []struct {
		name  string
		batch []byte
		want  error
	}{
		{"next", at(10, 3), nil},
		{"gap, later epoch", at(1000, 4), nil},
		{"control", batchOf(t, record.BuilderOptions{BaseOffset: 10, LeaderEpoch: 3, Control: true}, 5, "v", 1), nil},
		{"compacted to nothing", record.AppendEmpty(nil, record.Batch(at(10, 3))), nil},
		{"offset goes back", at(9, 3), logstore.ErrOffsetRange},
		{"negative offset", at(-1, 3), logstore.ErrOffsetRange},
		{"epoch goes back", at(10, 2), logstore.ErrFencedEpoch},
		{"second goes back", append(at(10, 3), at(11, 3)...), logstore.ErrOffsetRange},
		{"second's epoch goes back", append(at(10, 4), at(12, 3)...), logstore.ErrFencedEpoch},
		{"second is cut", append(at(10, 3), at(12, 3)[:40]...), record.ErrShort},
		{"bad CRC", withByte(at(10, 3), 63, 0x55), record.ErrCRC},
		{"old magic", withByte(at(10, 3), atMagic, 1), record.ErrOldMagic},
		{"last offset overflows", at(math.MaxInt64, 3), logstore.ErrOffsetRange},
		{"too large for a segment", bytes.Repeat(at(10, 3), 20), logstore.ErrTooLargeForSegment},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 1000 })
			l := h.log()
			_, err := l.AppendFollower(batchOf(t, record.BuilderOptions{LeaderEpoch: 3}, 5, "v", 10))
			must(t, err)
			end := l.Offset(logstore.LogEnd)
			a, err := l.AppendFollower(c.batch)
			if c.name == "too large for a segment" {
				if err == nil {
					t.Fatal("no error")
				}
			} else if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if (l.Offset(logstore.LogEnd) > end) != (err == nil) || err == nil && a.Last+1 != l.Offset(logstore.LogEnd) {
				t.Fatalf("ends at %d, appended %+v", l.Offset(logstore.LogEnd), a)
			}
			if l.Err() != nil {
				t.Fatal(l.Err())
			}
			_, err = l.AppendFollower(at(2000, 4))
			must(t, err)
		})
	}
}
