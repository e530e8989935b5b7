package wire

import "sync"

// Buffers come in classes, each twice the one before and a sixteenth above a
// power of two: clients cut batches to powers of two, and what a request puts
// around them must not push it into the next class.
const (
	bufferBytesMin = 4<<10 + 4<<10/16
	bufferClasses  = 9 // up to 1 MiB and a sixteenth

	// Larger ones are rare, and left to the garbage collector.
	bufferBytesPooledMax = bufferBytesMin << (bufferClasses - 1)

	// pooledBytesMax bounds what a pool keeps of each class. It saves the page
	// faults of a busy broker; an idle one gives up little by it.
	pooledBytesMax = 8 << 20
)

// bufferPool keeps buffers, last in, first out, so that the ones in use stay
// few and warm. A sync.Pool would keep any number of them, until the garbage
// collector drops them all and their pages are faulted in again.
type bufferPool struct {
	// poison is written over buffers that are put back, if not 0, so that tests
	// notice who still uses them.
	poison byte

	mu   sync.Mutex
	free [bufferClasses][][]byte
}

// bufferBytes is the length of the buffer that get returns for n bytes.
func bufferBytes(n int) int {
	if n > bufferBytesPooledMax {
		return n
	}
	size := bufferBytesMin
	for size < n {
		size *= 2
	}
	return size
}

func classOf(size int) int {
	class := 0
	for size > bufferBytesMin<<class {
		class++
	}
	return class
}

// get returns a buffer of at least n bytes with any content.
func (p *bufferPool) get(n int) []byte {
	size := bufferBytes(n)
	if size > bufferBytesPooledMax {
		return make([]byte, size)
	}
	p.mu.Lock()
	free := &p.free[classOf(size)]
	if last := len(*free) - 1; last >= 0 {
		b := (*free)[last]
		(*free)[last] = nil
		*free = (*free)[:last]
		p.mu.Unlock()
		return b
	}
	p.mu.Unlock()
	return make([]byte, size)
}

// put takes back a buffer of get, of whatever length it was cut to. One that
// append has moved to a place of another size is left to the garbage collector.
func (p *bufferPool) put(b []byte) {
	b = b[:cap(b)]
	p.spoil(b)
	if len(b) > bufferBytesPooledMax || len(b) != bufferBytes(len(b)) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	free := &p.free[classOf(len(b))]
	if (len(*free)+1)*len(b) <= pooledBytesMax {
		*free = append(*free, b)
	}
}

// spoil writes poison over what is not to be used any more.
func (p *bufferPool) spoil(b []byte) {
	if p.poison != 0 {
		for i := range b {
			b[i] = p.poison
		}
	}
}
