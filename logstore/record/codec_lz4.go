package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/pierrec/lz4/v4"
)

const (
	lz4FrameMagic       = 0x184d2204
	lz4BlockIndependent = 0x20 // of the flags, the byte behind the magic
)

var errLZ4Frame = errors.New("not a frame of independent blocks")

type lz4Unpacker struct {
	src bytes.Reader
	zr  *lz4.Reader
}

func newLZ4Unpacker() *lz4Unpacker { return &lz4Unpacker{zr: lz4.NewReader(nil)} }

// reset refuses what Kafka's own reader does not read but the library would:
// legacy and skippable frames, and blocks that depend on one another.
func (u *lz4Unpacker) reset(src []byte, _ int) error {
	if len(src) < 5 {
		return io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(src) != lz4FrameMagic || src[4]&lz4BlockIndependent == 0 {
		return errLZ4Frame
	}
	u.src.Reset(src)
	u.zr.Reset(&u.src)
	return nil
}

func (u *lz4Unpacker) Read(p []byte) (int, error) { return u.zr.Read(p) }

func (u *lz4Unpacker) release() {
	u.src.Reset(nil)
	u.zr.Reset(&u.src)
}

var lz4Writers [10]sync.Pool

// packLZ4 writes frames as Kafka does: independent blocks of 64 KiB, without
// checksums, for the batch has a better one.
func packLZ4(dst []byte, level int, src []byte) ([]byte, error) {
	pool := &lz4Writers[level]
	out := appender{dst}
	zw, _ := pool.Get().(*lz4.Writer)
	if zw == nil {
		zw = lz4.NewWriter(&out)
		speed := lz4.Fast
		if level > 0 {
			speed = lz4.Level1 << (level - 1)
		}
		if err := zw.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.CompressionLevelOption(speed)); err != nil {
			return dst, err
		}
	} else {
		zw.Reset(&out)
	}
	defer pool.Put(zw)
	if _, err := zw.Write(src); err != nil {
		return dst, err
	}
	err := zw.Close()
	return out.b, err
}
