package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// Names in a store's directory. logs is a Kafka log directory and nothing else;
// what is ours lies beside it.
const (
	logsDir      = "logs"
	ownDir       = "moldau"
	journalDir   = "journal" // in ownDir
	deleteSuffix = "-delete"
	straySuffix  = "-stray"
	nameBytesMax = 255
)

// Store is a directory of logs.
type Store struct {
	fs      vfs.FS
	osTree  *vfs.OS // fs where the store opened it itself, else nil
	dir     string  // relative to the file system's root
	opt     Options
	lock    io.Closer // nil when read-only
	agenda  *agenda
	closing chan struct{}
	workers sync.WaitGroup // housekeeping, and syncs in flight

	counters counters

	committer       committer
	space           reserve
	manifest        *manifest.File // nil when read-only
	nextIncarnation atomic.Uint64
	dropped         atomic.Int64                          // what the manifest says of the last log that was deleted
	journalStart    atomic.Uint64                         // what the manifest says of it
	failed          atomic.Pointer[error]                 // why the store was poisoned
	found           struct{ generation, sequence uint64 } // the journal's last, at open

	mu     sync.RWMutex
	logs   map[TopicPartition]*Log  // under mu; nil while being created
	broken map[TopicPartition]error // under mu; why a log on disk was not opened
	closed bool                     // under mu

	throttle    throttle // of compactions
	compactions compactions
	checkpoints checkpoints
}

// checkpoints are Kafka's checkpoint files, written for Kafka: what counts here
// is the manifest. A mutex of its own keeps their writers in line; it is taken
// before all locks of logs.
type checkpoints struct {
	mu      sync.Mutex
	found   *past             // what they said at open, for logs that could not be opened
	written map[string][]byte // what each file holds, to write only what changed
	closed  bool              // the directory may be another's by now
}

// path is a name in the log directory, relative to the file system's root.
func (s *Store) path(name string) string { return path.Join(s.dir, logsDir, name) }

// ownPath is a name among what is ours alone.
func (s *Store) ownPath(name string) string { return path.Join(s.dir, ownDir, name) }

func (s *Store) nowMs() int64 { return s.opt.Clock.Now().UnixMilli() }

// Log is the log of that name, or ErrNotFound, or why it could not be opened.
func (s *Store) Log(tp TopicPartition) (*Log, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.broken[tp]; err != nil {
		return nil, fmt.Errorf("logstore: open %s: %w", tp, err)
	}
	l := s.logs[tp]
	if l == nil {
		return nil, fmt.Errorf("logstore: %s: %w", tp, ErrNotFound)
	}
	return l, nil
}

func (s *Store) isBroken(tp TopicPartition) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.broken[tp] != nil
}

// Logs is all logs, sorted by name.
func (s *Store) Logs() []*Log {
	s.mu.RLock()
	defer s.mu.RUnlock()
	logs := make([]*Log, 0, len(s.logs))
	for _, l := range s.logs {
		if l != nil {
			logs = append(logs, l)
		}
	}
	slices.SortFunc(logs, func(a, b *Log) int { return compareNames(a.tp, b.tp) })
	return logs
}

// Create makes an empty log, durably. id may be zero for none.
func (s *Store) Create(tp TopicPartition, id TopicID, c Config) (*Log, error) {
	if err := errors.Join(tp.Validate(), c.Validate()); err != nil {
		return nil, err
	}
	if err := s.reserve(tp); err != nil {
		return nil, fmt.Errorf("logstore: create %s: %w", tp, err)
	}
	defer s.workers.Done()
	l, err := s.create(tp, id, c)
	if err == nil && !s.admitLog(l) {
		err = errors.Join(ErrClosed, l.close())
	} else if err != nil && !errors.Is(err, ErrExists) {
		// Nothing is to be left that the next open would take for a log. Removing
		// needs no space.
		err = errors.Join(err, s.removeDir(s.path(tp.String())), s.fs.SyncDir(s.path("")))
	}
	if err != nil {
		s.mu.Lock()
		delete(s.logs, tp)
		s.mu.Unlock()
		return nil, fmt.Errorf("logstore: create %s: %w", tp, spaceError(err))
	}
	return l, nil
}

// admitLog makes a new log known, unless the store was closed meanwhile.
func (s *Store) admitLog(l *Log) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.logs[l.tp] = l
	return true
}

// reserve takes the name, so that logs are created side by side.
func (s *Store) reserve(tp TopicPartition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, taken := s.logs[tp]; {
	case s.closed:
		return ErrClosed
	case s.opt.ReadOnly:
		return ErrReadOnly
	case s.failure() != nil:
		return s.failure()
	case taken || s.broken[tp] != nil:
		return ErrExists
	}
	s.logs[tp] = nil
	s.workers.Add(1) // Close waits
	return nil
}

func (s *Store) create(tp TopicPartition, id TopicID, c Config) (*Log, error) {
	// The row of a deleted log of this name would make recovery expect its data.
	if err := s.syncManifest(s.dropped.Load()); err != nil {
		return nil, err
	}
	l := s.newLog(tp, id, c)
	l.incarnation = s.nextIncarnation.Add(1) - 1
	l.standing.dirty = true
	if err := s.fs.Mkdir(l.dir, dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if names, err := s.fs.ReadDir(l.dir); err != nil || len(names) > 0 {
		return nil, errors.Join(err, fmt.Errorf("%w: %s is not empty", ErrExists, l.dir))
	}
	if id != (TopicID{}) {
		if err := replaceFile(s.fs, l.file(partitionMetaFile), encodePartitionMeta(id), false); err != nil {
			return nil, err
		}
	}
	first, err := l.createSegment(0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.fs.SyncDir(l.dir), s.fs.SyncDir(s.path(""))); err != nil {
		first.abandon()
		return nil, err
	}
	l.begin(first)
	// Written, not synced: without a row the next open reads the directory, and
	// nothing is acknowledged before the row is durable.
	if l.standing.lsn, err = s.manifest.Put(l.row()); err != nil {
		first.abandon()
		return nil, err
	}
	return l, nil
}

// newLog is a log without segments.
func (s *Store) newLog(tp TopicPartition, id TopicID, c Config) *Log {
	l := &Log{store: s, tp: tp, name: tp.String(), id: id, dir: s.path(tp.String()), producers: newProducers(s.opt.ProducerExpiryMs)}
	l.retention.atMs = math.MaxInt64
	l.config.Store(&c)
	l.commit.progress = sync.NewCond(&l.mu)
	for b := range l.bounds {
		l.bounds[b].kind = Bound(b)
	}
	l.drawJitter()
	return l
}

// begin makes segments the log's, all of them durable up to their ends.
func (l *Log) begin(segments ...*segment) {
	v := &view{segments}
	end := v.active().endMark()
	for b := range l.bounds {
		l.bounds[b].store(end)
	}
	for _, s := range segments {
		s.tail.synced = s.size()
	}
	l.commit.flushed = end.offset()
	l.view.Store(v)
}

// makeDirs creates a directory and its parents.
func makeDirs(fsys vfs.FS, dir string) error {
	if dir == "." || dir == "" {
		return nil
	}
	if info, err := fsys.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeDirs(fsys, path.Dir(dir)); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(path.Dir(dir))
}
