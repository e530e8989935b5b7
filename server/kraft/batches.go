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
	// magicAt is where a batch has its version, 2.
	magicAt = 16
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
		err = walkBatches(f, name, 0, size, visit)
	}
	return errors.Join(err, f.Close())
}

// wholeBehind looks for a whole batch behind a bad one, of records above the
// offset. One is found by its magic byte and an offset that fits.
func wholeBehind(fsys vfs.FS, bad *badBatch, above int64) (found bool, err error) {
	f, err := fsys.OpenFile(bad.file, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	size := bad.at + bad.left
	window := make([]byte, min(bad.left, 1<<20))
	for at := bad.at + 1; at+record.HeaderBytes <= size; at += int64(len(window) - record.HeaderBytes + 1) {
		window = window[:min(int64(len(window)), size-at)]
		if _, err := f.ReadAt(window, at); err != nil {
			return false, err
		}
		for i := 0; i+record.HeaderBytes <= len(window); i++ {
			base := record.Batch(window[i:]).BaseOffset()
			if window[i+magicAt] != 2 || base < above || base-above >= 1<<31 {
				continue
			}
			if found, err := wholeAt(f, bad.file, at+int64(i), size); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

// wholeAt tells whether a whole batch begins at a position.
func wholeAt(f io.ReaderAt, name string, at, size int64) (bool, error) {
	errFound := errors.New("found")
	err := walkBatches(f, name, at, size, func(record.Batch) error { return errFound })
	var bad *badBatch
	if errors.As(err, &bad) {
		return false, nil
	}
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

func walkBatches(f io.ReaderAt, name string, at, size int64, visit func(record.Batch) error) error {
	var header [record.HeaderBytes]byte
	var buf []byte
	for at < size {
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
