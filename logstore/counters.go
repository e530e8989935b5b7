package logstore

import (
	"maps"
	"slices"
	"sync/atomic"

	"moldau/logstore/latency"
)

// Counters are what a store did since it was opened. They rise only, whatever
// becomes of the logs that they are about.
type Counters struct {
	Appends       int64 // that were written; duplicates and what was refused are not
	Batches       int64 // of those
	AppendedBytes int64 // of those

	// Syncs are those that made appended data durable, each shared by all who
	// waited, by how long they took on Options.Clock. Those that failed are in it:
	// each has poisoned its log.
	Syncs        latency.Snapshot
	SyncFailures int64

	JournalCommits int64 // syncs of the journal, each of several logs
	JournalBytes   int64 // of those, as they are on disk
	JournalCuts    int64 // how often the logs were flushed so that it can go on

	// Of the logs that were opened after an unclean close.
	RecoveredLogs int64
	ScannedBytes  int64
	ReplayedBytes int64 // from the journal
	CutBytes      int64

	RetiredSegments int64 // by retention, or below the start offset
	RetiredBytes    int64
	// Of compactions. What is read for its keys is read again for its records.
	Compactions            int64 // of a log each
	CompactionFailures     int64
	CompactionReadBytes    int64
	CompactionWrittenBytes int64
	CompactionRemoved      int64 // records

	// Of logs that were not used for the longest, when Options.OpenFilesMax was passed.
	ShedLogs  int64 // how often a log's files were closed
	ShedFiles int64

	HousekeepingFailures int64 // background work that had to be tried again
}

// counters belong to the store, so that appends to one log need not be added up
// over logs that come and go.
type counters struct {
	appends, batches, appendedBytes atomic.Int64
	syncs                           latency.Histogram
	syncFailures                    atomic.Int64
	journalCommits, journalBytes    atomic.Int64
	journalCuts                     atomic.Int64
	recoveredLogs, scannedBytes     atomic.Int64
	replayedBytes, cutBytes         atomic.Int64
	retiredSegments, retiredBytes   atomic.Int64
	compactionCount                 atomic.Int64
	compactionFailures              atomic.Int64
	compactionRead                  atomic.Int64 // bytes
	compactionWritten               atomic.Int64 // bytes
	compactionRemoved               atomic.Int64 // records
	shedLogs, shedFiles             atomic.Int64
	housekeepingFailures            atomic.Int64
}

// Counters reads the counters, one after the other.
func (s *Store) Counters() Counters {
	c := &s.counters
	return Counters{
		Appends:                c.appends.Load(),
		Batches:                c.batches.Load(),
		AppendedBytes:          c.appendedBytes.Load(),
		Syncs:                  c.syncs.Snapshot(),
		SyncFailures:           c.syncFailures.Load(),
		JournalCommits:         c.journalCommits.Load(),
		JournalBytes:           c.journalBytes.Load(),
		JournalCuts:            c.journalCuts.Load(),
		RecoveredLogs:          c.recoveredLogs.Load(),
		ScannedBytes:           c.scannedBytes.Load(),
		ReplayedBytes:          c.replayedBytes.Load(),
		CutBytes:               c.cutBytes.Load(),
		RetiredSegments:        c.retiredSegments.Load(),
		RetiredBytes:           c.retiredBytes.Load(),
		Compactions:            c.compactionCount.Load(),
		CompactionFailures:     c.compactionFailures.Load(),
		CompactionReadBytes:    c.compactionRead.Load(),
		CompactionWrittenBytes: c.compactionWritten.Load(),
		CompactionRemoved:      c.compactionRemoved.Load(),
		ShedLogs:               c.shedLogs.Load(),
		ShedFiles:              c.shedFiles.Load(),
		HousekeepingFailures:   c.housekeepingFailures.Load(),
	}
}

// emit counts an event and tells it.
func (s *Store) emit(event Event) {
	c := &s.counters
	switch e := event.(type) {
	case LogRecovered:
		c.recoveredLogs.Add(1)
		c.scannedBytes.Add(e.BytesScanned)
		c.replayedBytes.Add(e.BytesReplayed)
		c.cutBytes.Add(e.BytesCut)
	case SegmentsRetired:
		c.retiredSegments.Add(int64(e.Segments))
		c.retiredBytes.Add(e.Bytes)
	case LogCompacted:
		c.compactionCount.Add(1)
	case CompactionFailed:
		c.compactionFailures.Add(1)
	case HousekeepingFailed:
		c.housekeepingFailures.Add(1)
	}
	s.opt.Events(event)
}

// Usage is what a store holds.
type Usage struct {
	Logs      int // that can be used
	OpenLogs  int // of these, those that may have files open
	OpenFiles int // of segments
	Segments  int
	Bytes     int64 // of the segments' data, without indexes
	Poisoned  int   // logs that take no more appends
	Broken    int   // logs on disk that could not be opened
}

// Usage adds up all logs. It takes no log's lock, and the store's only for as
// long as it takes to list them.
func (s *Store) Usage() Usage {
	s.mu.RLock()
	u := Usage{Broken: len(s.broken), OpenLogs: s.openFiles.listed(), OpenFiles: int(s.openFiles.count.Load())}
	logs := slices.AppendSeq(make([]*Log, 0, len(s.logs)), maps.Values(s.logs))
	s.mu.RUnlock()
	for _, l := range logs {
		if l == nil { // being created
			continue
		}
		u.Logs++
		for _, segment := range l.view.Load().segments {
			u.Segments++
			u.Bytes += segment.size()
		}
		if l.failure() != nil {
			u.Poisoned++
		}
	}
	return u
}
