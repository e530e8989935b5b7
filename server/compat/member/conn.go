package member

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// versions are the ones that requests are sent in: Kafka 4.3's newest, but for
// those that name topics by id.
var versions = map[int16]int16{
	1: 12, 8: 9, 9: 9, 10: 6, 11: 9, 12: 4, 13: 5, 14: 5,
}

// Conn is one connection. One goroutine may send while another receives.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
	form *kmsg.RequestFormatter
	sent int32
	// received is the correlation id of the last answer: they come in order.
	received int32
	out      []byte
}

// Dial connects. When ctx ends the connection is closed, whatever it does.
func Dial(ctx context.Context, addr, client string) (*Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &Conn{conn: conn, in: bufio.NewReaderSize(conn, 4096), form: kmsg.NewRequestFormatter(kmsg.FormatterClientID(client))}, nil
}

// Close closes it.
func (c *Conn) Close() {
	if c != nil {
		_ = c.conn.Close()
	}
}

// Send writes a request.
func (c *Conn) Send(req kmsg.Request) error {
	version, ok := versions[req.Key()]
	if !ok {
		return fmt.Errorf("no version for request %d", req.Key())
	}
	req.SetVersion(version)
	c.sent++
	c.out = c.form.AppendRequest(c.out[:0], req, c.sent)
	_, err := c.conn.Write(c.out)
	return err
}

// answerBytesMax is far above what a leader of thousands is told.
const answerBytesMax = 64 << 20

// Receive reads the next answer. resp is of the kind and version of its request.
func (c *Conn) Receive(resp kmsg.Response, wait time.Duration) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return err
	}
	size, id := binary.BigEndian.Uint32(head[:]), int32(binary.BigEndian.Uint32(head[4:]))
	if c.received++; id != c.received {
		return fmt.Errorf("answer %d where %d is due", id, c.received)
	}
	if size < 4 || size > answerBytesMax {
		return fmt.Errorf("answer of %d bytes", size)
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return err
	}
	if resp.IsFlexible() {
		// No broker sends tags in a response header yet.
		if len(body) == 0 || body[0] != 0 {
			return errors.New("an answer whose header has tags")
		}
		body = body[1:]
	}
	return resp.ReadFrom(body)
}

// answerWait is for what is answered at once, even by a busy broker.
const answerWait = 30 * time.Second

// Do sends a request and waits for its answer.
func (c *Conn) Do(req kmsg.Request, wait time.Duration) (kmsg.Response, error) {
	if err := c.Send(req); err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	return resp, c.Receive(resp, wait)
}
