package logstore

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"moldau/logstore/vfs"
)

// Durability says when what was appended counts as durable.
type Durability uint8

const (
	// Synced brings every append to stable storage, in offset order, sharing one
	// sync between all who wait. The high watermark follows what is durable.
	Synced Durability = iota
	// OS leaves appends in the operating system's page cache, as Apache Kafka
	// does: they survive the process, not the machine. FlushMessages, FlushMs
	// and rolls still sync. The high watermark follows the log's end.
	OS
)

// Validation says how much of a compressed client batch is checked.
type Validation uint8

const (
	// ValidateHeader checks a compressed batch's header and CRC only.
	// Uncompressed records are always walked: that costs a fraction of the CRC.
	ValidateHeader Validation = iota
	// ValidateRecords decompresses and walks every batch, as Kafka does.
	ValidateRecords
)

// TimestampType says whose time a record carries.
type TimestampType uint8

const (
	CreateTime    TimestampType = iota // the producer's
	LogAppendTime                      // the log's, at append
)

// Config is the configuration of one log. Names, units and defaults are those
// of Kafka's topic configuration; [DefaultConfig] has them. A Config is a value:
// it is copied and checked by [Store.Create] and [Log.Configure]. It is not kept on
// disk: what a log is given when the store is opened again, Options say.
type Config struct {
	Durability Durability // moldau.durability
	Validation Validation // moldau.validation

	SegmentBytes       int64 // segment.bytes, 14 to 2^31-1
	SegmentMs          int64 // segment.ms, of record time, at least 1
	SegmentJitterMs    int64 // segment.jitter.ms, subtracted at random from SegmentMs
	SegmentIndexBytes  int64 // segment.index.bytes, the most an index may hold
	IndexIntervalBytes int64 // index.interval.bytes between two index entries

	FlushMessages int64 // flush.messages, os mode only
	FlushMs       int64 // flush.ms, os mode only

	Delete            bool  // cleanup.policy holds "delete"
	Compact           bool  // cleanup.policy holds "compact"
	RetentionBytes    int64 // retention.bytes, -1 unlimited
	RetentionMs       int64 // retention.ms, -1 unlimited
	FileDeleteDelayMs int64 // file.delete.delay.ms between rename and unlink

	// Of logs with Compact.
	MinCleanableDirtyRatio float64 // min.cleanable.dirty.ratio, 0 to 1, of bytes not compacted yet to all
	MinCompactionLagMs     int64   // min.compaction.lag.ms, of record time, before which no record goes
	MaxCompactionLagMs     int64   // max.compaction.lag.ms, at least 1, after which compaction does not wait for the ratio
	DeleteRetentionMs      int64   // delete.retention.ms that a tombstone stays after its first compaction

	MaxMessageBytes      int64         // max.message.bytes, of one batch with its header
	TimestampType        TimestampType // message.timestamp.type
	TimestampBeforeMaxMs int64         // message.timestamp.before.max.ms
	TimestampAfterMaxMs  int64         // message.timestamp.after.max.ms

	// Replicated leaves the high watermark to [Log.SetHighWatermark]. Otherwise
	// this copy is the only one and the high watermark follows by itself.
	Replicated bool
}

// DefaultConfig is Kafka's default, with [Synced] durability.
func DefaultConfig() Config {
	return Config{
		SegmentBytes:       1 << 30,
		SegmentMs:          7 * 24 * 3600 * 1000,
		SegmentIndexBytes:  10 << 20,
		IndexIntervalBytes: 4096,
		FlushMessages:      math.MaxInt64,
		FlushMs:            math.MaxInt64,
		Delete:             true,
		RetentionBytes:     -1,
		RetentionMs:        7 * 24 * 3600 * 1000,
		FileDeleteDelayMs:  60_000,

		MinCleanableDirtyRatio: 0.5,
		MaxCompactionLagMs:     math.MaxInt64,
		DeleteRetentionMs:      24 * 3600 * 1000,

		MaxMessageBytes:      1<<20 + 12,
		TimestampBeforeMaxMs: math.MaxInt64,
		TimestampAfterMaxMs:  3600 * 1000,
	}
}

