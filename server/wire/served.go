package wire

import (
	"sync/atomic"
	"time"

	"moldau/logstore/latency"
)

// apiKeysMax is above every API key that a handler serves.
const apiKeysMax = 128

// served is how long requests took, by API key. A request is served when its
// response has been written, or waits encoded for others to share a write with.
type served struct {
	began time.Time // of the server: requests are timed by what has passed since
	took  [apiKeysMax]latency.Histogram
	busy  atomic.Int32 // connections of which requests are being read or served
}

func (s *served) now() time.Duration { return time.Since(s.began) }

func (s *served) observe(key int16, since time.Duration) {
	if key >= 0 && key < apiKeysMax {
		s.took[key].Observe(s.now() - since)
	}
}

// Requests calls yield with the key of each API that was served, and how long
// its requests took: from their last byte to their response, waits that the
// client asked for included. Requests that ended their connection are not in it.
func (s *Server) Requests(yield func(key int16, took latency.Snapshot)) {
	for key := range s.served.took {
		if took := s.served.took[key].Snapshot(); took.Count() > 0 {
			yield(int16(key), took)
		}
	}
}
