package main

import (
	"moldau/logstore"
	"moldau/logstore/record"
)

// kind says what a message tells. What is about to be done is told before, what
// came of it afterwards: a message that is missing leaves it open.
type kind uint8

const (
	msgOpened kind = iota + 1 // Found
	msgAttempt
	msgAcknowledged
	msgCreating
	msgCreated
	msgDeleting
	msgDeleted
	msgTruncating
	msgTruncated
	msgAdvancing
	msgAdvanced
	msgFlushed // all of the log below Offset is durable
	msgClosed
	msgEvent
	msgTrouble // something failed
)

// message is what a worker tells its parent.
type message struct {
	Kind      kind
	Log       logstore.TopicPartition
	ID        logstore.TopicID
	Spec      spec
	Hashes    []uint64 // of an attempt's records
	Bytes     int      // of an attempt's batch
	Offset    int64    // of what is done to a log
	First     int64    // offset of an acknowledged batch
	Duplicate bool
	Found     []foundLog
	Text      string
	Cut       int64 // bytes, of a recovery
}

// spec is all that makes a batch: whoever has it can build the same bytes again.
type spec struct {
	ID       logstore.TopicID // of the log
	Slot     int              // of the log's producers
	Stream   int64            // a producer from its first batch to when it is given up
	N        int              // of the stream's batches, from 0
	Producer int64            // id, -1 for one that is not idempotent
	Sequence int32
	Epoch    int32
	Count    int // records
	Value    int // bytes each
	Codec    record.Codec
}

// foundLog is a log as it was found by opening.
type foundLog struct {
	Log        logstore.TopicPartition
	ID         logstore.TopicID
	Start, End int64 // offsets; End is the high watermark
	Bytes      int64
	Spoilt     bool     // and so not read to the end
	Hashes     []uint64 // of all records, which have no gaps
	Epochs     []int32
}

// start is what a worker is started with.
type start struct {
	Dir          string
	Epoch        int32
	Seed         uint64
	Partitions   int
	Slots        int // producers of each log
	StoreBytes   int64
	CheckpointMs int64
	Break        string
}

// plan is what a worker does once its findings were judged. A second one tells
// it to close the store.
type plan struct {
	Close   bool
	Streams []streamPlan
}

// streamPlan is an idempotent producer that goes on.
type streamPlan struct {
	Last   spec   // attempted
	Resend []spec // as after a loss of connection
}
