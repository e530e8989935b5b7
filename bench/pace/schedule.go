package pace

import (
	"math/rand/v2"
	"time"
)

// Plan says what a schedule is like.
type Plan struct {
	PerSecond float64 // on average
	Poisson   bool    // gaps at random, exponentially distributed; otherwise all are equal
	Seed      uint64  // of the gaps
}

// Schedule tells the times of a plan, one after the other, from its beginning.
type Schedule struct {
	plan   Plan
	random *rand.Rand
	index  int64   // of the next time
	at     float64 // the last one's in seconds, of a Poisson schedule
}

// NewSchedule begins a schedule. All of one plan are alike.
func NewSchedule(p Plan) *Schedule {
	return &Schedule{plan: p, random: rand.New(rand.NewPCG(p.Seed, 0x9e3779b97f4a7c15))}
}

// Next is the next time. Evenly spaced ones do not add up rounding errors.
func (s *Schedule) Next() time.Duration {
	if s.plan.Poisson {
		s.at += s.random.ExpFloat64() / s.plan.PerSecond
		s.index++
		return time.Duration(s.at * float64(time.Second))
	}
	at := time.Duration(float64(s.index) / s.plan.PerSecond * float64(time.Second))
	s.index++
	return at
}

// Share tells every nth time only, beginning with the one of that index: what one
// of n has to do that take turns.
type Share struct {
	schedule    *Schedule
	first, step int64
}

// NewShare begins one share of a plan's times.
func NewShare(p Plan, first, n int) *Share {
	return &Share{NewSchedule(p), int64(first), int64(n)}
}

// Next is the share's next time.
func (s *Share) Next() time.Duration {
	for s.schedule.index%s.step != s.first {
		s.schedule.Next()
	}
	return s.schedule.Next()
}
