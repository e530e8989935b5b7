package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// zstdWindowBytesStreamed is the largest window that is unpacked as a stream,
	// that of level 19. The library allocates a window as a frame declares it,
	// before it has seen any data.
	zstdWindowBytesStreamed = 8 << 20
	// zstdWindowBytesMax is Java's limit; level 22 declares it.
	zstdWindowBytesMax = 128 << 20
	// A block gives this much at most, and takes four bytes at least.
	zstdBlockBytesMax = 128 << 10
	zstdBlockBytesMin = 4
)

var errZstdSize = errors.New("declares more than its bytes can unpack to")

// zstdUnpacker unpacks frames of small windows as a stream. One of a larger
// window, which only levels 20 to 22 write, is unpacked at once into memory
// that grows with the output, up to the limit: that is less than its window
// as a rule, and never more than what the caller allows.
type zstdUnpacker struct {
	src   bytes.Reader
	zr    *zstd.Decoder
	whole *bytes.Reader // what a large window unpacked to, or nil
}

func newZstdUnpacker() *zstdUnpacker {
	zr, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindowBytesStreamed), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic(err) // the options are constants
	}
	return &zstdUnpacker{zr: zr}
}

func (u *zstdUnpacker) reset(src []byte, limit int) error {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return err
	}
	if h.HasFCS {
		if h.FrameContentSize > uint64(max(limit, 0)) {
			return fmt.Errorf("%w: zstd declares %d bytes", ErrTooLarge, h.FrameContentSize)
		}
		if h.FrameContentSize > (uint64(len(src))/zstdBlockBytesMin+1)*zstdBlockBytesMax {
			return errZstdSize
		}
	}
	if h.WindowSize > zstdWindowBytesStreamed {
		return u.unpackWhole(src, limit)
	}
	u.src.Reset(src)
	return u.zr.Reset(&u.src)
}

func (u *zstdUnpacker) unpackWhole(src []byte, limit int) error {
	zr, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindowBytesMax), zstd.WithDecoderMaxMemory(uint64(max(limit, 1))))
	if err != nil {
		return err
	}
	defer zr.Close()
	out, err := zr.DecodeAll(src, nil)
	if err != nil {
		return zstdError(err)
	}
	u.whole = bytes.NewReader(out)
	return nil
}

func (u *zstdUnpacker) Read(p []byte) (int, error) {
	if u.whole != nil {
		return u.whole.Read(p)
	}
	n, err := u.zr.Read(p)
	return n, zstdError(err)
}

func zstdError(err error) error {
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return fmt.Errorf("%w: zstd: %v", ErrTooLarge, err)
	}
	if err != nil && err != io.EOF && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (u *zstdUnpacker) release() {
	u.whole = nil
	u.src.Reset(nil)
	_ = u.zr.Reset(nil) // gives ErrDecoderNilInput by design
}

var zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool

func packZstd(dst []byte, level int, src []byte) ([]byte, error) {
	speed := zstd.EncoderLevelFromZstd(cmpLevel(level, 3))
	pool := &zstdWriters[speed]
	zw, _ := pool.Get().(*zstd.Encoder)
	if zw == nil {
		var err error
		if zw, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)); err != nil {
			return dst, err
		}
	}
	defer pool.Put(zw)
	return zw.EncodeAll(src, dst), nil
}
