//go:build !linux

package zerocopy

import (
	"errors"
	"io"
	"os"
)

// socket is never made here: everything is copied. The standard library's
// sendfile for these systems starts at the file's own position, which all
// connections that read the file would share.
type socket struct{}

func newSocket(io.Writer) *socket { return nil }

func (*socket) write([]byte, bool, bool) (n, calls int, err error) {
	return 0, 0, errors.ErrUnsupported
}

func (*socket) awaitRoom() error { return errors.ErrUnsupported }

func (*socket) sendfile(*os.File, Section, int64) (n int64, calls int, did bool, err error) {
	return 0, 0, false, nil
}
