package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// Conn is one connection. One goroutine may write while another reads.
type Conn struct {
	net.Conn
	in    *bufio.Reader
	frame []byte // of the last small answer
}

// Dial connects.
func Dial(ctx context.Context, addr string) (*Conn, error) { return DialSmall(ctx, addr, 256<<10) }

// DialTLS is Dial of a connection of TLS. One by another cipher than [Cipher] is an error.
func DialTLS(ctx context.Context, addr string, config *tls.Config) (*Conn, error) {
	d := tls.Dialer{Config: config}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if got := c.(*tls.Conn).ConnectionState().CipherSuite; got != Cipher {
		return nil, errors.Join(fmt.Errorf("%s is spoken by %s, where others have %s", addr, tls.CipherSuiteName(got), tls.CipherSuiteName(Cipher)), c.Close())
	}
	return &Conn{Conn: c, in: bufio.NewReaderSize(c, 256<<10)}, nil
}

// Cipher is the one of TLS that all are measured by.
const Cipher = tls.TLS_AES_128_GCM_SHA256

// DialSmall is Dial with so many bytes for what arrives, for those who have very
// many connections.
func DialSmall(ctx context.Context, addr string, bufferBytes int) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, in: bufio.NewReaderSize(c, bufferBytes)}, nil
}

// Buffered is how many bytes of answers can be read without waiting.
func (c *Conn) Buffered() int { return c.in.Buffered() }

// header begins a frame: its size follows when it is complete, and the
// correlation id for every sending.
func header(key, version int16) []byte {
	b := make([]byte, 8, 64)
	binary.BigEndian.PutUint16(b[4:], uint16(key))
	binary.BigEndian.PutUint16(b[6:], uint16(version))
	b = append(b, 0, 0, 0, 0)
	return appendString(b, "replay")
}

func finish(frame []byte) []byte {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// correlate sets a frame's correlation id.
func correlate(frame []byte, id int32) { binary.BigEndian.PutUint32(frame[8:], uint32(id)) }

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// answerStart reads an answer's size and checks whose it is.
func (c *Conn) answerStart(id int32) (remaining int, err error) {
	var head [8]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, err
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != id {
		return 0, fmt.Errorf("answer %d where %d is due", got, id)
	}
	return int(binary.BigEndian.Uint32(head[:])) - 4, nil
}

// answer reads a small answer whole. It is valid until the next one.
func (c *Conn) answer(id int32) ([]byte, error) {
	n, err := c.answerStart(id)
	if err != nil {
		return nil, err
	}
	if cap(c.frame) < n {
		c.frame = make([]byte, n)
	}
	c.frame = c.frame[:n]
	_, err = io.ReadFull(c.in, c.frame)
	return c.frame, err
}
