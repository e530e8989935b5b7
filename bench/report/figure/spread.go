package figure

import (
	"fmt"
	"slices"

	"moldau/bench/yardstick"
)

// Spread is the middle and both ends of some values; N is 0 without any.
type Spread struct {
	Median, Least, Most float64
	N                   int
}

// SpreadOf sums values up.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	return Spread{yardstick.Median(values), slices.Min(values), slices.Max(values), len(values)}
}

// Middle is the median, "-" without a value.
func (s Spread) Middle() string {
	if s.N == 0 {
		return "-"
	}
	return Number(s.Median)
}

// Range is "1.19-1.75", "" with fewer than two values.
func (s Spread) Range() string {
	if s.N < 2 {
		return ""
	}
	return Number(s.Least) + "-" + Number(s.Most)
}

// String is "1.34 (1.19-1.75)", "-" without a value.
func (s Spread) String() string {
	if s.N < 2 {
		return s.Middle()
	}
	return fmt.Sprintf("%s (%s)", s.Middle(), s.Range())
}

// Interval holds the true median with Confidence, a probability.
type Interval struct {
	Median, Low, High float64
	Confidence        float64
	N                 int
}

// wanted is the confidence that an interval is to have, if there are enough values.
const wanted = 0.95

// IntervalOf is the narrowest interval between the k-th least and the k-th most of
// the values whose confidence is at least 95 %. With fewer than six values there is
// none: it is then all of them, with what confidence that has, 75 % for three and
// 94 % for five.
func IntervalOf(values []float64) Interval {
	n := len(values)
	if n == 0 {
		return Interval{}
	}
	sorted := slices.Sorted(slices.Values(values))
	k := 1
	for k+1 <= n/2 && coverage(n, k+1) >= wanted {
		k++
	}
	return Interval{yardstick.Median(values), sorted[k-1], sorted[n-k], coverage(n, k), n}
}

// coverage is the probability that the median lies between the k-th least and the
// k-th most of n values: it does not if fewer than k fell on one of its sides, each
// with the probability of heads.
func coverage(n, k int) float64 {
	outside, choose := 0.0, 1.0
	for i := range k {
		outside += choose
		choose = choose * float64(n-i) / float64(i+1)
	}
	for range n {
		outside /= 2
	}
	return max(0, 1-2*outside)
}

// spread is the interval as if it were one.
func (i Interval) spread() Spread { return Spread{i.Median, i.Low, i.High, i.N} }

// Middle, Range and String are as those of a [Spread].
func (i Interval) Middle() string { return i.spread().Middle() }
func (i Interval) Range() string  { return i.spread().Range() }
func (i Interval) String() string { return i.spread().String() }

// Percent is the confidence in words, "94 %".
func (i Interval) Percent() string { return fmt.Sprintf("%.0f %%", 100*i.Confidence) }

// Full is the interval with its confidence, "0.462 (0.381-0.536, 94 %)".
func (i Interval) Full() string {
	if i.N < 2 {
		return i.Middle()
	}
	return fmt.Sprintf("%s (%s, %s)", i.Middle(), i.Range(), i.Percent())
}
