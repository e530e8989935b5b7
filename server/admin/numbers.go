package admin

import (
	"github.com/prometheus/client_golang/prometheus"

	"moldau/logstore/latency"
)

// number is one of those of which there is a fixed number, however much is
// served. S is what it is read off.
type number[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*S) int64
}

// counting rises, and begins at 0 with the broker's process.
func counting[S any](name, help string, value func(*S) int64, labels ...string) number[S] {
	return number[S]{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue, value}
}

// countingFor is one of several numbers that a label tells apart.
func countingFor[S any](name, help, label, is string, value func(*S) int64) number[S] {
	return number[S]{prometheus.NewDesc(name, help, nil, prometheus.Labels{label: is}), prometheus.CounterValue, value}
}

// standing is as large as it is now.
func standing[S any](name, help string, value func(*S) int64, labels ...string) number[S] {
	return number[S]{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, value}
}

// collect reads numbers off their source. labels are the values of what they
// were made with.
func collect[S any](numbers []number[S], of *S, to chan<- prometheus.Metric, labels ...string) {
	for i := range numbers {
		n := &numbers[i]
		to <- prometheus.MustNewConstMetric(n.desc, n.kind, float64(n.value(of)), labels...)
	}
}

func describe[S any](numbers []number[S], to chan<- *prometheus.Desc) {
	for i := range numbers {
		to <- numbers[i].desc
	}
}

// histogram is a snapshot as Prometheus wants it: each bucket counts all that
// took no longer.
func histogram(desc *prometheus.Desc, s *latency.Snapshot, labels ...string) prometheus.Metric {
	buckets, below := make(map[float64]uint64, latency.Buckets), int64(0)
	for i, n := range s.Buckets[:latency.Buckets] {
		below += n
		buckets[latency.Bound(i).Seconds()] = uint64(below)
	}
	return prometheus.MustNewConstHistogram(desc, uint64(s.Count()), s.Sum.Seconds(), buckets, labels...)
}
