package record

import (
	"errors"
	"fmt"
	"io"
)

var (
	// ErrShort tells that fewer bytes are there than the batch says it has. It
	// wraps [io.ErrUnexpectedEOF].
	ErrShort = fmt.Errorf("record batch is cut short: %w", io.ErrUnexpectedEOF)
	// ErrLength tells that the length field cannot be one of a batch.
	ErrLength = errors.New("record batch has an impossible length")
	// ErrMagic tells that the batch is not of magic 2.
	ErrMagic = errors.New("record batch is not of magic 2")
	// ErrOldMagic, an [ErrMagic], tells that it is of magic 0 or 1.
	ErrOldMagic = fmt.Errorf("%w but of magic 0 or 1, from before Kafka 0.11", ErrMagic)
	// ErrCRC tells that the bytes are not those the CRC was computed over.
	ErrCRC = errors.New("record batch fails its CRC-32C")
	// ErrCount tells that record count and last offset delta contradict.
	ErrCount = errors.New("record batch has an impossible record count")
	// ErrCodec tells that the attributes name no known codec.
	ErrCodec = errors.New("record batch has an unknown codec")
	// ErrCompressed tells that the compressed bytes do not unpack.
	ErrCompressed = errors.New("compressed records do not unpack")
	// ErrTooLarge tells that more would be unpacked, or built, than is allowed.
	ErrTooLarge = errors.New("records are too large")
	// ErrRecords tells that the records are not what the batch or their own
	// length fields say.
	ErrRecords = errors.New("malformed records")
)

// RecordError names the record at which a batch was found malformed.
type RecordError struct {
	Index int // in the batch, from 0; the count where something follows the last
	Err   error
}

func (e *RecordError) Error() string { return fmt.Sprintf("record %d: %v", e.Index, e.Err) }
func (e *RecordError) Unwrap() error { return e.Err }
