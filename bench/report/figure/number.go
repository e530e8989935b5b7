package figure

import (
	"math"
	"strconv"
	"strings"
)

// Number has three significant digits, or all before the point, with a comma for
// every thousand: what a benchmark of a few blocks can tell, and no more.
func Number(x float64) string {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	// Rounded first, so that 9.996 has the digits of 10.0.
	digits := 2 - int(math.Floor(math.Log10(math.Abs(x))))
	if digits > 0 {
		scale := math.Pow10(digits)
		if rounded := math.Round(x*scale) / scale; math.Floor(math.Log10(math.Abs(rounded))) > math.Floor(math.Log10(math.Abs(x))) {
			digits--
		}
	}
	return grouped(strconv.FormatFloat(x, 'f', max(0, digits), 64))
}

// grouped puts commas between thousands.
func grouped(s string) string {
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if point {
		b.WriteString("." + fraction)
	}
	return sign + b.String()
}
