//go:build !linux

package wire

import (
	"errors"
	"net"
)

// socketReader does not exist here: connections are read as any other.
type socketReader struct{}

func newSocketReader(net.Conn, *intake) *socketReader { return nil }

func (r *socketReader) fill(peerWaiter) error { return errors.ErrUnsupported }

func (r *socketReader) read([]byte, peerWaiter) (int, error) {
	return 0, errors.ErrUnsupported
}
