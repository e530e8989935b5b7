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
}
