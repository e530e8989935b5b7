package wire

import "net"

// peerWaiter is told by a read that it found nothing, before it waits for the first
// time: what it asks then is not asked of the system again. The read ends with its
// error, if there is one.
type peerWaiter interface{ mayWait() error }

const (
	// smallBytes are read ahead where no more memory is lent for it: a small request
	// arrives in one system call that way, and of a large one little is copied.
	smallBytes = 1 << 10
	// aheadFrames of a peer's usual size are read ahead, if that is no more than
	// aheadBytesMax; of larger ones, only the beginning: the rest goes to where the
	// frame lies.
	aheadFrames   = 4
	aheadBytesMax = bufferBytesMin << 4
)

// intake takes bytes off a connection, those of several requests by one system
// call where they are there. It is for the reading goroutine.
//
// What is read ahead lies in a buffer that is lent for as long as there is
// anything in it: a connection that waits has none. Connections that are no sockets
// themselves, such as those of TLS, have a small one of their own.
type intake struct {
	nc     net.Conn
	socket *socketReader // nil where nc is not a socket of the system's itself
	// records are beneath a connection of TLS that tells before it waits; nil elsewhere.
	records *recordReader
	pool    *bufferPool
	budget  *budget

	buf    []byte // nil while nothing is read ahead
	lo, hi int    // what has arrived and was not taken yet lies between
	lent   bool   // buf is the pool's, and counted
	small  []byte // used where none is lent; nil until then

	few      [3]byte // what has arrived during a wait that is less than a length
	fewBytes int

	// wanted is how much is to be read ahead.
	wanted int
}

func newIntake(nc net.Conn, pool *bufferPool, b *budget) *intake {
	in := &intake{nc: nc, pool: pool, budget: b}
	in.socket = newSocketReader(nc, in)
	if c, ok := nc.(*tlsConn); ok && c.records != nil {
		in.records = c.records
		in.records.pool, in.records.budget, in.records.bytes = pool, b, bufferBytes(0)
	}
	return in
}

// buffered is how much can be taken.
func (in *intake) buffered() int { return in.hi - in.lo + in.fewBytes }

// peek is what can be taken, but for a few bytes that arrived during a wait.
func (in *intake) peek() []byte { return in.buf[in.lo:in.hi] }

// take takes n bytes, of those that are buffered. They stay where they are until
// release.
func (in *intake) take(n int) []byte {
	in.ready()
	b := in.buf[in.lo : in.lo+n : in.lo+n]
	in.lo += n
	return b
}

// release is called when what was taken is not needed any more.
func (in *intake) release() {
	if in.lo < in.hi {
		return
	}
	in.lo, in.hi = 0, 0
	if in.lent {
		in.budget.giveBack(int64(len(in.buf)))
		in.pool.put(in.buf)
	}
	in.buf, in.lent = nil, false
}

// abandon is release where nobody knows who still holds a part of it.
func (in *intake) abandon() {
	if in.lent {
		in.budget.giveBack(int64(len(in.buf)))
	}
	in.buf, in.lent, in.lo, in.hi, in.fewBytes = nil, false, 0, 0, 0
	if in.records != nil {
		in.records.release()
	}
}

// tell has the peerWaiter told before nc is waited for, or at once where nobody knows.
func (in *intake) tell(w peerWaiter) error {
	if in.records == nil {
		return w.mayWait()
	}
	in.records.w = w
	return nil
}

// adapt follows what a frame of this peer lately came to.
func (in *intake) adapt(frameBytes int) {
	if in.wanted = aheadFrames * frameBytes; in.wanted > aheadBytesMax {
		in.wanted = 0
	}
	if in.records == nil {
		return
	}
	if in.records.bytes = bufferBytes(in.wanted); in.wanted == 0 {
		in.records.bytes = recordBytes // what is decrypted goes to where the frame lies
	}
}

// holds tells that bytes were read ahead, in memory that others could have.
func (in *intake) holds() bool { return in.lent || in.records != nil && in.records.buf != nil }

// ready sees to a buffer.
func (in *intake) ready() {
	if in.buf == nil {
		size := bufferBytes(in.wanted)
		if in.lent = in.socket != nil && in.budget.lend(int64(size)); in.lent {
			in.buf = in.pool.get(size)
		} else {
			if in.small == nil {
				in.small = make([]byte, smallBytes)
			}
			in.buf = in.small
		}
		in.hi = copy(in.buf, in.few[:in.fewBytes])
		in.fewBytes = 0
	}
}

// front is ready, with what is buffered at the buffer's beginning.
func (in *intake) front() {
	in.ready()
	if in.lo > 0 {
		in.lo, in.hi = 0, copy(in.buf, in.buf[in.lo:in.hi])
	}
}

// rest gives the buffer back for a wait. No more than a part of a length is in it.
func (in *intake) rest() {
	if in.buf == nil {
		return
	}
	in.fewBytes = copy(in.few[:], in.buf[in.lo:in.hi])
	in.lo = in.hi
	in.release()
}

// fill adds to what is buffered, which is less than a length, at least one byte.
func (in *intake) fill(w peerWaiter) error {
	if in.socket != nil {
		return in.socket.fill(w)
	}
	if err := in.tell(w); err != nil {
		return err
	}
	in.front()
	n, err := in.readConn(in.buf[in.hi:])
	in.hi += n
	return err
}

// readConn reads what is no socket. TLS may give bytes together with the error of a
// look at what is behind them: that comes again, but for the peerWaiter's own.
func (in *intake) readConn(b []byte) (int, error) {
	n, err := in.nc.Read(b)
	switch {
	case in.records != nil && in.records.refused != nil:
		return 0, in.records.refused
	case n > 0:
		err = nil
	}
	return n, err
}

// read reads into b, which what is buffered comes before. What arrives behind b
// is buffered.
func (in *intake) read(b []byte, w peerWaiter) (n int, err error) {
	if in.buffered() > 0 {
		in.ready()
		n = copy(b, in.buf[in.lo:in.hi])
		in.lo += n
		in.release()
		return n, nil
	}
	if in.socket != nil {
		return in.socket.read(b, w)
	}
	if err := in.tell(w); err != nil {
		return 0, err
	}
	return in.readConn(b)
}
