package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"moldau/logstore/record"
)

func pack(t testing.TB, codec record.Codec, src []byte) []byte {
	t.Helper()
	packed, err := record.Compress(nil, codec, 0, src)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestCodecsGiveBackWhatTheyTook(t *testing.T) {
	for _, codec := range codecs {
		for _, n := range []int{0, 1, 100, 32 << 10, 32<<10 + 1, 300_000} {
			src := pattern(n)
			packed := pack(t, codec, src)
			got, err := record.Decompress([]byte("before"), codec, packed, n)
			if err != nil || !bytes.Equal(got, append([]byte("before"), src...)) {
				t.Errorf("%v, %d bytes at their limit: %v", codec, n, err)
			}
			if n == 0 {
				continue
			}
			if _, err := record.Decompress(nil, codec, packed, n-1); !errors.Is(err, record.ErrTooLarge) {
				t.Errorf("%v, %d bytes over their limit by one: %v", codec, n, err)
			}
		}
	}
}

func TestLimitsAtTheirEnds(t *testing.T) {
	for _, codec := range codecs {
		packed := pack(t, codec, pattern(100))
		if got, err := record.Decompress(nil, codec, packed, math.MaxInt); err != nil || len(got) != 100 {
			t.Errorf("%v without limit: %d bytes, %v", codec, len(got), err)
		}
		for _, limit := range []int{0, -1, math.MinInt} {
			if _, err := record.Decompress(nil, codec, packed, limit); !errors.Is(err, record.ErrTooLarge) {
				t.Errorf("%v, limit %d: %v", codec, limit, err)
			}
		}
	}
}

func TestTruncatedStreamsAreNoEnd(t *testing.T) {
	src := make([]byte, 100_000)
	for i := range src {
		src[i] = byte(i * i >> 7)
	}
	for _, codec := range codecs[1:] {
		packed := pack(t, codec, src)
		for _, n := range []int{0, 1, 3, 4, 5, 10, 17, len(packed) / 2, len(packed) - 9, len(packed) - 1} {
			if _, err := record.Decompress(nil, codec, packed[:n], len(src)); !errors.Is(err, record.ErrCompressed) {
				t.Errorf("%v cut to %d of %d bytes: %v", codec, n, len(packed), err)
			}
		}
	}
}

// allocated is what f allocates, in bytes, warm pools given.
func allocated(f func()) uint64 {
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBombsAllocateNothingLikeTheirOutput walks batches that unpack to far
// more than they may.
func TestBombsAllocateNothingLikeTheirOutput(t *testing.T) {
	const bombBytes, limit = 24 << 20, 16 << 20
	one := record.NewBuilder(record.BuilderOptions{})
	one.Append(0, nil, make([]byte, bombBytes))
	plain, err := one.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, codec := range codecs[1:] {
		bomb := raw(t, codec, 1, 0, plain.Payload())
		got := allocated(func() {
			if _, err := bomb.Walk(record.WalkOptions{UnpackedBytesMax: limit}); !errors.Is(err, record.ErrTooLarge) {
				t.Errorf("%v: %v", codec, err)
			}
		})
		if got > 4<<20 {
			t.Errorf("%v: %d bytes allocated", codec, got)
		}
	}
}

func TestDeclaredSizesAreNotBelieved(t *testing.T) {
	frame := binary.LittleEndian.AppendUint32
	// Single segment, 8 bytes of content size; then a last raw block of no bytes.
	zstdOf := func(size uint64) []byte {
		return append(binary.LittleEndian.AppendUint64(append(frame(nil, 0xfd2fb528), 0xe0), size), 1, 0, 0)
	}
	xerial := func(blocks ...[]byte) []byte {
		b := []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}
		for _, block := range blocks {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(block))), block...)
		}
		return b
	}
	claim := binary.AppendUvarint(nil, 60<<20)
	for _, c := range []struct {
		name  string
		codec record.Codec
		src   []byte
		want  error
	}{
		{"raw snappy within the limit", record.Snappy, append(bytes.Clone(claim), 0, 'x'), record.ErrCompressed},
		{"raw snappy beyond it", record.Snappy, binary.AppendUvarint(nil, 1<<31), record.ErrTooLarge},
		{"raw snappy of 33 bits", record.Snappy, binary.AppendUvarint(nil, 1<<33), record.ErrCompressed},
		{"xerial block within the limit", record.Snappy, xerial(claim), record.ErrCompressed},
		{"xerial block beyond it", record.Snappy, xerial(binary.AppendUvarint(nil, 1<<31)), record.ErrTooLarge},
		{"xerial block length", record.Snappy, append(xerial(), 0x7f, 0xff, 0xff, 0xff, 0), record.ErrCompressed},
		{"zstd content size beyond the limit", record.Zstd, zstdOf(1 << 40), record.ErrTooLarge},
		{"zstd window of no block", record.Zstd, append(frame(nil, 0xfd2fb528), 0, 17<<3, 0x41, 0, 0), record.ErrCompressed},
		{"zstd content size of no block", record.Zstd, zstdOf(60 << 20), record.ErrCompressed},
	} {
		got := allocated(func() {
			if _, err := record.Decompress(nil, c.codec, c.src, 64<<20); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
		})
		if got > 1<<20 {
			t.Errorf("%s: %d bytes allocated", c.name, got)
		}
	}
}

