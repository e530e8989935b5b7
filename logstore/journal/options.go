package journal

import "fmt"

// Options of a journal. A zero field has the default.
type Options struct {
	// FileBytes is the size of a file, a multiple of 4096. Default 32 MiB.
	FileBytes int64
	// BytesMax bounds all files together; there is one at least. Default 512 MiB.
	BytesMax int64
	// CommitBytesMax bounds one commit, which must fit a file with 4096 bytes to
	// spare. Default 8 MiB, or what fits if that is less.
	CommitBytesMax int64
}

const (
	fileBytesDefault      = 32 << 20
	bytesMaxDefault       = 512 << 20
	commitBytesMaxDefault = 8 << 20
	commitBytesMin        = 512
	fileBytesMax          = 1 << 31 // a commit's size is 32 bits
)

func (o Options) withDefaults() (Options, error) {
	if o.FileBytes == 0 {
		o.FileBytes = fileBytesDefault
	}
	if o.BytesMax == 0 {
		o.BytesMax = max(bytesMaxDefault, o.FileBytes)
	}
	if o.CommitBytesMax == 0 {
		o.CommitBytesMax = min(commitBytesMaxDefault, o.FileBytes-blockBytes)
	}
	switch {
	case o.FileBytes < 2*blockBytes || o.FileBytes > fileBytesMax || o.FileBytes%blockBytes != 0:
		return o, fmt.Errorf("journal: files of %d bytes", o.FileBytes)
	case o.BytesMax < o.FileBytes:
		return o, fmt.Errorf("journal: %d bytes at most, but %d in one file", o.BytesMax, o.FileBytes)
	case o.CommitBytesMax < commitBytesMin || o.CommitBytesMax > o.FileBytes-blockBytes:
		return o, fmt.Errorf("journal: commits of %d bytes at most in files of %d", o.CommitBytesMax, o.FileBytes)
	}
	return o, nil
}
