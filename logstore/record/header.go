package record

import (
	"errors"
	"fmt"
	"io"
)

// ReadHeader reads the header of the batch at pos of a file of size bytes into
// h, so that files are scanned without reading records. The result is a view
// of h: of its methods, Check, ComputeCRC, SetLogAppendTime, Payload, Walk and
// Records do not apply.
//
// The error is io.EOF at the end of the file, ErrShort where the file ends
// inside the batch, ErrLength, ErrMagic, ErrOldMagic, or one of reading.
func ReadHeader(r io.ReaderAt, pos, size int64, h *[HeaderBytes]byte) (Batch, error) {
	if pos == size {
		return nil, io.EOF
	}
	n, err := r.ReadAt(h[:min(HeaderBytes, max(size-pos, 0))], pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read batch header: %w", err)
	}
	batchBytes, err := sizeOf(h[:n])
	if err != nil {
		return nil, err
	}
	if n < HeaderBytes || batchBytes > size-pos {
		return nil, ErrShort
	}
	return Batch(h[:]), nil
}
