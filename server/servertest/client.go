package servertest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerTimeout is how long an answer may take. A test that needs as much has
// failed.
const answerTimeout = 30 * time.Second

// Client is a connection that speaks the protocol by hand: requests of exactly
// the version they are given, and bytes that no real client would send.
type Client struct {
	t    testing.TB
	conn net.Conn
	next int32 // correlation id
}

// Dial connects to the broker. The connection is closed when the test ends.
func (b *Broker) Dial() *Client {
	b.t.Helper()
	return Dial(b.t, b.Addr())
}

// Dial connects to any broker.
func Dial(t testing.TB, addr string) *Client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Client{t: t, conn: conn}
}

// Close closes the connection.
func (c *Client) Close() { _ = c.conn.Close() }

// Request sends a request and returns its response.
func (c *Client) Request(req kmsg.Request) kmsg.Response {
	c.t.Helper()
	id := c.Send(req)
	return c.Receive(req, id)
}

// Send sends a request, whose version must be set, and returns its correlation
// id.
func (c *Client) Send(req kmsg.Request) int32 {
	c.t.Helper()
	return c.SendBody(req.Key(), req.GetVersion(), req.IsFlexible(), req.AppendTo(nil))
}

// SendBody sends a request of any key, version and body.
func (c *Client) SendBody(key, version int16, flexible bool, body []byte) int32 {
	c.t.Helper()
	c.next++
	frame := make([]byte, 4)
	frame = binary.BigEndian.AppendUint16(frame, uint16(key))
	frame = binary.BigEndian.AppendUint16(frame, uint16(version))
	frame = binary.BigEndian.AppendUint32(frame, uint32(c.next))
	const clientID = "servertest"
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(clientID)))
	frame = append(frame, clientID...)
	if flexible {
		frame = append(frame, 0)
	}
	frame = append(frame, body...)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	c.Write(frame)
	return c.next
}

// Write sends bytes as they are.
func (c *Client) Write(b []byte) {
	c.t.Helper()
	// The broker may have closed already; what it said is for the reader to see.
	if _, err := c.conn.Write(b); err != nil && !hungUp(err) {
		c.t.Fatalf("send: %v", err)
	}
}

// Receive reads the response to a request, which must be the next.
func (c *Client) Receive(req kmsg.Request, id int32) kmsg.Response {
	c.t.Helper()
	body := c.ReceiveBody(id)
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		if len(body) == 0 || body[0] != 0 {
			c.t.Fatalf("response header of key %d has no empty tag section", req.Key())
		}
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		c.t.Fatalf("response to key %d version %d: %v", req.Key(), req.GetVersion(), err)
	}
	if again := resp.AppendTo(nil); len(again) != len(body) {
		c.t.Fatalf("response to key %d version %d is %d bytes, its fields are %d", req.Key(), req.GetVersion(), len(body), len(again))
	}
	return resp
}

// ReceiveBody reads the next response behind its correlation id, which must be
// the one given.
func (c *Client) ReceiveBody(id int32) []byte {
	c.t.Helper()
	frame, err := c.frame()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	if got := int32(binary.BigEndian.Uint32(frame)); got != id {
		c.t.Fatalf("response has correlation id %d, want %d", got, id)
	}
	return frame[4:]
}

// Closed fails the test unless the broker closes the connection without
// another byte.
func (c *Client) Closed() {
	c.t.Helper()
	if frame, err := c.frame(); !hungUp(err) {
		c.t.Fatalf("connection is not closed: %d bytes, error %v", len(frame), err)
	}
}

func (c *Client) frame() ([]byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > 1<<28 {
		c.t.Fatalf("response of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(c.conn, frame)
	return frame, err
}

// hungUp tells that the other side closed, be it with bytes unread.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
