package record

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// gzipMemberBytesMin is the shortest rest in which Java's GZIPInputStream looks
// for another member: header, trailer, and no data. It ignores what is not one.
const gzipMemberBytesMin = 18

type gzipUnpacker struct {
	src bytes.Reader
	zr  gzip.Reader
}

func (u *gzipUnpacker) reset(src []byte, _ int) error {
	u.src.Reset(src)
	return u.member()
}

// member starts on the next member. Each is read for itself, because the
// library fails on what follows the last one where Java ends.
func (u *gzipUnpacker) member() error {
	err := u.zr.Reset(&u.src)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	u.zr.Multistream(false)
	return err
}

func (u *gzipUnpacker) Read(p []byte) (int, error) {
	for {
		n, err := u.zr.Read(p)
		if n > 0 || err != io.EOF {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		if u.src.Len() <= gzipMemberBytesMin || u.member() != nil {
			return 0, io.EOF
		}
	}
}

func (u *gzipUnpacker) release() { u.src.Reset(nil) }

var gzipWriters [10]sync.Pool

func packGzip(dst []byte, level int, src []byte) ([]byte, error) {
	pool := &gzipWriters[level]
	out := appender{dst}
	zw, _ := pool.Get().(*gzip.Writer)
	if zw == nil {
		var err error
		if zw, err = gzip.NewWriterLevel(&out, levelOr(level, gzip.DefaultCompression)); err != nil {
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

// levelOr reads level 0 as the codec's own.
func levelOr(level, byDefault int) int {
	if level == 0 {
		return byDefault
	}
	return level
}
