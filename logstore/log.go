package logstore

import (
	"encoding/base64"
	"strconv"

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

// TopicID is Kafka's topic id, a UUID. The zero id means none.
type TopicID [16]byte

// String is the form in partition.metadata: URL-safe base64 without padding.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

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
	HighWatermark, LogEnd int64

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
