package logstore

// Signatures only; the engine replaces this file.

import (
	"context"
	"time"
)

type Event interface{ event() }
type segment struct{}

type Store struct{}

const todo = "logstore: not built yet"

func Open(dir string, o Options) (*Store, error)                              { panic(todo) }
func (s *Store) Dir() string                                                  { panic(todo) }
func (s *Store) Close() error                                                 { panic(todo) }
func (s *Store) Create(tp TopicPartition, id TopicID, c Config) (*Log, error) { panic(todo) }
func (s *Store) Log(tp TopicPartition) (*Log, error)                          { panic(todo) }
func (s *Store) Logs() []*Log                                                 { panic(todo) }
func (s *Store) Delete(tp TopicPartition) error                               { panic(todo) }
func (s *Store) Housekeep(now time.Time)                                      { panic(todo) }

type Log struct{}

func (l *Log) Name() TopicPartition     { panic(todo) }
func (l *Log) ID() TopicID              { panic(todo) }
func (l *Log) Config() Config           { panic(todo) }
func (l *Log) Configure(c Config) error { panic(todo) }
func (l *Log) Offset(b Bound) int64     { panic(todo) }
func (l *Log) StartOffset() int64       { panic(todo) }
func (l *Log) Bytes() int64             { panic(todo) }
func (l *Log) Segments() []SegmentInfo  { panic(todo) }
func (l *Log) Flush() error             { panic(todo) }

// AppendLeader appends whole client batches under a leader epoch. It stamps
// offsets and epoch into batches, which may be reused when it returns.
func (l *Log) AppendLeader(batches []byte, epoch int32) (Appended, error) { panic(todo) }

// AppendFollower appends batches that have their offsets and epochs.
func (l *Log) AppendFollower(batches []byte) (Appended, error) { panic(todo) }

// Read plans a read of at most bytesMax bytes from the batch that holds from,
// below the bound. The last batch may be cut short. oneAtLeast returns the first batch whole even if
// it is larger. Nothing to read yet leaves f empty. ErrOffsetRange before the start or past the end.
func (l *Log) Read(f *Fetch, from int64, upto Bound, bytesMax int, oneAtLeast bool) error {
	panic(todo)
}

// Release unpins. f may be used again.
func (f *Fetch) Release() { panic(todo) }

// Wait returns once the bound is at or above offset, or with ctx's error, or
// the reason for which it never will.
func (l *Log) Wait(ctx context.Context, b Bound, offset int64) error { panic(todo) }

// Waiter is woken through C (capacity 1). One may watch many logs.
type Waiter struct{ C chan struct{} }

func NewWaiter() *Waiter { return &Waiter{C: make(chan struct{}, 1)} }

// Watch signals w once, as soon as Offset(b) > above, or the log fails, is deleted or closed; at once if that is so.
func (l *Log) Watch(b Bound, above int64, w *Waiter) { panic(todo) }
func (l *Log) Unwatch(w *Waiter)                     { panic(todo) }

// Err is why the log takes no more appends: nil, ErrPoisoned or ErrClosed wrapped.
func (l *Log) Err() error { panic(todo) }

// OffsetForTimestamp finds the first record at or after ms.
func (l *Log) OffsetForTimestamp(ms int64) (TimestampOffset, bool, error) { panic(todo) }
func (l *Log) OffsetOfMaxTimestamp() (TimestampOffset, bool, error)       { panic(todo) }
func (l *Log) TruncateTo(offset int64) error                              { panic(todo) }

// AdvanceStart is DeleteRecords: durable when it returns, ErrOffsetRange past the high watermark.
func (l *Log) AdvanceStart(offset int64) error     { panic(todo) }
func (l *Log) SetHighWatermark(offset int64) error { panic(todo) }
func (l *Log) LatestEpoch() int32                  { panic(todo) }
func (l *Log) EpochOf(offset int64) int32          { panic(todo) }

// EpochEnd answers OffsetForLeaderEpoch: the largest known epoch at or below epoch, and where it ends; -1, -1 if unknown.
func (l *Log) EpochEnd(epoch int32) (int32, int64) { panic(todo) }
