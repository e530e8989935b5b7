package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// zstdWindowBytesPooled is the largest window of a pooled decoder, that of
	// level 19.
	zstdWindowBytesPooled = 8 << 20
	// zstdWindowBytesMax is the largest window that Java reads; level 22 declares it.
	zstdWindowBytesMax = 128 << 20
	// A block gives this much at most, and takes four bytes at least.
	zstdBlockBytesMax = 128 << 10
	zstdBlockBytesMin = 4
	// zstdWindowAt is where a frame's header has the window, as exponent << 3 |
	// mantissa: (1 << 10+exponent) * (8+mantissa) / 8 bytes.
	zstdWindowAt      = 5
	zstdWindowLogBase = 10
)

var errZstdSize = errors.New("declares more than its bytes can unpack to")

// zstdUnpacker never allocates a window on a frame's word, as the library does:
// Java's producers at levels 20 to 22 declare up to 128 MiB for a batch of a
// few bytes, and so could an attacker at any level. The window of the first
// frame is lowered to what its blocks can fill, which they then never reach
// beyond. Further frames, which producers do not write, must have small ones.
type zstdUnpacker struct {
	src   bytes.Reader
	zr    *zstd.Decoder
	large *zstd.Decoder // for a window that even so is too large to pool, or nil
}

func newZstdUnpacker() *zstdUnpacker { return &zstdUnpacker{zr: newZstdDecoder(zstdWindowBytesPooled)} }

func newZstdDecoder(windowBytesMax uint64) *zstd.Decoder {
	zr, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(windowBytesMax), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic(err) // the options are all constants
	}
	return zr
}

func (u *zstdUnpacker) reset(src []byte, limit int) error {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return err
	}
	if h.HasFCS {
		if h.FrameContentSize > uint64(limit) {
			return fmt.Errorf("%w: zstd declares %d bytes", ErrTooLarge, h.FrameContentSize)
		}
		if h.FrameContentSize > (uint64(len(src))/zstdBlockBytesMin+1)*zstdBlockBytesMax {
			return errZstdSize
		}
	}
	if h.WindowSize > zstdWindowBytesMax {
		return fmt.Errorf("%w: zstd declares a window of %d bytes", ErrTooLarge, h.WindowSize)
	}
	u.src.Reset(src)
	var in io.Reader = &u.src
	window := max(h.WindowSize, h.FrameContentSize)
	if h.WindowSize > zstdWindowBytesPooled {
		// A block past the limit, so that what exceeds it is told as such.
		fill := min(uint64(limit)+zstdBlockBytesMax, zstdBlocks(src[h.HeaderSize:])*zstdBlockBytesMax)
		windowLog := bits.Len64(max(min(fill, h.WindowSize), zstdBlockBytesMax) - 1)
		window = 1 << windowLog
		head := bytes.Clone(src[:zstdWindowAt+1])
		head[zstdWindowAt] = byte(windowLog-zstdWindowLogBase) << 3
		u.src.Reset(src[len(head):])
		in = io.MultiReader(bytes.NewReader(head), &u.src)
	}
	if window > zstdWindowBytesPooled {
		u.large = newZstdDecoder(zstdWindowBytesMax)
		return u.large.Reset(in)
	}
	return u.zr.Reset(in)
}

// zstdBlocks counts the blocks at the start of b, up to the frame's last.
func zstdBlocks(b []byte) (n uint64) {
	const headerBytes, runLength = 3, 1
	for len(b) >= headerBytes {
		h := uint32(b[0]) | uint32(binary.LittleEndian.Uint16(b[1:]))<<8
		last, kind, size := h&1 != 0, h>>1&3, int(h>>3)
		if kind == runLength {
			size = 1
		}
		n++
		if last || len(b)-headerBytes < size {
			return n
		}
		b = b[headerBytes+size:]
	}
	return n
}

func (u *zstdUnpacker) Read(p []byte) (int, error) {
	zr := u.zr
	if u.large != nil {
		zr = u.large
	}
	n, err := zr.Read(p)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = fmt.Errorf("%w: zstd: %v", ErrTooLarge, err)
	}
	return n, err
}

func (u *zstdUnpacker) release() {
	u.src.Reset(nil)
	_ = u.zr.Reset(nil) // answers that nothing can be read, as is meant
	if u.large != nil {
		u.large.Close()
		u.large = nil
	}
}

var zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool

func packZstd(dst []byte, level int, src []byte) ([]byte, error) {
	speed := zstd.EncoderLevelFromZstd(levelOr(level, 3))
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
