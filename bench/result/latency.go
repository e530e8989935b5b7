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

// Into adds the usual percentiles to a block's metrics.
func (l *Latency) Into(metrics map[Metric]float64) {
	if l.TotalCount() == 0 {
		return
	}
	for m, percentile := range map[Metric]float64{P50: 50, P99: 99, P999: 99.9, Max: 100} {
		metrics[m] = l.Ms(percentile)
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
