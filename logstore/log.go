package logstore

import (
	"encoding/base64"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"moldau/zerocopy"
)

// TopicPartition names a log. On disk it is the directory "topic-partition".
type TopicPartition struct {
	Topic     string
	Partition int32
}

func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.FormatInt(int64(tp.Partition), 10)
}

// Validate applies Kafka's rules for topic names. They also keep every name
// within its directory.
func (tp TopicPartition) Validate() error {
	t := tp.Topic
	if t == "" || t == "." || t == ".." || len(t) > 249 || tp.Partition < 0 {
		return fmt.Errorf("%w: %q", ErrInvalidName, tp)
	}
	for _, c := range []byte(t) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("%w: %q", ErrInvalidName, tp)
		}
	}
	return nil
}

// parseDir is the reverse of String, for names of directories that are logs.
func parseDir(name string) (TopicPartition, bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return TopicPartition{}, false
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 32)
	tp := TopicPartition{name[:i], int32(n)}
	return tp, err == nil && tp.Validate() == nil && tp.String() == name
}

func compareNames(a, b TopicPartition) int {
	if c := strings.Compare(a.Topic, b.Topic); c != 0 {
		return c
	}
	return int(a.Partition) - int(b.Partition)
}

// TopicID is Kafka's topic id, a UUID. The zero id means none.
type TopicID [16]byte

// String is the form in partition.metadata: URL-safe base64 without padding.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseTopicID is the reverse of String.
func ParseTopicID(s string) (TopicID, error) {
	var id TopicID
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("logstore: %q is not a topic id", s)
	}
	return TopicID(b), nil
}

// Bound is a number of a log up to which something holds. Offsets below it do,
// the offset itself does not.
type Bound uint8

const (
	// HighWatermark bounds what consumers see: it never goes back while the log
	// is open, but for a truncation below it.
	HighWatermark Bound = iota
	// Durable bounds what is on stable storage.
	Durable
	// LogEnd bounds what was appended.
	LogEnd
	// LastStable bounds what readers of committed records see: no transaction that
	// began below is open, or was ended by a marker that may still be lost. It goes back
	// with a truncation only, and is moved before the high watermark, which it never
	// passes: who reads both in a row takes the lower.
	LastStable

	boundCount
)

// Appended describes an append.
type Appended struct {
	First, Last int64 // offsets
	TimestampMs int64 // the log's append time, -1 unless LogAppendTime
	Start       int64 // the log's start offset
	// Duplicate tells that the batch had been appended before, at First to Last.
	// An answer must wait for the bounds exactly as the original's had to.
	Duplicate bool
}

// Fetch is what a read returned: pinned parts of files. Reuse one Fetch for
// many reads to avoid allocations. Release is mandatory.
type Fetch struct {
	Sections []zerocopy.Section
	Bytes    int   // of all sections
	Start    int64 // the log's start offset
	// The bounds as they were before the read was planned.
	HighWatermark, LastStable, LogEnd int64
	// Upto bounds the offsets that are in the sections: an estimate by the index,
	// never too low.
	Upto int64

	pins []*segment
}

// TimestampOffset is one record's place.
type TimestampOffset struct {
	Offset      int64
	TimestampMs int64
	Epoch       int32 // leader epoch, -1 unknown
}

// SegmentInfo describes one segment of a log.
type SegmentInfo struct {
	Base, End    int64 // offsets
	Bytes        int64
	TimestampMax int64 // ms, -1 without records
	Sealed       bool
}