// Validate reports the first field out of its range.
func (c *Config) Validate() error {
	bounds := []struct {
		name          string
		v, low, limit int64
	}{
		{"SegmentBytes", c.SegmentBytes, 14, math.MaxInt32},
		{"SegmentMs", c.SegmentMs, 1, math.MaxInt64},
		{"SegmentJitterMs", c.SegmentJitterMs, 0, math.MaxInt64},
		{"SegmentIndexBytes", c.SegmentIndexBytes, 4, math.MaxInt32},
		{"IndexIntervalBytes", c.IndexIntervalBytes, 0, math.MaxInt32},
		{"FlushMessages", c.FlushMessages, 1, math.MaxInt64},
		{"FlushMs", c.FlushMs, 0, math.MaxInt64},
		{"RetentionBytes", c.RetentionBytes, -1, math.MaxInt64},
		{"RetentionMs", c.RetentionMs, -1, math.MaxInt64},
		{"FileDeleteDelayMs", c.FileDeleteDelayMs, 0, math.MaxInt64},
		{"MinCompactionLagMs", c.MinCompactionLagMs, 0, math.MaxInt64},
		{"MaxCompactionLagMs", c.MaxCompactionLagMs, 1, math.MaxInt64},
		{"DeleteRetentionMs", c.DeleteRetentionMs, 0, math.MaxInt64},
		{"MaxMessageBytes", c.MaxMessageBytes, 0, math.MaxInt32},
		{"TimestampBeforeMaxMs", c.TimestampBeforeMaxMs, 0, math.MaxInt64},
		{"TimestampAfterMaxMs", c.TimestampAfterMaxMs, 0, math.MaxInt64},
		{"Durability", int64(c.Durability), 0, int64(OS)},
		{"Validation", int64(c.Validation), 0, int64(ValidateRecords)},
		{"TimestampType", int64(c.TimestampType), 0, int64(LogAppendTime)},
	}
	for _, b := range bounds {
		if b.v < b.low || b.v > b.limit {
			return fmt.Errorf("logstore: config %s is %d, outside %d to %d", b.name, b.v, b.low, b.limit)
		}
	}
	if !(c.MinCleanableDirtyRatio >= 0 && c.MinCleanableDirtyRatio <= 1) {
		return fmt.Errorf("logstore: config MinCleanableDirtyRatio is %v, outside 0 to 1", c.MinCleanableDirtyRatio)
	}
	return nil
}

// Clock tells the time. The engine reads it for append times, retention and
// the expiry of producers; it never sleeps on it.
type Clock interface{ Now() time.Time }

type realClock struct{}

// secretSource are numbers that nobody guesses.
type secretSource struct{}

