package admin

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"moldau/logstore"
)

// storeState is all that is shown of a store.
type storeState struct {
	logstore.Counters
	logstore.Usage
}

var (
	ofStore = []string{"store"}

	engineNumbers = []number[storeState]{
		counting("moldau_log_appends_total", "Appends that were written, of one or more batches.", func(s *storeState) int64 { return s.Appends }, ofStore...),
		counting("moldau_log_appended_batches_total", "Batches that were written.", func(s *storeState) int64 { return s.Batches }, ofStore...),
		counting("moldau_log_appended_bytes_total", "Bytes that were written.", func(s *storeState) int64 { return s.AppendedBytes }, ofStore...),
		counting("moldau_log_sync_failures_total", "Syncs that failed, each of which poisoned a log.", func(s *storeState) int64 { return s.SyncFailures }, ofStore...),
		counting("moldau_journal_commits_total", "Syncs of the journal, each of records of several logs.", func(s *storeState) int64 { return s.JournalCommits }, ofStore...),
		counting("moldau_journal_bytes_total", "Bytes that were written to the journal.", func(s *storeState) int64 { return s.JournalBytes }, ofStore...),
		counting("moldau_journal_cuts_total", "Times that logs were flushed so that the journal could go on.", func(s *storeState) int64 { return s.JournalCuts }, ofStore...),
		counting("moldau_recovery_logs_total", "Logs that were opened after an unclean close.", func(s *storeState) int64 { return s.RecoveredLogs }, ofStore...),
		counting("moldau_recovery_scanned_bytes_total", "Bytes that recovery has scanned and found whole.", func(s *storeState) int64 { return s.ScannedBytes }, ofStore...),
		counting("moldau_recovery_replayed_bytes_total", "Bytes that recovery has put back from the journal.", func(s *storeState) int64 { return s.ReplayedBytes }, ofStore...),
		counting("moldau_recovery_cut_bytes_total", "Bytes that recovery has cut off.", func(s *storeState) int64 { return s.CutBytes }, ofStore...),
		counting("moldau_retention_segments_total", "Segments that were retired, by age, size or deleted records.", func(s *storeState) int64 { return s.RetiredSegments }, ofStore...),
		counting("moldau_retention_bytes_total", "Bytes of the segments that were retired.", func(s *storeState) int64 { return s.RetiredBytes }, ofStore...),
		counting("moldau_housekeeping_failures_total", "Background work on logs that failed and was to be tried again.", func(s *storeState) int64 { return s.HousekeepingFailures }, ofStore...),

		standing("moldau_logs", "Logs that are open.", func(s *storeState) int64 { return int64(s.Logs) }, ofStore...),
		standing("moldau_log_segments", "Segments of all open logs.", func(s *storeState) int64 { return int64(s.Segments) }, ofStore...),
		standing("moldau_log_size_bytes", "Bytes of all segments, without indexes.", func(s *storeState) int64 { return s.Bytes }, ofStore...),
		standing("moldau_log_poisoned", "Logs that take no more records until the broker starts again.", func(s *storeState) int64 { return int64(s.Poisoned) }, ofStore...),
		standing("moldau_log_unopened", "Logs on disk that could not be opened.", func(s *storeState) int64 { return int64(s.Broken) }, ofStore...),
	}

	syncDesc = prometheus.NewDesc("moldau_log_sync_duration_seconds", "Time of a sync that made records durable, for all who waited.", ofStore, nil)
)

// engineCollector reads the stores' counters when it is asked.
type engineCollector struct{ sources *atomic.Pointer[Sources] }

func (c *engineCollector) Describe(to chan<- *prometheus.Desc) {
	describe(engineNumbers, to)
	to <- syncDesc
}

func (c *engineCollector) Collect(to chan<- prometheus.Metric) {
	sources := c.sources.Load()
	if sources == nil {
		return
	}
	for _, s := range sources.Stores {
		state := storeState{s.Store.Counters(), s.Store.Usage()}
		collect(engineNumbers, &state, to, s.Name)
		to <- histogram(syncDesc, &state.Syncs, s.Name)
	}
}
