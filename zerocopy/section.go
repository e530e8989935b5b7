package zerocopy

import (
	"io"
	"os"
)

// File is what a section reads from. OSFile is nil where there is no file of
// the operating system behind it; the bytes are then copied through ReadAt.
type File interface {
	io.ReaderAt
	OSFile() *os.File
}

// Section is Length bytes of File from Offset on. Whoever hands it out keeps
// the file open, and those bytes in place, until it is told that they are no
// longer needed.
type Section struct {
	File   File
	Offset int64
	Length int
	// Behind is how many bytes follow in the file that the receiver is likely to ask
	// for next, 0 if nobody knows. Some of them may be read ahead.
	Behind int64
}

// Part is a piece of a message: Bytes, then Section. Either may be empty.
type Part struct {
	Bytes   []byte
	Section Section
}

// Result says what a send did. It counts what the connection took over, also
// when the send failed.
type Result struct {
	Bytes    int64 // of Part.Bytes
	Sendfile int64 // of sections, by sendfile
	Copied   int64 // of sections, through a buffer of this process
	Calls    int   // writes and sendfiles attempted
}

// Sent is the number of bytes that the connection took over, by all paths.
func (r Result) Sent() int64 { return r.Bytes + r.Sendfile + r.Copied }

// SendfileMin is the length in bytes from which a section goes by sendfile.
// Measured with BenchmarkPaths: below it a single section costs the same either
// way, but each of several ends in a packet and a wake-up of its own, so that
// six of 4 KiB cost three times as much as one write of all. Holding those
// packets back with TCP_CORK gained nothing.
const SendfileMin = 32 << 10
