package wire

import (
	"errors"
	"os"
	"time"
)

// looksMax is how many looks in a row a peer may take nothing of a reply while
// memory is short.
const looksMax = 3

// sendRest sends what the peer did not take at once, all but the first sent bytes
// of what is encoded. Until that has left no request of the connection is served, but
// for a run that was received: who asks and does not read costs few replies. (Kafka
// reads no request before the reply to the one before has left, so no client counts on
// more.)
//
// A peer has WriteTimeout for every sendBytesMax. While memory is short it is also
// looked at what it does meanwhile: thousands that do not read could hold a reply each
// for that long.
func (w *replyWriter) sendRest(sent int) error {
	w.moveRest(sent)
	c := w.conn
	held := int64(cap(w.out))
	c.server.replies.bytes.Add(held)
	c.queue.stuck.Store(true)
	reading := c.owed.Load() == 0 // by the reading goroutine
	if reading {
		c.server.served.busy.Add(-1)
		defer c.server.served.busy.Add(1)
	}
	defer func() {
		c.server.replies.bytes.Add(-held)
		c.queue.stuck.Store(false)
		tell(c.queue.room)
	}()

	rest, nothing := w.out, 0
	end, until := time.Now().Add(c.server.options.WriteTimeout), len(rest)-sendBytesMax
	for {
		w.deadline = earlier(end, time.Now().Add(c.server.probeInterval))
		c.nc.SetWriteDeadline(w.deadline) // fails on a closed connection only, as the write will
		n, err := w.sender.SendBytes(rest)
		c.server.counters.bytesOut.Add(int64(n))
		if err == nil {
			return nil
		}
		rest = rest[n:]
		if nothing++; n > 0 {
			nothing = 0
		}
		if len(rest) <= until {
			end, until = time.Now().Add(c.server.options.WriteTimeout), len(rest)-sendBytesMax
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(end) || nothing >= looksMax && c.memoryIsShort(reading) {
			return err
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// moveRest has what was not sent take up no more than it must.
func (w *replyWriter) moveRest(sent int) {
	rest := w.out[sent:]
	if bufferBytes(len(rest)) > cap(w.out)/2 {
		w.out = w.out[:copy(w.out, rest)]
		return
	}
	small := append(w.conn.server.pool.get(len(rest))[:0], rest...)
	w.conn.server.pool.put(w.out)
	w.out = small
}

// isTLS tells a connection that takes a write which was cut short by a deadline for
// the end.
func (c *Conn) isTLS() bool {
	_, secure := c.nc.(handshaker)
	return secure
}

// memoryIsShort tells that replies hold more than they may, or, where the reading
// goroutine asks, that requests wait for memory of which its own holds a part.
func (c *Conn) memoryIsShort(reading bool) bool {
	s := c.server
	return s.replies.bytes.Load() > s.replies.max || reading && c.frames.holds() && s.budget.contended()
}
