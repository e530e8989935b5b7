package logstore

import (
	"errors"
	"hash/crc32"
	"io"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// batchScanner reads the batches of a file one after the other through a window
// of fixed size and checks each of them. A batch longer than the window is
// checked piece by piece: a length field that lies costs no memory.
type batchScanner struct {
	file     vfs.File
	position int64 // of the next batch
	size     int64
	window   []byte                   // read ahead, from position on
	filled   struct{ from, to int64 } // positions of what is in buffer
	buffer   []byte
	bad      error // why the batch at position is not valid, nil at the end of the file
}

func newBatchScanner(f vfs.File, position, size int64) *batchScanner {
	return &batchScanner{file: f, position: position, size: size, buffer: make([]byte, min(scanWindowBytes, max(size-position, record.HeaderBytes)))}
}

// next returns a valid batch and its position, nil where none follows. Of a
// batch longer than the window only the header may be used. err is the file's.
func (sc *batchScanner) next() (b record.Batch, position int64, err error) {
	if sc.position >= sc.size {
		return nil, 0, nil
	}
	b, err = sc.cut()
	if err != nil || sc.bad != nil {
		return nil, 0, err
	}
	position = sc.position
	sc.position += int64(b.Size())
	sc.window = sc.window[min(b.Size(), len(sc.window)):]
	return b, position, nil
}

// cut returns the batch at position, from the window or through it.
func (sc *batchScanner) cut() (record.Batch, error) {
	b, _, err := record.Next(sc.window)
	if errors.Is(err, record.ErrShort) && sc.position+int64(len(sc.window)) < sc.size {
		if err := sc.fill(sc.position); err != nil {
			return nil, err
		}
		b, _, err = record.Next(sc.window)
	}
	switch {
	case err == nil:
		sc.bad = b.Check()
		return b, nil
	case !errors.Is(err, record.ErrShort) || len(sc.window) < record.HeaderBytes:
		sc.bad = err
		return nil, nil
	}
	b = record.Batch(sc.window)
	if int64(b.Size()) > sc.size-sc.position {
		sc.bad = err
		return nil, nil
	}
	return sc.checkLong(b)
}

// checkLong checks a batch that the window cannot hold, and leaves the window
// behind it.
func (sc *batchScanner) checkLong(b record.Batch) (record.Batch, error) {
	const crcFrom = 21 // attributes
	header := record.Batch(append([]byte(nil), b[:record.HeaderBytes]...))
	crc := crc32.Update(0, castagnoli, sc.window[crcFrom:])
	end := sc.position + int64(header.Size())
	for at := sc.position + int64(len(sc.window)); at < end; {
		if err := sc.fill(at); err != nil {
			return nil, err
		}
		n := min(end-at, int64(len(sc.window)))
		if n == 0 {
			sc.bad = record.ErrShort
			return nil, nil
		}
		crc = crc32.Update(crc, castagnoli, sc.window[:n])
		at += n
	}
	sc.window = nil
	sc.bad = header.CheckHeader(crc)
	return header, nil
}

// fill reads the window anew from at on.
func (sc *batchScanner) fill(at int64) error {
	n, err := sc.file.ReadAt(sc.buffer[:min(int64(len(sc.buffer)), sc.size-at)], at)
	sc.window, sc.filled.from, sc.filled.to = sc.buffer[:n], at, at+int64(n)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// emptyFile stands for a file that is not there, when nothing may be written.
type emptyFile struct{ vfs.File }

func (emptyFile) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (emptyFile) Size() (int64, error)              { return 0, nil }
func (emptyFile) Close() error                      { return nil }
