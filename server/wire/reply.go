package wire

import (
	"context"
	"runtime/debug"
	"time"

	"moldau/zerocopy"
)

const (
	// sharedWriteBytesMax is what responses that share a write may come to.
	sharedWriteBytesMax = 64 << 10
	// sendBytesMax is what a peer must take in every WriteTimeout.
	sendBytesMax = 1 << 20
	// An idle connection holds on to no more parts and gaps than this.
	keptPartsMax = 32
)

// replyWriter sends replies. After the first failure it only disposes of them.
type replyWriter struct {
	conn   *Conn
	sender *zerocopy.Sender

	out    []byte // frames that wait to be sent, of the server's pool; nil if none
	unsent int64  // replies done with, but not off owed yet
	failed bool

	gaps     []gap
	parts    []zerocopy.Part
	deadline time.Time // as set on the connection
}

func newReplyWriter(c *Conn) replyWriter {
	sender := zerocopy.NewSender(c.nc)
	sender.ReadAheadBytesMax = max(c.server.options.ReadAheadBytesMax, 0)
	return replyWriter{conn: c, sender: sender}
}

// run sends replies until the queue is closed.
func (w *replyWriter) run(ctx context.Context, q *replyQueue) {
	var p pending
	for q.take(&p) {
		w.answer(ctx, &p)
		if len(w.out) >= sharedWriteBytesMax {
			w.flush()
		}
		q.done(&p)
		p = pending{} // the next wait holds nothing
		w.unsent++
		if q.isEmpty() {
			w.flush()
		}
	}
}

// answer sends a reply, or has it wait for a write that it shares.
func (w *replyWriter) answer(ctx context.Context, p *pending) {
	w.write(ctx, p)
	if !w.failed {
		w.conn.server.served.observe(p.key, p.began)
	}
}

// write encodes a reply, waiting for it where it is parked. It sends what was
// encoded before whenever it waits, and when enough has come together.
func (w *replyWriter) write(ctx context.Context, p *pending) {
	resp, err := w.respond(ctx, p.reply)
	if err == nil {
		err = p.err
	}
	if err != nil {
		w.flush()
		w.fail(err)
		return
	}
	if p.frame != nil {
		w.add(ctx, p.frame)
		return
	}
	if ctx.Err() != nil || w.failed {
		w.failed = true
		dispose(resp)
		return
	}
	if resp == nil {
		return
	}
	before := len(w.out)
	if err := w.encode(p.correlationID, resp); err != nil {
		if isRejection(err) { // not of the network: earlier replies may leave yet
			w.out = w.out[:before]
			w.flush()
		}
		w.fail(err)
	}
}

// add sends what was encoded before, or keeps it for the next write.
func (w *replyWriter) add(ctx context.Context, frame []byte) {
	if ctx.Err() != nil || w.failed {
		w.failed = true
		return
	}
	if len(w.out)+len(frame) > sharedWriteBytesMax {
		w.flush()
	}
	if w.out == nil {
		w.out = frame
	} else {
		w.out = append(w.out, frame...)
	}
	if len(w.out) >= sharedWriteBytesMax {
		w.flush()
	}
}

// respond comes to the response.
func (w *replyWriter) respond(ctx context.Context, r Reply) (resp Response, err error) {
	if r.Response != nil || r.Park == nil {
		return r.Response, nil
	}
	defer recoverAs(&err)
	if len(w.out) > 0 && (r.Ready == nil || !r.Ready()) {
		w.flush()
	}
	if resp, err = r.Park(ctx); err != nil {
		err = &rejection{err: err}
	}
	return resp, err
}

// encode adds a response to what is to be sent. One with sections is sent at
// once, and with it what was there before.
func (w *replyWriter) encode(correlationID int32, resp Response) (err error) {
	defer recoverAs(&err)
	defer dispose(resp)
	if w.out == nil {
		w.out = w.conn.server.pool.get(bufferBytesMin)[:0]
	}
	start := len(w.out)
	w.out = appendHeader(w.out, correlationID, resp)
	fetch, ok := resp.(*FetchResponse)
	if !ok {
		w.out = resp.AppendTo(w.out)
		return finishFrame(w.out, start, 0)
	}
	w.out, w.gaps = fetch.appendWithGaps(w.out, w.gaps[:0])
	var sectionBytes int64
	for _, g := range w.gaps {
		for _, s := range g.sections {
			sectionBytes += int64(s.Length)
		}
	}
	if err := finishFrame(w.out, start, sectionBytes); err != nil {
		return err
	}
	if sectionBytes > 0 {
		err = w.sendAround(w.gaps)
		w.sent()
	}
	clear(w.gaps)
	return err
}

