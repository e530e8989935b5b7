//go:build !linux

package wire

import "net"

// socketReader does not exist here: connections are read as any other.
type socketReader struct{}

func newSocketReader(net.Conn, *intake) *socketReader { return nil }

func (r *socketReader) fill(bool) error { return errWouldWait }

func (r *socketReader) read([]byte, bool) (int, error) { return 0, errWouldWait }