func TestSnappyInEveryShape(t *testing.T) {
	src := []byte(strings.Repeat("the river through the town ", 4000))
	framed := pack(t, record.Snappy, src)
	for name, packed := range map[string][]byte{
		"framed":        framed,
		"framed, twice": append(bytes.Clone(framed), framed...),
		"raw":           s2.EncodeSnappy(nil, src),
		"header alone":  framed[:16],
		"raw, empty":    {0},
	} {
		want := map[string]int{"framed": 1, "framed, twice": 2, "raw": 1}[name]
		got, err := record.Decompress(nil, record.Snappy, packed, 1<<20)
		if err != nil || !bytes.Equal(got, bytes.Repeat(src, want)) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	old := bytes.Clone(framed)
	old[11] = 0
	if _, err := record.Decompress(nil, record.Snappy, old, 1<<20); !errors.Is(err, record.ErrCompressed) {
		t.Errorf("framing version 0: %v", err)
	}
	for name, block := range map[string][]byte{
		"copy before the start":     {8, 0, 'x', 0x05, 2},
		"copy of offset 0, S2 only": {5, 0, 'x', 0x01, 0},
		"literal cut short":         {8, 28, 'x'},
		"literal length cut short":  {8, 61 << 2, 'x'},
		"copy cut short":            {8, 0, 'x', 0x02, 1},
		"more than declared":        {1, 4, 'x', 'x'},
		"less than declared":        {3, 4, 'x', 'x'},
	} {
		if _, err := record.Decompress(nil, record.Snappy, block, 100); !errors.Is(err, record.ErrCompressed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJoinedStreamsReadAsJavaReadsThem(t *testing.T) {
	src := pattern(50_000)
	twice := append(bytes.Clone(src), src...)
	for _, codec := range []record.Codec{record.Gzip, record.Zstd} {
		packed := pack(t, codec, src)
		joined := append(bytes.Clone(packed), packed...)
		if got, err := record.Decompress(nil, codec, joined, len(twice)); err != nil || !bytes.Equal(got, twice) {
			t.Errorf("%v: %d bytes, %v", codec, len(got), err)
		}
		garbage := append(bytes.Clone(packed), strings.Repeat("garbage", 10)...)
		got, err := record.Decompress(nil, codec, garbage, len(twice))
		if ignored := err == nil && bytes.Equal(got, src); ignored != (codec == record.Gzip) {
			t.Errorf("%v and garbage: %v", codec, err)
		}
	}
}

func TestLZ4FramesThatKafkaDoesNotRead(t *testing.T) {
	src := pattern(200_000)
	framed := func(options ...lz4.Option) []byte {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		if err := w.Apply(options...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(src); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, c := range []struct {
		name string
		src  []byte
		read bool
	}{
		{"all checksums", framed(lz4.ChecksumOption(true), lz4.BlockChecksumOption(true)), true},
		{"content size", framed(lz4.SizeOption(uint64(len(src)))), true},
		{"blocks of 4 MiB", framed(lz4.BlockSizeOption(lz4.Block4Mb)), true},
		{"legacy", framed(lz4.LegacyOption(true)), false},
	} {
		got, err := record.Decompress(nil, record.LZ4, c.src, len(src))
		if read := err == nil && bytes.Equal(got, src); read != c.read {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	dependent := framed()
	dependent[4] &^= 0x20
	if _, err := record.Decompress(nil, record.LZ4, dependent, len(src)); !errors.Is(err, record.ErrCompressed) {
		t.Errorf("dependent blocks: %v", err)
	}
}

// zstdStream packs as a stream, which declares a window but no size.
func zstdStream(t *testing.T, windowBytes int, src []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(windowBytes), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(src, len(src)/2+1) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestZstdWindows has windows that are kept, lowered, not pooled and refused.
func TestZstdWindows(t *testing.T) {
	small, large := bytes.Repeat(pattern(1000), 100), bytes.Repeat(pattern(1000), 8500)
	largest := zstdStream(t, 128<<20, large)
	for _, c := range []struct {
		name        string
		windowBytes int
		src         []byte
		limit       int
		want        error
		memory      uint64
	}{
		{"kept", 1 << 10, small, len(small), nil, 4 << 20},
		{"kept, largest", 8 << 20, small, len(small), nil, 20 << 20},
		{"lowered", 128 << 20, small, len(small), nil, 4 << 20},
		{"lowered, over the limit", 128 << 20, small, len(small) - 1, record.ErrTooLarge, 4 << 20},
		{"not pooled", 128 << 20, large, len(large), nil, 80 << 20},
		{"not pooled, over the limit", 128 << 20, large, len(large) - 1, record.ErrTooLarge, 80 << 20},
		{"lowered to the limit", 128 << 20, large, 1 << 20, record.ErrTooLarge, 8 << 20},
		{"refused", 256 << 20, small, len(small), record.ErrTooLarge, 4 << 20},
	} {
		packed := largest
		if len(c.src) < len(large) {
			packed = zstdStream(t, c.windowBytes, c.src)
		}
		memory := allocated(func() {
			got, err := record.Decompress(nil, record.Zstd, packed, c.limit)
			if !errors.Is(err, c.want) || err == nil && !bytes.Equal(got, c.src) {
				t.Errorf("%s: %d bytes, %v", c.name, len(got), err)
			}
		})
		if memory > c.memory {
			t.Errorf("%s: %d bytes allocated", c.name, memory)
		}
	}
}

func TestCodecNames(t *testing.T) {
	for _, codec := range codecs {
		if got, err := record.ParseCodec(codec.String()); err != nil || got != codec {
			t.Errorf("%v: %v, %v", codec, got, err)
		}
	}
	if record.Codec(5).String() != "codec 5" {
		t.Error(record.Codec(5).String())
	}
	if _, err := record.ParseCodec("lzma"); !errors.Is(err, record.ErrCodec) {
		t.Error(err)
	}
	if _, err := record.NewReader(5, nil, 0); !errors.Is(err, record.ErrCodec) {
		t.Error(err)
	}
	if _, err := record.Compress(nil, 5, 0, nil); !errors.Is(err, record.ErrCodec) {
		t.Error(err)
	}
}

func TestReaderTakesAnyReadSize(t *testing.T) {
	src := pattern(70_000)
	for _, codec := range codecs {
		r, err := record.NewReader(codec, pack(t, codec, src), len(src))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(nil); n != 0 || err != nil {
			t.Errorf("%v: %d, %v", codec, n, err)
		}
		var got []byte
		for size := 1; ; size = size*3%1000 + 1 {
			p := make([]byte, size)
			n, err := r.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v: %v", codec, err)
			}
		}
		if !bytes.Equal(got, src) {
			t.Errorf("%v: %d bytes", codec, len(got))
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
