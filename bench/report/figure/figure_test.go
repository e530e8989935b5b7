package figure_test

import (
	"math"
	"testing"

	"moldau/bench/report/figure"
)

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1.339: "1.34", 9.996: "10.0", 0.03349: "0.0335", 99.96: "100", 720.4: "720", 36012.6: "36,013",
		1234567: "1,234,567", -1234.5: "-1,234", -0.5: "-0.500", 0.9996: "1.00",
	} {
		if got := figure.Number(x); got != want {
			t.Errorf("Number(%v) = %q, want %q", x, got, want)
		}
	}
}

// The confidences are those of tables of the sign test.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n          int
		low, high  float64
		confidence float64
	}{
		{1, 1, 1, 0}, {3, 1, 3, 0.75}, {5, 1, 5, 0.9375}, {6, 1, 6, 0.96875}, {8, 1, 8, 0.9921875},
		{9, 2, 8, 0.9609375}, {10, 2, 9, 0.978515625}, {12, 3, 10, 0.961425781}, {20, 6, 15, 0.958610535},
	} {
		values := make([]float64, c.n)
		for i := range values {
			values[i] = float64(c.n - i) // falling: they are sorted first
		}
		got := figure.IntervalOf(values)
		if got.Low != c.low || got.High != c.high || math.Abs(got.Confidence-c.confidence) > 1e-6 {
			t.Errorf("of %d values: %+v, want %v to %v with %v", c.n, got, c.low, c.high, c.confidence)
		}
		if values[0] != float64(c.n) {
			t.Fatal("the caller's values were sorted")
		}
	}
	if got := figure.IntervalOf(nil); got.N != 0 || got.String() != "-" {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestSpread(t *testing.T) {
	if got := figure.SpreadOf([]float64{3, 1, 2, 10}).String(); got != "2.50 (1.00-10.0)" {
		t.Error(got)
	}
}
