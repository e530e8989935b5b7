package plot

import (
	"math"
	"slices"
	"strings"

	gonum "gonum.org/v1/plot"

	"moldau/bench/report/figure"
)

// logTicks are labelled at 1, 2 and 5 of each power of ten, or only at powers if
// there would be too many.
func logTicks(low, high float64) []gonum.Tick {
	labelled := []float64{1, 2, 5}
	if math.Log10(high/low) > 3 {
		labelled = []float64{1}
	}
	var ticks []gonum.Tick
	for power := math.Floor(math.Log10(low)); power <= math.Ceil(math.Log10(high)); power++ {
		for digit := 1.0; digit < 10; digit++ {
			t := gonum.Tick{Value: digit * math.Pow(10, power)}
			if t.Value < low*0.9999 || t.Value > high*1.0001 {
				continue
			}
			if slices.Contains(labelled, digit) {
				t.Label = plain(t.Value)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// linearTicks are four to ten round numbers.
func linearTicks(low, high float64) []gonum.Tick {
	step := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, finer := range []float64{1, 0.5, 0.2, 0.1} {
		if (high-low)/(step*finer) >= 4 {
			step *= finer
			break
		}
	}
	var ticks []gonum.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		ticks = append(ticks, gonum.Tick{Value: i * step, Label: plain(i * step)})
	}
	return ticks
}

// plain is a round number without zeros behind its point.
func plain(x float64) string {
	s := figure.Number(x)
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// percentileTicks are the scale of one in N: where the axis is N, each percentile
// has as much room as its tail is rare.
func percentileTicks(low, high float64) []gonum.Tick {
	all := []gonum.Tick{
		{Value: 2, Label: "50"}, {Value: 10, Label: "90"}, {Value: 100, Label: "99"}, {Value: 1_000, Label: "99.9"},
		{Value: 10_000, Label: "99.99"}, {Value: 100_000, Label: "99.999"}, {Value: 1_000_000, Label: "99.9999"},
	}
	return slices.DeleteFunc(all, func(t gonum.Tick) bool { return t.Value < low || t.Value > high })
}

// bounds widens a range of a log axis to whole ticks on both sides.
func bounds(low, high float64) (float64, float64) {
	step := func(x float64, up bool) float64 {
		power := math.Pow(10, math.Floor(math.Log10(x)))
		digits := []float64{1, 2, 5, 10}
		if !up {
			slices.Reverse(digits)
		}
		for _, d := range digits {
			if up && d*power >= x*0.9999 || !up && d*power <= x*1.0001 {
				return d * power
			}
		}
		return x
	}
	low, high = step(low, false), step(high, true)
	if low == high {
		low, high = low/2, high*2
	}
	return low, high
}