// holds is how many bytes are encoded that were not sent.
func (w *replyWriter) holds() int { return len(w.out) }

// flush sends what is encoded.
func (w *replyWriter) flush() {
	if len(w.out) > 0 && !w.failed {
		if err := w.sendBytes(); err != nil {
			w.fail(err)
		}
	}
	w.sent()
}

// sendBytes sends what is encoded. A connection of TLS cannot be asked what it takes
// at once, nor left in the middle of a write: its peer has the write timeout.
func (w *replyWriter) sendBytes() error {
	send := w.sender.TrySend
	if w.conn.isTLS() {
		send = w.sender.SendBytes
	}
	w.expect()
	n, err := send(w.out)
	w.conn.server.counters.bytesOut.Add(int64(n))
	if err == nil && n < len(w.out) {
		err = w.sendRest(n)
	}
	return err
}

// sent forgets what was sent, or never will be. It takes off owed what was
// before the reply at hand, never that one: with owed at 0 the reading goroutine
// may be sending.
func (w *replyWriter) sent() {
	if w.out != nil {
		w.conn.server.pool.put(w.out)
		w.out = nil
	}
	if n := w.unsent; n > 0 {
		w.unsent = 0
		w.conn.paidAt.Store(time.Now().UnixNano())
		w.conn.owed.Add(-n)
	}
}

func (w *replyWriter) fail(err error) {
	w.failed = true
	w.conn.cancel(err)
}

// sendAround sends what is encoded, with the sections of the gaps in their
// places. It goes by pieces: each must be taken by the peer within the write
// timeout, so that a slow reader of much is told from one that does not read.
func (w *replyWriter) sendAround(gaps []gap) error {
	parts, piece, from := w.parts[:0], 0, 0
	for _, g := range gaps {
		parts = append(parts, zerocopy.Part{Bytes: w.out[from:g.at]})
		from = g.at
		for _, s := range g.sections {
			for s.Length > 0 {
				if piece == sendBytesMax {
					if err := w.send(parts); err != nil {
						return err
					}
					parts, piece = parts[:0], 0
				}
				n := min(s.Length, sendBytesMax-piece)
				parts = append(parts, zerocopy.Part{
					Section: zerocopy.Section{File: s.File, Offset: s.Offset, Length: n, Behind: s.Behind + int64(s.Length-n)},
				})
				s.Offset += int64(n)
				s.Length -= n
				piece += n
			}
		}
	}
	parts = append(parts, zerocopy.Part{Bytes: w.out[from:]})
	err := w.send(parts)
	clear(parts)
	w.parts = parts[:0]
	if cap(parts) > keptPartsMax {
		w.parts, w.gaps = nil, nil
	}
	return err
}

func (w *replyWriter) send(parts []zerocopy.Part) error {
	w.expect()
	result, err := w.sender.Send(parts)
	c := &w.conn.server.counters
	c.bytesOut.Add(result.Sent())
	if result.Sendfile > 0 {
		c.sendfileBytes.Add(result.Sendfile)
	}
	if result.Copied > 0 {
		c.copiedBytes.Add(result.Copied)
	}
	return err
}

// expect moves the write deadline, if it is early by more than an eighth.
func (w *replyWriter) expect() {
	d := w.conn.server.options.WriteTimeout
	if now := time.Now(); now.Add(d - d/8).After(w.deadline) {
		w.deadline = now.Add(d)
		w.conn.nc.SetWriteDeadline(w.deadline) // fails on a closed connection only, as the write will
	}
}

// dispose releases what a response holds.
func dispose(resp Response) {
	if f, ok := resp.(*FetchResponse); ok && f != nil {
		f.release()
	}
}

// recoverAs turns a panic into an error.
func recoverAs(err *error) {
	if p := recover(); p != nil {
		*err = &rejection{err: &panicError{p, debug.Stack()}}
	}
}
