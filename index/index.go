package index

import (
	"errors"
	"io"
	"os"
)

// What callers branch on. Every error of this package wraps one of these, or
// an error of the file.
var (
	// ErrCorrupt tells that the file is no index that could have been written.
	// The caller rebuilds it from the segment.
	ErrCorrupt = errors.New("index is corrupt")
	// ErrIO tells that mapped memory could not be read.
	ErrIO = errors.New("mapped index could not be read")
	// ErrFull asks the caller to roll the segment.
	ErrFull = errors.New("index is full")
	// ErrOrder refuses an entry that is not above the last one.
	ErrOrder = errors.New("index entry is out of order")
	// ErrOverflow refuses an offset or position further than 2^31-1 from the
	// segment's start, or before it.
	ErrOverflow = errors.New("index entry does not fit into 31 bits")
	// ErrSealed refuses changes to a sealed index.
	ErrSealed = errors.New("index is sealed")
	// ErrClosed tells that the index was used after Close.
	ErrClosed = errors.New("index is closed")
	// ErrNoEntry tells that there is no entry of that number.
	ErrNoEntry = errors.New("no such index entry")
	// ErrVersion tells that an entry is of a version that this package lacks.
	ErrVersion = errors.New("unknown version of index entry")
)

// File is an index's file. It stays open until Close has returned; this
// package never closes it.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Truncate sets the length.
	Truncate(size int64) error
	// Sync makes bytes and length durable.
	Sync() error
	// Size is the length in bytes.
	Size() (int64, error)
	// OSFile is the file to map, nil where there is none.
	OSFile() *os.File
}

// Options shapes an index. The zero value is Kafka's default.
type Options struct {
	// BytesMax bounds an active index (segment.index.bytes), rounded down to
	// whole entries; 0 is 10 MiB. It refuses appends, never what is in the file.
	BytesMax int64
	// Empty tells of a new index that its file has nothing in it, so that a Flush
	// has nothing to cut.
	Empty bool
}

const bytesMaxDefault = 10 << 20

func (o Options) withDefaults() Options {
	if o.BytesMax <= 0 {
		o.BytesMax = bytesMaxDefault
	}
	return o
}
