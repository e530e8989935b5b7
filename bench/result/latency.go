package result

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"moldau/bench/yardstick"
)

// Latencies are kept from one microsecond to a minute, with three significant
// digits.
const (
	latencyMinUs, latencyMaxUs = 1, 60_000_000
	latencyDigits              = 3
)

// Latency is a histogram of microseconds, kept as HdrHistogram's compressed base64.
type Latency struct{ *hdrhistogram.Histogram }

// NewLatency is empty.
func NewLatency() *Latency {
	return &Latency{hdrhistogram.New(latencyMinUs, latencyMaxUs, latencyDigits)}
}

// Record takes one latency; what is longer than a minute counts as one.
func (l *Latency) Record(d time.Duration) {
	_ = l.RecordValue(min(max(d.Microseconds(), latencyMinUs), latencyMaxUs))
}

// Ms is a percentile in milliseconds.
func (l *Latency) Ms(percentile float64) float64 {
	return float64(l.ValueAtQuantile(percentile)) / 1000
}

// Step is the largest of the windows' percentiles over their median: 1 where none
// differs, and large where latency took a step in one of them.
func Step(windows []*Latency, percentile float64) float64 {
	var all []float64
	for _, w := range windows {
		all = append(all, w.Ms(percentile))
	}
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all) / yardstick.Median(all)
}

// beyondMin is how many values have to lie beyond a percentile for it to be told:
// with fewer it is the place of two or three of them, and another in every block.
const beyondMin = 10

// Tells is whether there are enough values for a percentile.
func (l *Latency) Tells(percentile float64) bool {
	// A thousandth more, for 100-99.9 is less than 0.1.
	return l != nil && float64(l.TotalCount())*(100-percentile)/100*1.001 >= beyondMin
}

// Into adds the usual percentiles to a block's metrics, of which it has values
// enough: a block of 5,000 requests has no p99.9.
func (l *Latency) Into(metrics map[Metric]float64) {
	l.IntoAs(metrics, P50, P99, P999)
	if l.TotalCount() > 0 {
		metrics[Max] = l.Ms(100)
	}
}

// IntoAs is Into under other names, without the longest.
func (l *Latency) IntoAs(metrics map[Metric]float64, p50, p99, p999 Metric) {
	for m, percentile := range map[Metric]float64{p50: 50, p99: 99, p999: 99.9} {
		if l.Tells(percentile) {
			metrics[m] = l.Ms(percentile)
		}
	}
}

// MarshalText is the histogram in HdrHistogram's own encoding.
func (l *Latency) MarshalText() ([]byte, error) {
	return l.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// UnmarshalText reads it.
func (l *Latency) UnmarshalText(b []byte) (err error) {
	l.Histogram, err = hdrhistogram.Decode(b)
	return err
}
