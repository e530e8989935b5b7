package logstore

import (
	"errors"
	"fmt"

	"moldau/logstore/manifest"
)

// What callers branch on. Every error of this package wraps one of these, a
// *CorruptionError, or an error of the file system.
var (
	ErrClosed       = errors.New("log is closed")
	ErrReadOnly     = errors.New("store is read-only")
	ErrLocked       = errors.New("directory is in use by another process")
	ErrNotFound     = errors.New("no such log")
	ErrExists       = errors.New("log exists")
	ErrInvalidName  = errors.New("invalid topic or partition name")
	ErrNoSpace      = errors.New("no space left on the device")
	ErrPoisoned     = errors.New("log failed to sync and takes no more appends until it is reopened")
	ErrOffsetRange  = errors.New("offset is out of range")
	ErrFencedEpoch  = errors.New("leader epoch is older than the log's")
	ErrUnknownEpoch = errors.New("leader epoch is newer than the log's")
	// ErrHalfRepaired is that a repair of the store was interrupted. What it had come to
	// is in neither state that a start could go by: repair the store again.
	ErrHalfRepaired = manifest.ErrSetAside

	// Of an appended batch.
	ErrTooLarge           = errors.New("batch is larger than max.message.bytes")
	ErrTooLargeForSegment = errors.New("append is larger than segment.bytes")
	ErrInvalidRecord      = errors.New("invalid record")
	ErrInvalidTimestamp   = errors.New("timestamp is out of range")
	ErrSequence           = errors.New("sequence number is out of order")
	ErrProducerEpoch      = errors.New("producer epoch is older than the log's")
	ErrTransactionState   = errors.New("batch does not fit the producer's transaction")
	ErrCoordinatorEpoch   = errors.New("coordinator epoch is older than the log's")
)

// CorruptionError tells that bytes on disk are not what was written there.
type CorruptionError struct {
	File   string // relative to the root of the file system, or to the store's directory
	Offset int64  // position in the file, in bytes
	Err    error
}

func (e *CorruptionError) Error() string {
	return fmt.Sprintf("%s is corrupt at byte %d: %v", e.File, e.Offset, e.Err)
}

func (e *CorruptionError) Unwrap() error { return e.Err }

// unsyncable is err of a sync of one of a log's own files, or of its directory. A
// file that could not be opened was not synced, and can be yet.
func unsyncable(err error) error {
	if err == nil || isShortage(err) {
		return err
	}
	return &syncError{err}
}

// syncError is why what was written may never be durable, whatever a later sync
// says.
type syncError struct{ error }

func (e *syncError) Unwrap() error { return e.error }

// final is err. Where a sync failed, it has poisoned the log.
func (l *Log) final(err error) error {
	var failed *syncError
	if errors.As(err, &failed) {
		return l.poison(err)
	}
	return err
}

// RecordError names the record of an appended batch that was refused. It
// wraps ErrInvalidRecord or ErrInvalidTimestamp.
type RecordError struct {
	Index  int // of the record in its batch, -1 for the batch itself
	Reason string
	Err    error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("record %d: %s: %v", e.Index, e.Reason, e.Err)
}
func (e *RecordError) Unwrap() error { return e.Err }
