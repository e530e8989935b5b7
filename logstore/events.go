package logstore

import "time"

// Event is something the engine did by itself, told to Options.Events. The
// engine never logs; whoever embeds it decides what is worth a line.
type Event interface{ event() }

// LogRecovered tells what opening a log after an unclean close found.
type LogRecovered struct {
	Log                TopicPartition
	RecoveryPoint, End int64 // offsets: scanned from, valid up to
	BytesScanned       int64
	BytesReplayed      int64 // from the journal, which the log's own files had lost
	BytesCut           int64 // behind the last valid batch, or in segments behind a bad one
	Reason             error // why bytes were cut; nil where none were
	// Kept names the files that hold what was cut, where a whole batch is in it:
	// a torn tail has none, unless pages reached the disk out of order.
	Kept []string
}

// LogNotOpened tells that a log on disk could not be opened. Its files were not
// touched any further, and the next open, or [Store.Reopen], replays what the journal
// held of it.
type LogNotOpened struct {
	Log TopicPartition
	Err error
}

// LogReopened tells that a log which could not be opened is open, by [Store.Reopen].
type LogReopened struct{ Log TopicPartition }

// CheckpointIgnored tells that a checkpoint file could not be read; every log
// is then scanned from its first segment.
type CheckpointIgnored struct {
	File string
	Err  error
}

// ManifestIgnored tells that the manifest could not be read. Every log is
// scanned, by what Kafka's checkpoint files say of it.
type ManifestIgnored struct{ Err error }

// JournalCorrupt tells that a record of the journal has rotted. Its log takes no
// appends until it is repaired, or, where nobody knows whose it was, every log
// that was not at rest.
type JournalCorrupt struct{ Err error }

// SegmentsRetired tells that retention dropped segments.
type SegmentsRetired struct {
	Log      TopicPartition
	Reason   string // "start offset", "retention.bytes", "retention.ms"
	Segments int
	Bytes    int64
	Start    int64 // the log's start offset now
}

// LogCompacted tells what a compaction of a log did.
type LogCompacted struct {
	Log            TopicPartition
	From, Upto     int64 // offsets: what was dirty, and is not any more
	Rounds         int   // the key map did not hold all keys at once if more than one
	MapUsed        float64
	BytesMapped    int64 // read for their keys
	BytesRead      int64
	BytesWritten   int64
	RecordsRead    int64
	RecordsRemoved int64
	Keyless        int64 // of these, without a key
	// Undecoded is how many batches were left as they are because they cannot be
	// read, and UndecodedErr why the first cannot.
	Undecoded    int
	UndecodedErr error
	Took         time.Duration // on Options.Clock
}

// CompactionFailed tells of a compaction that will be tried again. The log goes
// on without.
type CompactionFailed struct {
	Log      TopicPartition
	Err      error
	Failures int   // in a row
	RetryMs  int64 // from now
}

// LogPoisoned tells that a log takes no more appends.
type LogPoisoned struct {
	Log TopicPartition
	Err error
}

// HousekeepingFailed tells of background work that will be tried again.
type HousekeepingFailed struct {
	Log  TopicPartition // zero for the store itself
	Work string
	Err  error
	// Repeated tells that the same piece of work failed in the same way when it was
	// last tried.
	Repeated bool
}

// HousekeepingResumed tells that a piece of work is done of which
// HousekeepingFailed told.
type HousekeepingResumed struct {
	Log  TopicPartition // zero for the store itself
	Work string
}

func (LogNotOpened) event()        {}
func (LogReopened) event()         {}
func (LogRecovered) event()        {}
func (CheckpointIgnored) event()   {}
func (ManifestIgnored) event()     {}
func (JournalCorrupt) event()      {}
func (SegmentsRetired) event()     {}
func (LogCompacted) event()        {}
func (CompactionFailed) event()    {}
func (LogPoisoned) event()         {}
func (HousekeepingFailed) event()  {}
func (HousekeepingResumed) event() {}
