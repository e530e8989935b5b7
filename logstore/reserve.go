package logstore

import (
	"fmt"
	"sync"
	"sync/atomic"

	"moldau/logstore/vfs"
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
	wanted  int64 // under mu; bytes of the append that low was told
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

// hasRoom is room for who can do with less, and asks nobody.
func (s *Store) hasRoom(n int64) bool {
	if s.opt.ReserveBytes < 0 || s.space.granted.Add(-n) >= 0 {
		return true
	}
	s.space.granted.Add(n)
	return false
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
		r.bytes, r.askedMs = space.Free-s.kept(space), nowMs
		r.low, r.wanted = r.bytes < n, n
	}
	if r.low {
		r.granted.Store(-1)
		return fmt.Errorf("%w: %d bytes are free above the reserve", ErrNoSpace, max(r.bytes, 0))
	}
	// Half of it: others write there, too, and what is appended may be written twice.
	r.granted.Store(min((r.bytes-n)/2, grantBytesMax))
	return nil
}

// kept is how much of a file system is the reserve.
func (s *Store) kept(of vfs.Space) int64 {
	if s.opt.ReserveBytes == 0 {
		return min(reserveBytesMax, of.Total/reserveParts)
	}
	return max(0, s.opt.ReserveBytes)
}

// Room is what appends have.
type Room struct {
	FreeBytes    int64 // of the file system
	ReserveBytes int64 // of these, which appends do not get; 0 for none
	// Low tells that appends are refused with ErrNoSpace: less than the reserve is
	// free, or what is free above it is less than the last append wanted.
	Low bool
}

// Room asks the file system how much is free.
func (s *Store) Room() (Room, error) {
	space, err := s.fs.Space(s.path(""))
	if err != nil {
		return Room{}, fmt.Errorf("logstore: free space: %w", err)
	}
	room := Room{FreeBytes: space.Free, ReserveBytes: s.kept(space)}
	if s.opt.ReserveBytes < 0 {
		return room, nil
	}
	r := &s.space
	r.mu.Lock()
	defer r.mu.Unlock()
	above := room.FreeBytes - room.ReserveBytes
	room.Low = above < 0 || r.low && above < r.wanted
	return room, nil
}
