package logstore

import "sync"

// held is how far the journal holds a log, or is about to. It has a mutex of its
// own, taken last: who writes the journal, for many logs, must not wait for one
// whose writer waits for its disk.
type held struct {
	mu       sync.Mutex
	upto     int64  // offset: what lies between commit.flushed and this is needed in the journal; 0 if it holds nothing of the log
	rotation uint64 // of the journal, when it was last written to for the log
}

// announce notes, before it is written, that the journal will hold something of
// the log below upto: a cut that rotates the journal later flushes it.
func (h *held) announce(upto int64, rotation uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rotation = rotation
	h.upto = max(h.upto, upto)
}

func (h *held) offset() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.upto
}

// released notes that the journal has let go of all that was written to it before
// that rotation, and that the log's own files hold it.
func (h *held) released(flushed int64, rotation uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.upto <= flushed && h.rotation < rotation {
		h.upto = 0
	}
}
