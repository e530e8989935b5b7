package server

import (
	"context"
	"log/slog"

	"moldau/logstore"
)

// logEvent writes down what the engine did by itself. It is called on the
// engine's goroutines.
func (s *Server) logEvent(event logstore.Event) {
	l := s.logger
	switch e := event.(type) {
	case logstore.LogRecovered:
		level := slog.LevelInfo
		if len(e.Kept) > 0 {
			// A torn tail has no whole batch in it: this is damage, or pages that
			// reached the disk out of order.
			level = slog.LevelError
		}
		l.Log(context.Background(), level, "log recovered after an unclean close", "log", e.Log.String(), "from", e.RecoveryPoint, "end", e.End,
			"bytesScanned", e.BytesScanned, "bytesReplayed", e.BytesReplayed, "bytesCut", e.BytesCut, "reason", e.Reason, "kept", e.Kept)
	case logstore.LogNotOpened:
		l.Error("log cannot be opened, its partition is offline", "log", e.Log.String(), "err", e.Err)
	case logstore.LogReopened:
		l.Info("log that could not be opened is open", "log", e.Log.String())
	case logstore.CheckpointIgnored:
		l.Warn("checkpoint file is of no use and every log is scanned", "file", e.File, "err", e.Err)
	case logstore.ManifestIgnored:
		// This is rot. What another program has worked on is taken over silently.
		l.Error("manifest is of no use and every log is scanned", "err", e.Err)
	case logstore.JournalCorrupt:
		l.Error("journal has rotted, logs that lack what it held take no appends", "err", e.Err)
	case logstore.SegmentsRetired:
		l.Info("segments retired", "log", e.Log.String(), "for", e.Reason, "segments", e.Segments, "bytes", e.Bytes, "start", e.Start)
	case logstore.LogCompacted:
		level := slog.LevelInfo
		if e.Undecoded > 0 {
			level = slog.LevelError // rot, or what an unpacking limit keeps from being read
		}
		l.Log(context.Background(), level, "log compacted", "log", e.Log.String(), "from", e.From, "upto", e.Upto, "rounds", e.Rounds, "took", e.Took,
			"bytesMapped", e.BytesMapped, "bytesRead", e.BytesRead, "bytesWritten", e.BytesWritten, "records", e.RecordsRead, "removed", e.RecordsRemoved, "keyless", e.Keyless,
			"undecoded", e.Undecoded, "err", e.UndecodedErr)
	case logstore.CompactionFailed:
		l.Error("compaction failed and will be tried again", "log", e.Log.String(), "failures", e.Failures, "retryMs", e.RetryMs, "err", e.Err)
	case logstore.LogPoisoned:
		l.Error("log takes no more appends until the next start", "log", e.Log.String(), "err", e.Err)
	case logstore.HousekeepingFailed:
		if !e.Repeated { // it is tried every few seconds, for as long as a disk is full
			l.Error("background work failed and will be tried again", "log", e.Log.String(), "work", e.Work, "err", e.Err)
		}
	case logstore.HousekeepingResumed:
		l.Info("background work that failed is done", "log", e.Log.String(), "work", e.Work)
	default:
		l.Info("engine event", "event", event)
	}
}

// logCounters writes down what went over the wire, of which sendfile's share is
// what the zero-copy path is judged by.
func (s *Server) logCounters() {
	c, sessions := s.wire.Counters(), s.broker.FetchSessions()
	s.logger.Info("clients served",
		"connections", c.Accepted, "refused", c.Refused, "delayed", c.Delayed,
		"idle", c.Idle, "stalledSending", c.StalledSending, "stalledReading", c.StalledReading, "handshakesFailed", c.HandshakesFailed,
		"requests", c.Frames, "rejected", c.Rejected,
		"bytesIn", c.BytesIn, "bytesOut", c.BytesOut,
		"sendfileBytes", c.SendfileBytes, "copiedBytes", c.CopiedBytes,
		"fetchSessions", sessions.Created, "fetchesInSessions", sessions.Incremental)
}
