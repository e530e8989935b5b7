package logstore

import (
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	// grantBytesMax is how much is appended, at most, before the file system is
	// asked again how much is free.
	grantBytesMax = 64 << 20
	// askAgainMs is how often it is asked while appends are refused.
	askAgainMs = 100
	// reserveBytesMax, or one part of reserveParts of the file system where that is
	// less, is what is kept free by default.
	reserveBytesMax = 256 << 20
	reserveParts    = 100
)

// reserve keeps some of the file system free, so that retention, deletions,
// recovery and whoever else is on it can go on when appends have filled the
// rest.
type reserve struct {
	granted atomic.Int64 // bytes that may be appended before somebody asks

	mu      sync.Mutex
	low     bool  // under mu
	askedMs int64 // under mu
	bytes   int64 // under mu; what low was told with
}

// room tells why n more bytes may not be appended: ErrNoSpace.
func (s *Store) room(n int64) error {
	if s.opt.ReserveBytes < 0 || s.space.granted.Add(-n) >= 0 {
		return nil
	}
	return s.askRoom(n)
}

func (s *Store) askRoom(n int64) error {
	r := &s.space
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.granted.Load() >= 0 {
		return nil // somebody asked meanwhile
	}
	nowMs := s.nowMs()
	if !r.low || nowMs-r.askedMs >= askAgainMs || nowMs < r.askedMs {
		space, err := s.fs.Space(s.path(""))
		if err != nil { // not told here: the device will say when it is full
			r.granted.Store(grantBytesMax)
			return nil
		}
		kept := s.opt.ReserveBytes
		if kept == 0 {
			kept = min(reserveBytesMax, space.Total/reserveParts)
		}
		r.bytes, r.askedMs = space.Free-kept, nowMs
		r.low = r.bytes < n
	}
	if r.low {
		r.granted.Store(-1)
		return fmt.Errorf("%w: %d bytes are free above the reserve", ErrNoSpace, max(r.bytes, 0))
	}
	// Half of it: others write there, too, and what is appended may be written twice.
	r.granted.Store(min((r.bytes-n)/2, grantBytesMax))
	return nil
}
