//go:build !unix && !windows

package vfs

import (
	"errors"
	"io"
	"os"
)

// lockFile fails where there are no locks: a store that cannot be sure to be
// alone must not write.
func lockFile(*os.Root, string) (io.Closer, error) { return nil, errors.ErrUnsupported }
