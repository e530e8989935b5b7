package manifest

import (
	"errors"
	"fmt"
)

// What callers branch on, besides a *CorruptError, fs.ErrNotExist of a file that
// is not there, and fs.ErrClosed of one that was closed.
var (
	// ErrPoisoned is that a sync failed, or a write in a way that cannot be undone:
	// what the disk holds is known only when the file is read anew.
	ErrPoisoned = errors.New("manifest failed to sync and takes no more changes until it is opened anew")
	// ErrVersion is that the file is whole, and of a version that is not known.
	ErrVersion = errors.New("unknown version")
	// ErrSetAside is that a repair put the manifest aside, and did not get to its end.
	ErrSetAside = errors.New("a repair of the store was begun and not completed")
	// ErrInvalid is that the caller's row, note or number cannot be.
	ErrInvalid = errors.New("invalid argument")
)

// CorruptError tells that bytes on disk are not what was written there.
type CorruptError struct {
	File   string // relative to the root of the file system
	Offset int64  // of the frame, in bytes
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is corrupt at byte %d: %v", e.File, e.Offset, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }
