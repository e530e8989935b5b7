package admin

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"moldau/logstore"
	"moldau/logstore/latency"
)

// engineValue is one of the engine's numbers, of each store.
type engineValue struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(c *logstore.Counters, u *logstore.Usage) int64
}

func counterOf(name, help string, value func(c *logstore.Counters) int64) engineValue {
	return engineValue{prometheus.NewDesc(name, help, ofStore, nil), prometheus.CounterValue,
		func(c *logstore.Counters, _ *logstore.Usage) int64 { return value(c) }}
}

func gaugeOf(name, help string, value func(u *logstore.Usage) int64) engineValue {
	return engineValue{prometheus.NewDesc(name, help, ofStore, nil), prometheus.GaugeValue,
		func(_ *logstore.Counters, u *logstore.Usage) int64 { return value(u) }}
}

var (
	ofStore = []string{"store"}

	engineValues = []engineValue{
		counterOf("moldau_log_appends_total", "Appends that were written, of one or more batches.", func(c *logstore.Counters) int64 { return c.Appends }),
		counterOf("moldau_log_appended_batches_total", "Batches that were written.", func(c *logstore.Counters) int64 { return c.Batches }),
		counterOf("moldau_log_appended_bytes_total", "Bytes that were written.", func(c *logstore.Counters) int64 { return c.AppendedBytes }),
		counterOf("moldau_log_sync_failures_total", "Syncs that failed, each of which poisoned a log.", func(c *logstore.Counters) int64 { return c.SyncFailures }),
		counterOf("moldau_recovery_logs_total", "Logs that were opened after an unclean close.", func(c *logstore.Counters) int64 { return c.RecoveredLogs }),
		counterOf("moldau_recovery_scanned_bytes_total", "Bytes that recovery has scanned and found whole.", func(c *logstore.Counters) int64 { return c.ScannedBytes }),
		counterOf("moldau_recovery_cut_bytes_total", "Bytes that recovery has cut off.", func(c *logstore.Counters) int64 { return c.CutBytes }),
		counterOf("moldau_retention_segments_total", "Segments that were retired, by age, size or deleted records.", func(c *logstore.Counters) int64 { return c.RetiredSegments }),
		counterOf("moldau_retention_bytes_total", "Bytes of the segments that were retired.", func(c *logstore.Counters) int64 { return c.RetiredBytes }),
		counterOf("moldau_housekeeping_failures_total", "Background work on logs that failed and was to be tried again.", func(c *logstore.Counters) int64 { return c.HousekeepingFailures }),

		gaugeOf("moldau_logs", "Logs that are open.", func(u *logstore.Usage) int64 { return int64(u.Logs) }),
		gaugeOf("moldau_log_segments", "Segments of all open logs.", func(u *logstore.Usage) int64 { return int64(u.Segments) }),
		gaugeOf("moldau_log_size_bytes", "Bytes of all segments, without indexes.", func(u *logstore.Usage) int64 { return u.Bytes }),
		gaugeOf("moldau_log_poisoned", "Logs that take no more records until the broker starts again.", func(u *logstore.Usage) int64 { return int64(u.Poisoned) }),
		gaugeOf("moldau_log_unopened", "Logs on disk that could not be opened.", func(u *logstore.Usage) int64 { return int64(u.Broken) }),
	}

	syncDesc = prometheus.NewDesc("moldau_log_sync_duration_seconds", "Time of a sync that made records durable, for all who waited.", ofStore, nil)
)

// engineCollector reads the stores' counters when it is asked.
type engineCollector struct{ sources *atomic.Pointer[Sources] }

func (c *engineCollector) Describe(to chan<- *prometheus.Desc) {
	for i := range engineValues {
		to <- engineValues[i].desc
	}
	to <- syncDesc
}

func (c *engineCollector) Collect(to chan<- prometheus.Metric) {
	sources := c.sources.Load()
	if sources == nil {
		return
	}
	for _, s := range sources.Stores {
		counters, usage := s.Store.Counters(), s.Store.Usage()
		for i := range engineValues {
			v := &engineValues[i]
			to <- prometheus.MustNewConstMetric(v.desc, v.kind, float64(v.value(&counters, &usage)), s.Name)
		}
		to <- histogram(syncDesc, &counters.Syncs, s.Name)
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

var (
	readyDesc    = prometheus.NewDesc("moldau_ready", "Whether /ready answers 200, 1 or 0.", nil, nil)
	progressDesc = prometheus.NewDesc("moldau_start_progress_ratio", "How much of the present phase of the start is done; not there once clients are served.", []string{"phase"}, nil)
)

// startCollector tells what /ready does.
type startCollector struct{ health *Health }

func (c *startCollector) Describe(to chan<- *prometheus.Desc) {
	to <- readyDesc
	to <- progressDesc
}

func (c *startCollector) Collect(to chan<- prometheus.Metric) {
	r := c.health.Report()
	to <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, float64(oneIf(r.Ready)))
	if r.Phase != Serving {
		to <- prometheus.MustNewConstMetric(progressDesc, prometheus.GaugeValue, r.ratio, r.Phase)
	}
}
