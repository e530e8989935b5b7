package pace_test

import (
	"math"
	"testing"
	"time"

	"moldau/bench/pace"
)

func TestEvenTimesDoNotDrift(t *testing.T) {
	s := pace.NewSchedule(pace.Plan{PerSecond: 3})
	for i := range 3_000_000 {
		at := s.Next()
		if i == 0 && at != 0 {
			t.Fatalf("the first is due at %v", at)
		}
		if i == 2_999_997 && (at-999_999*time.Second).Abs() > time.Microsecond {
			t.Fatalf("time %d is %v", i, at)
		}
	}
}

// The gaps have the rate as their mean, and a spread as large as it: what makes a
// Poisson process.
func TestPoissonTimes(t *testing.T) {
	const perSecond, n = 2000, 200_000
	s := pace.NewSchedule(pace.Plan{PerSecond: perSecond, Poisson: true, Seed: 7})
	var sum, squares float64
	last := time.Duration(0)
	for range n {
		at := s.Next()
		gap := (at - last).Seconds()
		if gap < 0 {
			t.Fatal("times go back")
		}
		last = at
		sum += gap
		squares += gap * gap
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean*perSecond-1) > 0.02 || math.Abs(deviation*perSecond-1) > 0.02 {
		t.Errorf("mean %v, deviation %v, both must be near %v s", mean, deviation, 1.0/perSecond)
	}
}

func TestSeedsDecide(t *testing.T) {
	times := func(seed uint64) (all [100]time.Duration) {
		s := pace.NewSchedule(pace.Plan{PerSecond: 10, Poisson: true, Seed: seed})
		for i := range all {
			all[i] = s.Next()
		}
		return all
	}
	if times(1) != times(1) {
		t.Error("one seed, two schedules")
	}
	if times(1) == times(2) {
		t.Error("two seeds, one schedule")
	}
}

// All shares together are the schedule, in turn.
func TestSharesAreTheSchedule(t *testing.T) {
	for _, plan := range []pace.Plan{{PerSecond: 1000}, {PerSecond: 1000, Poisson: true, Seed: 3}} {
		const n = 7
		whole := pace.NewSchedule(plan)
		var shares [n]*pace.Share
		for i := range shares {
			shares[i] = pace.NewShare(plan, i, n)
		}
		for i := range 10 * n {
			if want, got := whole.Next(), shares[i%n].Next(); got != want {
				t.Fatalf("%+v: time %d is %v, and %v of its share", plan, i, want, got)
			}
		}
	}
}
