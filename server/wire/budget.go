package wire

import (
	"errors"
	"sync"
)

// errGaveUp tells that a reservation was waited for in vain.
var errGaveUp = errors.New("connection closed while its request waited for memory")

// budget bounds the bytes that all requests in flight hold. Who asks for more
// than is left waits, first come first served.
//
// Frames that each wait for their second half would wait for ever if all of
// them held their first. So one reservation at a time, the first to find nothing
// left, may exceed the limit for as long as it lives: it always gets on, and
// when it is done the next one may. Reserving whole frames beforehand would do
// without this, but then announcing a frame would be as good as sending it.
type budget struct {
	bytesMax int64

	mu       sync.Mutex
	free     int64        // less than 0 while overdraft exceeds the limit
	overdraw *reservation // the one that may
	lent     int64        // of what is not free, for reading ahead
	waiting  []*waiter

	exhausted func() // called, without mu, when somebody must wait
}

// freeBytes are granted to every request at once, whatever others hold: how many
// requests there are is bounded by the connections. So a few that hold all there
// is, and send no more, do not keep others from what takes next to nothing.
const freeBytes = 4 * bufferBytesMin

type waiter struct {
	r       *reservation
	bytes   int64
	granted chan struct{}
}

// reservation is what one request holds. It is for one goroutine.
type reservation struct {
	budget *budget
	bytes  int64
	waited bool // since whoever uses it has last looked
	// A wait ends when one of them is closed.
	closed, draining <-chan struct{}
	// beforeWait is called before one begins. Its error is acquire's.
	beforeWait func() error
}

func newBudget(bytesMax int64) *budget { return &budget{bytesMax: bytesMax, free: bytesMax} }

// acquire adds to what r holds, waiting until there is room.
func (r *reservation) acquire(bytes int64) error {
	b := r.budget
	if b.granted(r, bytes) {
		return nil
	}
	r.waited = true
	if r.beforeWait != nil {
		// Perhaps a wait by itself, in which others may have the memory.
		if err := r.beforeWait(); err != nil {
			return err
		}
	}
	b.mu.Lock()
	if b.grant(r, bytes) {
		b.mu.Unlock()
		return nil
	}
	w := &waiter{r: r, bytes: bytes, granted: make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()
	if b.exhausted != nil {
		b.exhausted()
	}

	select {
	case <-w.granted:
		return nil
	case <-r.closed:
	case <-r.draining:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.waiting {
		if b.waiting[i] == w {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.grantWaiting()
			return errGaveUp
		}
	}
	return nil // granted meanwhile
}

// lentBytesMax bounds what is lent to all connections. Hundreds that are served at
// once do not need it; but who asks and does not read keeps what he was lent for as
// long as his replies are in the way, and there may be thousands of those.
const lentBytesMax = 16 << 20

// lend gives out what is not needed to receive requests, but makes it cheaper: no
// more than half of all there is, nor than lentBytesMax, and nothing while anybody
// waits. It never waits itself. Who has it gives it back when it waits for its peer next.
func (b *budget) lend(bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 || b.free-bytes < b.bytesMax/2 || b.lent+bytes > lentBytesMax {
		return false
	}
	b.free -= bytes
	b.lent += bytes
	return true
}

func (b *budget) giveBack(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += bytes
	b.lent -= bytes
	b.grantWaiting()
}

// held is what all requests hold.
func (b *budget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytesMax - b.free
}

// contended tells whether anybody waits.
func (b *budget) contended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) > 0
}

// shrink gives back a part of what r holds.
func (r *reservation) shrink(bytes int64) {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	r.bytes -= bytes
	b.free += bytes
	if r.bytes == 0 && b.overdraw == r {
		b.overdraw = nil
	}
	b.grantWaiting()
}

// release gives back all that r holds. r may be used again.
func (r *reservation) release() { r.shrink(r.bytes) }

func (b *budget) granted(r *reservation, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.grant(r, bytes)
}

// grant is called with mu held.
func (b *budget) grant(r *reservation, bytes int64) bool {
	switch {
	case b.overdraw == r, r.bytes+bytes <= freeBytes:
	case len(b.waiting) == 0 && bytes <= b.free:
	case b.overdraw == nil:
		b.overdraw = r
	default:
		return false
	}
	b.free -= bytes
	r.bytes += bytes
	return true
}

// grantWaiting is called with mu held.
func (b *budget) grantWaiting() {
	for len(b.waiting) > 0 {
		w := b.waiting[0]
		if w.bytes > b.free && b.overdraw != nil {
			return
		}
		if w.bytes > b.free {
			b.overdraw = w.r
		}
		b.waiting = b.waiting[1:]
		b.free -= w.bytes
		w.r.bytes += w.bytes
		close(w.granted)
	}
}