func (secretSource) Uint64() uint64 {
	var b [8]byte
	_, _ = cryptorand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

func (realClock) Now() time.Time {
	return time.Now()
}

// Options opens a [Store]. The zero value is ready for use.
type Options struct {
	// FS holds the store's directory; nil is the operating system's.
	FS vfs.FS
	// Clock is nil for real time.
	Clock Clock
	// Rand returns a number in [0, n), for jitter and for the secret by which
	// compaction tells keys apart, which who chooses keys must not guess. nil is the
	// system's source of secrets.
	Rand func(n int64) int64
	// Log configures the logs that are found on disk, and those that OpenLog makes;
	// the zero Config stands for DefaultConfig, which is Kafka's and deletes what is
	// older than seven days. Change what DefaultConfig returns: no field of a Config
	// has a default of its own.
	Log Config
	// ConfigFor, where set, is asked instead, for each log.
	ConfigFor func(TopicPartition) Config
	// Events is told what the engine does by itself. It is called on the engine's
	// goroutines, must not block and must not call back into the store.
	Events func(Event)
	// Progress, where set, can be asked how far Open has come.
	Progress *Progress
	// ReadOnly opens without lock or any write, also what another process has open,
	// or a log directory of Kafka's itself; what writes gives ErrReadOnly. What is
	// seen, and for how long, tells "Looking on" in the package's documentation.
	ReadOnly bool
	// Manual runs no housekeeping goroutine; the caller calls Housekeep.
	Manual bool
	// CheckpointMs is how far apart recovery points are written, default 60,000.
	// It bounds what a start after a crash must scan.
	CheckpointMs int64
	// JournalBytes bounds the journal, which makes appends to several logs durable
	// with one sync, default 512 MiB. Half full it is cut: the logs in it are
	// flushed, which are written back bit by bit before. Full it lets appends wait for
	// that. JournalFileBytes is what each of
	// its files takes, a multiple of 4096, default 32 MiB or a quarter of JournalBytes.
	JournalBytes, JournalFileBytes int64
	journalAlways                  bool // for tests: the commits of one log go there as well
	syncAllMin                     int  // from how many logs on a flush is one of the whole file system
	writeBack                      func(f vfs.File, bytes int64) error
	// UnsealedMax is how many rolled segments of a log may wait for being sealed,
	// default 8. Appends that would add to more wait, or seal one themselves: a disk that
	// is slower than the rolls would otherwise let indexes, which are in memory until
	// then, grow without end.
	UnsealedMax int
	// OpenFilesMax is how many files of segments may be open, roughly: above it logs
	// that were not used for the longest come to rest, and theirs are closed until
	// they are used again. A start after a crash recovers any number of logs, 64 at once
	// at least if the process may have that many files open. Default three quarters of what the process may have open
	// (RLIMIT_NOFILE), at most 20,000; 8,192 where that is not known; -1 for no
	// bound. A read-only store has none.
	OpenFilesMax int
	// ReserveBytes of the file system are kept free: below it appends give
	// ErrNoSpace, while reads, retention and deletions go on. Default 256 MiB, or a
	// hundredth of the file system if that is less; -1 for none.
	ReserveBytes int64
	// ProducerExpiryMs forgets idle producer ids, default one day.
	ProducerExpiryMs int64
	// RecoveryWorkers is how many logs are scanned at once, default 8 times
	// GOMAXPROCS: they wait for disks mostly.
	RecoveryWorkers int
	// CompactionWorkers is how many logs are compacted at once, default 1, -1 for
	// none. They look for work every CompactionIntervalMs, default 15,000.
	CompactionWorkers    int
	CompactionIntervalMs int64
	// CompactionMapBytes bounds the keys that compactions hold at once, of 24 bytes
	// each, whatever their length, and a third more: default 128 MiB for all workers.
	// What has more keys is compacted in several rounds. While a map grows it takes
	// half as much again; up to an eighth of it goes, besides, to what is remembered of
	// the records and batches that were read, and half as much again while that grows.
	CompactionMapBytes int64
	// CompactionBytesPerSecond bounds what compactions read and write, together;
	// default no limit. With Manual there is none.
	CompactionBytesPerSecond int64
	digest                   func(key []byte) keyDigest // for tests
	// DecompressedBytesMax bounds what one batch may unpack to, default 128 MiB.
	DecompressedBytesMax int
}

func (o Options) withDefaults() (Options, error) {
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	if o.Rand == nil {
		o.Rand = rand.New(secretSource{}).Int64N
	}
	if o.Log == (Config{}) {
		o.Log = DefaultConfig()
	}
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	if o.syncAllMin == 0 {
		o.syncAllMin = 32
	}
	if o.writeBack == nil {
		o.writeBack = vfs.WriteBack
	}
	if o.Progress == nil {
		o.Progress = &Progress{}
	}
	for _, d := range []struct {
		v   *int64
		def int64
	}{{&o.CheckpointMs, 60_000}, {&o.ProducerExpiryMs, 24 * 3600 * 1000}, {&o.JournalBytes, 512 << 20},
		{&o.CompactionIntervalMs, 15_000}, {&o.CompactionMapBytes, 128 << 20}} {
		if *d.v < 0 {
			return o, errors.New("logstore: a duration or size in Options is negative")
		}
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	switch {
	case o.CompactionWorkers == 0:
		o.CompactionWorkers = 1
	case o.CompactionWorkers < 0:
		o.CompactionWorkers = 0
	}
	if o.JournalFileBytes == 0 {
		o.JournalFileBytes = max(min(32<<20, o.JournalBytes/4), 2*4096) / 4096 * 4096
	}
	if o.JournalFileBytes < 2*4096 || o.JournalFileBytes%4096 != 0 || o.JournalFileBytes > o.JournalBytes {
		return o, fmt.Errorf("logstore: a journal of %d bytes in files of %d: files are multiples of 4096, at least two, and fit", o.JournalBytes, o.JournalFileBytes)
	}
	if o.UnsealedMax < 0 {
		return o, errors.New("logstore: UnsealedMax in Options is negative")
	}
	if o.OpenFilesMax < -1 {
		return o, errors.New("logstore: OpenFilesMax in Options is below -1")
	}
	if o.UnsealedMax == 0 {
		o.UnsealedMax = 8
	}
	if o.DecompressedBytesMax <= 0 {
		o.DecompressedBytesMax = 128 << 20
	}
	return o, o.Log.Validate()
}
