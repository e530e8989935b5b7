package wire

import (
	"context"
	"runtime/debug"
	"slices"
	"time"
)

// A run is served when it has so many requests, or would have more bytes: what was
// received first shall still be in the processor's caches, and its producer not wait
// for long.
const (
	runRequestsMax = 8
	runBytesMax    = 256 << 10
	// After a run that was for nothing so many requests of the connection are served as
	// they come: it costs a little, as replies leave later.
	runPause = 256
)

// run is the requests that are served together once the next one has to be waited
// for, is of another kind, or they are enough.
type run struct {
	requests []*Request
	frames   []keptFrame // theirs
	replies  []Reply
	bytes    int
	serving  bool
	cheaper  bool // than one by one, as far as it was served
	pause    int  // so many requests are served as they come
}

// pauses tells whether the next request is served as it comes.
func (r *run) pauses() bool {
	if r.pause == 0 {
		return false
	}
	r.pause--
	return true
}

// keptFrame is a frame of a run.
type keptFrame struct {
	bytes   []byte
	inPlace bool
	began   time.Duration // when it was there, of the server's time
}

// join adds a request to the run, and serves that unless more can be added.
func (c *Conn) join(ctx context.Context, r *Request, frame keptFrame) error {
	c.run.requests = append(c.run.requests, r)
	c.run.frames = append(c.run.frames, frame)
	c.run.bytes += len(frame.bytes)
	if len(c.run.requests) < runRequestsMax && c.run.bytes < runBytesMax && c.gathers(frame.inPlace) {
		return nil
	}
	return c.serveRun(ctx)
}

// gathers tells whether the run may wait for the next request to be read. Now nothing
// of that is held, so that its requests' memory can be all given back, and their replies
// can wait for room: both are done here where they are due.
func (c *Conn) gathers(inPlace bool) bool {
	if inPlace {
		return c.frames.whole() // reading would move what lies there
	}
	return !c.server.budget.contended() &&
		int(c.owed.Load())+len(c.run.requests) < c.server.options.PipelineMax && !c.queue.full()
}

// serveRun serves the run, if there is any.
func (c *Conn) serveRun(ctx context.Context) error {
	r := &c.run
	if len(r.requests) == 0 || r.serving { // a handler that waits for memory comes here
		return nil
	}
	r.serving = true
	r.replies = slices.Grow(r.replies, len(r.requests))[:len(r.requests)]
	held := c.frames.held.bytes
	n, err := c.handleRun(ctx, r.requests, r.replies)
	c.frames.releaseKept(r.frames, c.frames.held.bytes-held, err != nil)
	for i := range n {
		q := r.requests[i]
		c.answer(ctx, pending{correlationID: q.CorrelationID, key: q.Key, began: r.frames[i].began, reply: r.replies[i]})
	}
	clear(r.requests)
	clear(r.frames)
	clear(r.replies)
	pause := 0
	if len(r.requests) > 1 && !r.cheaper {
		pause = runPause
	}
	*r = run{requests: r.requests[:0], frames: r.frames[:0], replies: r.replies[:0], pause: pause}
	return err
}

// handleRun returns how many requests were served, and the error of the next one.
func (c *Conn) handleRun(ctx context.Context, rs []*Request, replies []Reply) (served int, err error) {
	for served < len(rs) && err == nil {
		n := 0
		if served < len(rs)-1 {
			n, err = c.handleSome(ctx, rs[served:], replies[served:])
		}
		if n == 0 && err == nil {
			if replies[served], err = c.handle(ctx, rs[served]); err == nil {
				n = 1
			}
		}
		served += n
	}
	return served, err
}

// handleSome is handle of several requests, or of some of them.
func (c *Conn) handleSome(ctx context.Context, rs []*Request, replies []Reply) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, &rejection{rs[0], &panicError{p, debug.Stack()}}
		}
	}()
	n, cheaper, err := c.server.runs.ServeRun(ctx, rs, replies)
	c.run.cheaper = c.run.cheaper || cheaper
	if err != nil {
		err = &rejection{rs[n], err}
	}
	return n, err
}