// Log is one partition: a list of segments, written at the end by one writer at
// a time and read by any number. All methods may be called concurrently.
//
// What each append touches comes first, and close together: over thousands of logs
// each cache line is a miss.
type Log struct {
	store  *Store
	config atomic.Pointer[Config]

	// What readers use. The holder of mu moves it; view before a segment's
	// reference is dropped, places before pointers.
	bounds   [boundCount]bound
	start    atomic.Int64
	failed   atomic.Pointer[error] // why it was poisoned
	closed   atomic.Bool
	used     atomic.Uint64 // openFiles.time when it was last read or appended to
	view     atomic.Pointer[view]
	watchers watchers
	epochs   epochCache

	// mu is the writer's. Appends hold it, and whatever moves a bound.
	mu        sync.Mutex
	producers *producers // nil until somebody asks, in a log that was opened at rest
	writer               // under mu
	commit    commit
	standing  standing
	journaled held            // has its own mutex
	lag       int64           // under committer.writing: bytes that the journal was given and write-back has not begun of
	seen      map[int64]int64 // under mu; by producer, when, of a log whose producers are not loaded any more

	tp   TopicPartition
	name string // tp, as the directory, manifest and journal have it
	id   TopicID
	dir  string // relative to the file system's root
	// incarnation tells this log from others that had its name.
	incarnation uint64

	// upkeep is held by whoever changes files other than by appending: seal,
	// checkpoint, truncation, retention, close. It is taken before mu, and by an
	// append only where it has to wait for such work, and has given up mu.
	upkeep        sync.Mutex
	hidden        bool       // under Store.mu: being created or taken away
	syncing       sync.Mutex // held by a sync of the log's own files; taken after mu or without it
	pointSnapshot int64      // under upkeep: offset of the snapshot that the last checkpoint left, 0 for none

	compaction compaction
}

// writer is what only the holder of Log.mu touches.
type writer struct {
	unsealed    []sealing // rolled segments, oldest first
	sealing     bool      // the first of them is being sealed
	dirty       bool      // changed since the last checkpoint
	idUnwritten bool      // the topic's id is in the row only
	flushDue    bool      // a flush task is queued
	jitterMs    int64     // what this segment's segment.ms is short of
	retention   task      // when retention is looked at next; atMs is math.MaxInt64 for never
	retirement
}

// active is the segment that is written: the end lies there. It is that of the view,
// but for a log whose files the store has let go of.
func (l *Log) active() *segment { return l.bounds[LogEnd].segment.Load() }

// Name is the log's topic and partition.
func (l *Log) Name() TopicPartition { return l.tp }

// ID is the topic's id, zero if the log never had one, or lost it: see [Log.AssignID].
func (l *Log) ID() TopicID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// Config is the configuration in force.
func (l *Log) Config() Config { return *l.config.Load() }

// Configure replaces the configuration. A change to Synced takes effect once
// all that was appended is durable, so that the high watermark never goes back.
func (l *Log) Configure(c Config) error {
	if err := c.Validate(); err != nil {
		return l.wrap("configure", err)
	}
	if l.closed.Load() {
		return l.wrap("configure", ErrClosed)
	}
	if c.Durability == Synced {
		if err := l.Flush(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Durability == Synced {
		// Appends went on during the flush. The high watermark stands above what
		// is durable until the sync that begins here has caught up with it.
		l.commit.wanted = l.Offset(LogEnd)
	}
	l.config.Store(l.store.shared(c))
	l.drawJitter()
	l.follow()
	l.scheduleSync()
	l.askRetention(l.store.nowMs())
	return nil
}

// Offset is where the bound stands.
func (l *Log) Offset(b Bound) int64 { return l.bounds[b].load().offset() }

// StartOffset is the first offset that may be read.
func (l *Log) StartOffset() int64 { return l.start.Load() }

// Bytes is the length of all segments.
func (l *Log) Bytes() int64 {
	n := int64(0)
	for _, s := range l.view.Load().segments {
		n += s.size()
	}
	return n
}

// Segments describes the segments, oldest first. The last one is active.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	var infos []SegmentInfo
	for _, s := range l.view.Load().segments {
		infos = append(infos, SegmentInfo{s.base, s.endOffset(), s.size(), s.timestampMax.Load(), s.tail.sealed})
	}
	return infos
}

// Err is why the log takes no more appends: nil, or an error that wraps
// ErrPoisoned, a *CorruptionError or ErrClosed.
func (l *Log) Err() error {
	if l.closed.Load() {
		return ErrClosed
	}
	return l.failure()
}

// writable is Err, and ErrReadOnly.
func (l *Log) writable() error {
	if l.store.opt.ReadOnly {
		return ErrReadOnly
	}
	return l.Err()
}

// file is the path of one of the log's files.
func (l *Log) file(name string) string { return path.Join(l.dir, name) }

// wrap says which log an error is of, and what was being done.
func (l *Log) wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("logstore: %s %s: %w", operation, l.tp, err)
}
