package kraft

import (
	"errors"
	"fmt"
	"io"
	"os"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

const (
	// batchBytesMax bounds a batch of metadata. Kafka's own bound is 8 MiB.
	batchBytesMax = 128 << 20
	// unpackedBytesMax bounds what one batch unpacks to.
	unpackedBytesMax = 256 << 20
)

// badBatch tells where a file stops being whole batches.
type badBatch struct {
	file string
	at   int64 // position
	left int64 // bytes from there on
	err  error
}

func (b *badBatch) Error() string { return fmt.Sprintf("%s, byte %d: %v", b.file, b.at, b.err) }
func (b *badBatch) Unwrap() error { return b.err }

// forBatches calls visit with each batch of a file, whose bytes are gone with the
// next. The error is visit's, a *badBatch, or one of the file system.
func forBatches(fsys vfs.FS, name string, visit func(record.Batch) error) error {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		err = walkBatches(f, name, size, visit)
	}
	return errors.Join(err, f.Close())
}

func walkBatches(f io.ReaderAt, name string, size int64, visit func(record.Batch) error) error {
	var header [record.HeaderBytes]byte
	var buf []byte
	for at := int64(0); at < size; {
		h, err := record.ReadHeader(f, at, size, &header)
		if err == nil && h.Size() > batchBytesMax {
			err = fmt.Errorf("a batch of %d bytes", h.Size())
		}
		if err == nil {
			if cap(buf) < h.Size() {
				buf = make([]byte, h.Size())
			}
			buf = buf[:h.Size()]
			_, err = f.ReadAt(buf, at)
		}
		if err == nil {
			err = record.Batch(buf).Check()
		}
		if err != nil {
			return &badBatch{name, at, size - at, err}
		}
		if err := visit(record.Batch(buf)); err != nil {
			return err
		}
		at += int64(len(buf))
	}
	return nil
}
