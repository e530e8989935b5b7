package logstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"

	"moldau/logstore/vfs"
)

// Names in a store's directory. logs is a Kafka log directory and nothing else;
// what is ours lies beside it.
const (
	logsDir      = "logs"
	deleteSuffix = "-delete"
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

	mu     sync.RWMutex
	logs   map[TopicPartition]*Log // under mu; nil while being created
	closed bool                    // under mu

	checkpoints checkpoints
}

// checkpoints is what the store's checkpoint files say. A mutex of its own
// keeps their writers in line; it is taken last.
type checkpoints struct {
	mu       sync.Mutex
	recovery offsetCheckpoint // all below is durable, indexes included
	start    offsetCheckpoint // log start offsets
	cleaner  offsetCheckpoint // Kafka's first dirty offsets, kept as found
	high     offsetCheckpoint // high watermarks as found, for replicated logs
}

// path is a name in the log directory, relative to the file system's root.
func (s *Store) path(name string) string { return path.Join(s.dir, logsDir, name) }

func (s *Store) nowMs() int64 { return s.opt.Clock.Now().UnixMilli() }

// Log is the log of that name, or ErrNotFound.
func (s *Store) Log(tp TopicPartition) (*Log, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.logs[tp]
	if l == nil {
		return nil, fmt.Errorf("logstore: %s: %w", tp, ErrNotFound)
	}
	return l, nil
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
	l, err := s.create(tp, id, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.closed {
		err = errors.Join(ErrClosed, l.close())
	}
	if err != nil {
		delete(s.logs, tp)
		return nil, fmt.Errorf("logstore: create %s: %w", tp, spaceError(err))
	}
	s.logs[tp] = l
	return l, nil
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
	case taken:
		return ErrExists
	}
	s.logs[tp] = nil
	return nil
}

func (s *Store) create(tp TopicPartition, id TopicID, c Config) (*Log, error) {
	// A deleted log of this name may have left checkpoints, which would make
	// recovery expect data.
	if err := s.forgetCheckpoints(tp); err != nil {
		return nil, err
	}
	l := s.newLog(tp, id, c)
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
	return l, nil
}

// newLog is a log without segments.
func (s *Store) newLog(tp TopicPartition, id TopicID, c Config) *Log {
	l := &Log{store: s, tp: tp, id: id, dir: s.path(tp.String()), producers: newProducers(s.opt.ProducerExpiryMs)}
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
	l.view.Store(v)
}

// Delete takes a log away, durably: its directory is renamed, and removed with
// all in it after file.delete.delay.ms. Pinned reads go on. The name is free at
// once.
func (s *Store) Delete(tp TopicPartition) error {
	s.mu.Lock()
	l := s.logs[tp]
	if l != nil && !s.closed && !s.opt.ReadOnly {
		delete(s.logs, tp)
	}
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return fmt.Errorf("logstore: delete %s: %w", tp, ErrClosed)
	case s.opt.ReadOnly:
		return fmt.Errorf("logstore: delete %s: %w", tp, ErrReadOnly)
	case l == nil:
		return fmt.Errorf("logstore: delete %s: %w", tp, ErrNotFound)
	}
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	l.stop()
	gone := s.path(s.deletedName(tp))
	err := s.fs.Rename(l.dir, gone)
	if err == nil {
		err = s.fs.SyncDir(s.path(""))
	}
	l.releaseAll()
	if err != nil {
		return l.wrap("delete", err)
	}
	s.enqueue(task{atMs: s.nowMs() + l.Config().FileDeleteDelayMs, kind: taskRemove, dir: gone})
	return nil
}

// deletedName is what Kafka calls the directory of a deleted log: unique, and
// short enough for a file system.
func (s *Store) deletedName(tp TopicPartition) string {
	var unique [16]byte
	for i := range unique {
		unique[i] = byte(s.opt.Rand(256))
	}
	suffix := fmt.Sprintf("-%d.%s%s", tp.Partition, hex.EncodeToString(unique[:]), deleteSuffix)
	return tp.Topic[:min(len(tp.Topic), nameBytesMax-len(suffix))] + suffix
}

// removeDir removes a deleted log's directory, which holds files only.
func (s *Store) removeDir(dir string) error {
	names, err := s.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, n := range names {
		err = errors.Join(err, s.fs.Remove(path.Join(dir, n.Name())))
	}
	if err != nil {
		return err
	}
	return s.fs.Remove(dir)
}

// stop lets no more appends in and waits for the sync in flight.
func (l *Log) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed.Store(true)
	for l.commit.running {
		l.commit.progress.Wait()
	}
	l.watchers.wakeAll()
}

// releaseAll drops the store's hold on the log's files.
func (l *Log) releaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.view.Swap(&view{})
	release(old.segments)
}

// Close completes what is in flight, syncs everything, and leaves the marker of
// a clean close, so that the next open scans nothing. Logs that were poisoned
// prevent the marker and are in the error. Reads that are pinned stay valid.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.closing)
	var failed error
	for _, l := range s.Logs() {
		if err := l.close(); err != nil {
			failed = errors.Join(failed, l.wrap("close", err))
		}
	}
	s.workers.Wait()
	if s.osTree != nil {
		defer s.osTree.Close()
	}
	if s.opt.ReadOnly {
		return failed
	}
	if err := s.writeCheckpoints(); err != nil {
		failed = errors.Join(failed, err)
	}
	if failed == nil {
		failed = replaceFile(s.fs, s.path(cleanShutdownFile), []byte(`{"version":0,"brokerEpoch":-1}`), true)
	}
	return errors.Join(failed, s.lock.Close())
}

// close brings one log to rest. It stays readable by those who hold pins.
func (l *Log) close() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if l.store.opt.ReadOnly {
		l.stop()
		l.releaseAll()
		return nil
	}
	err := l.sealRolled()
	l.stop()
	defer l.releaseAll()
	if failure := l.failure(); failure != nil {
		return failure
	}
	if err == nil {
		err = l.rest()
	}
	return err
}

// rest leaves everything that Kafka, or the next open, wants to find.
func (l *Log) rest() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.view.Load().active()
	w := l.unsyncedBelow(s.endMark())
	if err := w.sync(l); err != nil {
		return l.poison(err)
	}
	l.synced(w)
	if err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, true); err != nil {
		return err
	}
	if err := s.syncIndexes(); err != nil {
		return err
	}
	end := l.Offset(LogEnd)
	if err := replaceFile(l.store.fs, l.file(segmentFileName(end, snapshotSuffix)), l.producers.encode(), false); err != nil {
		return err
	}
	if err := l.writeEpochs(); err != nil {
		return err
	}
	l.store.note(l.tp, end, l.start.Load())
	return l.store.fs.SyncDir(l.dir)
}

// syncIndexes brings the active indexes to stable storage.
func (s *segment) syncIndexes() error {
	if err := errors.Join(s.offsets.Flush(), s.times.Flush()); err != nil {
		return err
	}
	return errors.Join(s.files[0].Sync(), s.files[1].Sync())
}

// writeEpochs writes the leader epochs if they changed. The caller syncs the
// directory.
func (l *Log) writeEpochs() error {
	if !l.epochs.dirty {
		return nil
	}
	err := replaceFile(l.store.fs, l.file(epochFile), encodeEpochs(l.epochs.entries()), false)
	if err == nil {
		l.epochs.dirty = false
	}
	return err
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
