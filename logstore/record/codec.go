package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
)

// Codec is how the records of a batch are compressed. The numbers are those of
// the batch's attributes.
type Codec uint8

const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

var codecNames = [...]string{None: "none", Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", Zstd: "zstd"}

func (c Codec) String() string {
	if c > Zstd {
		return "codec " + strconv.Itoa(int(c))
	}
	return codecNames[c]
}

// ParseCodec is the inverse of [Codec.String].
func ParseCodec(name string) (Codec, error) {
	for c, n := range codecNames {
		if n == name {
			return Codec(c), nil
		}
	}
	return None, fmt.Errorf("%w: %q", ErrCodec, name)
}

const (
	// windowBytes is how much of an unpacked stream is looked at at once.
	windowBytes = 32 << 10
	// windowBytesKept is the largest buffer that is kept for reuse: one huge
	// batch shall not pin its size in every pool.
	windowBytesKept = 1 << 20
)

var windows = sync.Pool{New: func() any { return new([windowBytes]byte) }}

// unpacker unpacks one codec as a stream. It is reused through reset.
type unpacker interface {
	io.Reader
	// reset starts on src, of which limit bytes may come at most. It may refuse
	// at once what declares more, and must not allocate what is only declared.
	reset(src []byte, limit int) error
	// release lets go of src and of what is too large to keep.
	release()
}

var readers = [...]sync.Pool{
	None:   {New: func() any { return &Reader{codec: None, unpacker: &plainUnpacker{}} }},
	Gzip:   {New: func() any { return &Reader{codec: Gzip, unpacker: &gzipUnpacker{}} }},
	Snappy: {New: func() any { return &Reader{codec: Snappy, unpacker: &snappyUnpacker{}} }},
	LZ4:    {New: func() any { return &Reader{codec: LZ4, unpacker: newLZ4Unpacker()} }},
	Zstd:   {New: func() any { return &Reader{codec: Zstd, unpacker: newZstdUnpacker()} }},
}

// Reader unpacks compressed records as a stream, up to a limit. Its errors are
// ErrCompressed and, where more would come than the limit, ErrTooLarge.
type Reader struct {
	codec    Codec
	left     int // bytes that may still come
	unpacker unpacker
}

// NewReader unpacks src, which must not change until Close. More than limit
// bytes are ErrTooLarge, at the latest when they would be read.
func NewReader(c Codec, src []byte, limit int) (*Reader, error) {
	if c > Zstd {
		return nil, fmt.Errorf("%w: %d", ErrCodec, uint8(c))
	}
	r := readers[c].Get().(*Reader)
	r.left = min(max(limit, 0), math.MaxInt-1) // Read asks for one more
	if err := r.unpacker.reset(src, r.left); err != nil {
		err = r.wrap(err)
		r.Close()
		return nil, err
	}
	return r, nil
}

// Read reads one byte more than is left to tell a stream that ends at the limit
// from one that goes on.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.unpacker.Read(p[:min(len(p), r.left+1)])
	if n > r.left {
		return r.left, fmt.Errorf("%w: over the limit, unpacked from %v", ErrTooLarge, r.codec)
	}
	r.left -= n
	return n, r.wrap(err)
}

func (r *Reader) wrap(err error) error {
	if err == nil || err == io.EOF || errors.Is(err, ErrTooLarge) {
		return err
	}
	// The library's error is told, not wrapped: an io.EOF or io.ErrUnexpectedEOF
	// in it would pass for the end of the caller's own input.
	return fmt.Errorf("%w: %v: %v", ErrCompressed, r.codec, err)
}

// Close returns the reader for reuse; it must not be used any more.
func (r *Reader) Close() error {
	r.unpacker.release()
	readers[r.codec].Put(r)
	return nil
}

// Decompress appends to dst what src unpacks to, at most limit bytes.
func Decompress(dst []byte, c Codec, src []byte, limit int) ([]byte, error) {
	r, err := NewReader(c, src, limit)
	if err != nil {
		return dst, err
	}
	defer r.Close()
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// Compress appends to dst the compressed form of src, as Kafka's own clients
// can read it. For level see [BuilderOptions].
func Compress(dst []byte, c Codec, level int, src []byte) ([]byte, error) {
	if limit := levelMax[min(c, Zstd)]; level < 0 || level > limit {
		return dst, fmt.Errorf("record: level %d of %v is outside 0 to %d", level, c, limit)
	}
	switch c {
	case None:
		return append(dst, src...), nil
	case Gzip:
		return packGzip(dst, level, src)
	case Snappy:
		return packSnappy(dst, src), nil
	case LZ4:
		return packLZ4(dst, level, src)
	case Zstd:
		return packZstd(dst, level, src)
	}
	return dst, fmt.Errorf("%w: %d", ErrCodec, uint8(c))
}

var levelMax = [...]int{None: 0, Gzip: 9, Snappy: 0, LZ4: 9, Zstd: 22}

// plainUnpacker lets callers treat all codecs alike.
type plainUnpacker struct{ bytes.Reader }

func (u *plainUnpacker) reset(src []byte, _ int) error { u.Reset(src); return nil }
func (u *plainUnpacker) release()                      { u.Reset(nil) }

// appender is an io.Writer at the end of a slice.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
