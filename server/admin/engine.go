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
	compaction logstore.CompactionStatus
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
		counting("moldau_compactions_total", "Compactions of a log.", func(s *storeState) int64 { return s.Compactions }, ofStore...),
		counting("moldau_compaction_failures_total", "Compactions that failed and were to be tried again.", func(s *storeState) int64 { return s.CompactionFailures }, ofStore...),
		counting("moldau_compaction_read_bytes_total", "Bytes that compactions have read, those with new keys two times.", func(s *storeState) int64 { return s.CompactionReadBytes }, ofStore...),
		counting("moldau_compaction_written_bytes_total", "Bytes that compactions have written.", func(s *storeState) int64 { return s.CompactionWrittenBytes }, ofStore...),
		counting("moldau_compaction_removed_records_total", "Records that compactions have removed.", func(s *storeState) int64 { return s.CompactionRemoved }, ofStore...),
		counting("moldau_logs_shed_total", "Times that the files of a log were closed because it was not used.", func(s *storeState) int64 { return s.ShedLogs }, ofStore...),
		counting("moldau_housekeeping_failures_total", "Background work on logs that failed and was to be tried again.", func(s *storeState) int64 { return s.HousekeepingFailures }, ofStore...),

		standing("kafka_log_logcleanermanager_time_since_last_run_ms", "Milliseconds since logs to compact were looked for.", func(s *storeState) int64 { return s.compaction.SinceLooked.Milliseconds() }, ofStore...),
		standing("kafka_log_logcleanermanager_max_dirty_percent", "Share of the dirtiest compacted log that was not compacted, in per cent.", func(s *storeState) int64 { return int64(100 * s.compaction.DirtiestRatio) }, ofStore...),
		standing("kafka_log_logcleanermanager_uncleanable_partitions_count", "Logs whose compaction fails.", func(s *storeState) int64 { return int64(s.compaction.Failing) }, ofStore...),
		standing("kafka_log_logcleanermanager_uncleanable_bytes", "Bytes of these that were not compacted.", func(s *storeState) int64 { return s.compaction.FailingBytes }, ofStore...),
		standing("kafka_log_logcleaner_max_compaction_delay_secs", "Seconds by which a log exceeds max.compaction.lag.ms, at most.", func(s *storeState) int64 { return int64(s.compaction.Overdue.Seconds()) }, ofStore...),
		standing("kafka_log_logcleaner_max_clean_time_secs", "Seconds that the last compaction took.", func(s *storeState) int64 { return int64(s.lastCompaction().Took.Seconds()) }, ofStore...),
		standing("kafka_log_logcleaner_cleaner_recopy_percent", "What the last compaction has written of what it has read, in per cent.", func(s *storeState) int64 {
			last := s.lastCompaction()
			return 100 * last.BytesWritten / max(last.BytesRead, 1)
		}, ofStore...),
		standing("kafka_log_logcleaner_max_buffer_utilization_percent", "How full the last compaction had the memory for its keys, in per cent.", func(s *storeState) int64 { return int64(100 * s.lastCompaction().MapUsed) }, ofStore...),

		standing("moldau_logs", "Logs that can be used.", func(s *storeState) int64 { return int64(s.Logs) }, ofStore...),
		standing("moldau_log_open_files", "Segments' files that are open.", func(s *storeState) int64 { return int64(s.OpenFiles) }, ofStore...),
		standing("moldau_logs_in_use", "Logs that have files open.", func(s *storeState) int64 { return int64(s.OpenLogs) }, ofStore...),
		standing("moldau_log_segments", "Segments of all open logs.", func(s *storeState) int64 { return int64(s.Segments) }, ofStore...),
		standing("moldau_log_size_bytes", "Bytes of all segments, without indexes.", func(s *storeState) int64 { return s.Bytes }, ofStore...),
		standing("moldau_log_poisoned", "Logs that take no more records until the broker starts again.", func(s *storeState) int64 { return int64(s.Poisoned) }, ofStore...),
		standing("moldau_log_unopened", "Logs on disk that could not be opened.", func(s *storeState) int64 { return int64(s.Broken) }, ofStore...),
	}

	spaceNumbers = []number[logstore.Room]{
		standing("moldau_disk_free_bytes", "Free bytes of the file system that the store is on.", func(r *logstore.Room) int64 { return r.FreeBytes }, ofStore...),
		standing("moldau_disk_reserve_bytes", "Bytes of it that are kept free of records.", func(r *logstore.Room) int64 { return r.ReserveBytes }, ofStore...),
		standing("moldau_disk_reserve_reached", "1 while records are refused because no more than the reserve is free.", func(r *logstore.Room) int64 {
			if r.Low {
				return 1
			}
			return 0
		}, ofStore...),
	}

	syncDesc = prometheus.NewDesc("moldau_log_sync_duration_seconds", "Time of a sync that made records durable, for all who waited.", ofStore, nil)
)

// lastCompaction is the last of the store, or one that did nothing.
func (s *storeState) lastCompaction() logstore.LogCompacted {
	if s.compaction.Last == nil {
		return logstore.LogCompacted{}
	}
	return *s.compaction.Last
}

// engineCollector reads the stores' counters when it is asked.
type engineCollector struct{ sources *atomic.Pointer[Sources] }

func (c *engineCollector) Describe(to chan<- *prometheus.Desc) {
	describe(engineNumbers, to)
	describe(spaceNumbers, to)
	to <- syncDesc
}

func (c *engineCollector) Collect(to chan<- prometheus.Metric) {
	sources := c.sources.Load()
	if sources == nil {
		return
	}
	for _, s := range sources.Stores {
		state := storeState{s.Store.Counters(), s.Store.Usage(), s.Store.Compaction()}
		collect(engineNumbers, &state, to, s.Name)
		if room, err := s.Store.Room(); err == nil { // unknown, and not 0, where it cannot be told
			collect(spaceNumbers, &room, to, s.Name)
		}
		to <- histogram(syncDesc, &state.Syncs, s.Name)
	}
}
