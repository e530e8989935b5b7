package wire

import (
	"sync"
	"time"
)

// rate gives out turns: so many a second, and as many at once when none was
// taken for a second.
type rate struct {
	mu        sync.Mutex
	perSecond float64
	free      float64 // turns; below 0 are those promised for later
	at        time.Time
}

func newRate(perSecond int, now time.Time) *rate {
	return &rate{perSecond: float64(perSecond), free: float64(perSecond), at: now}
}

// take takes a turn and tells how long it is until it comes.
func (r *rate) take(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(now)
	r.free--
	if r.free >= 0 {
		return 0
	}
	return time.Duration(-r.free / r.perSecond * float64(time.Second))
}

// change keeps what was promised.
func (r *rate) change(perSecond int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(now)
	r.perSecond = float64(perSecond)
	r.free = min(r.free, r.perSecond)
}

// advance is called with mu held. A clock that goes back costs nobody a turn.
func (r *rate) advance(now time.Time) {
	r.free = min(r.perSecond, r.free+max(0, now.Sub(r.at).Seconds())*r.perSecond)
	r.at = now
}
