package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"sync"

	"moldau/logstore/vfs"
)

// Open opens the store in dir, creating it if it is not there. dir/logs may be
// a directory that Apache Kafka left, and can be given back to it after Close.
//
// After a clean close nothing is read but the ends of the logs. Otherwise every
// log is scanned from its recovery point, batch by batch, and cut at the first
// batch that is not whole; what is left is synced before anybody sees it.
// ErrLocked tells that another store, or Kafka, is at work there. A log that
// cannot be opened is no error here: [Store.Log] returns it, and an event.
func Open(dir string, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opt: o, fs: o.FS, dir: dir, agenda: newAgenda(), closing: make(chan struct{}), logs: map[TopicPartition]*Log{}, broken: map[TopicPartition]error{}}
	if o.FS == nil {
		s.dir = "."
		s.osTree, err = openTree(dir, o.ReadOnly)
		s.fs = s.osTree
	}
	if err == nil {
		err = s.open()
	}
	if err != nil {
		if s.osTree != nil {
			_ = s.osTree.Close()
		}
		return nil, fmt.Errorf("logstore: open %s: %w", dir, err)
	}
	return s, nil
}

func openTree(dir string, readOnly bool) (*vfs.OS, error) {
	if readOnly {
		return vfs.OpenOSReadOnly(dir)
	}
	return vfs.OpenOS(dir)
}

func (s *Store) open() (err error) {
	if !s.opt.ReadOnly {
		if err := makeDirs(s.fs, s.path("")); err != nil {
			return err
		}
		if s.lock, err = s.fs.Lock(s.path(lockFile)); err != nil {
			if errors.Is(err, vfs.ErrLocked) {
				err = fmt.Errorf("%w: %s", ErrLocked, s.path(lockFile))
			}
			return err
		}
		defer func() {
			if err != nil {
				for _, l := range s.Logs() {
					l.releaseAll()
				}
				err = errors.Join(err, s.lock.Close())
			}
		}()
	}
	clean, err := s.takeCleanMarker()
	if err != nil {
		return err
	}
	s.checkpoints.recovery = s.readCheckpoint(recoveryPointFile)
	_, ours := s.checkpoints.recovery[ownMark]
	s.checkpoints.ours = ours
	delete(s.checkpoints.recovery, ownMark)
	s.checkpoints.start = s.readCheckpoint(startOffsetFile)
	s.checkpoints.high = s.readCheckpoint(highWatermarkFile)
	s.checkpoints.cleaner = s.readCheckpoint(cleanerOffsetFile)
	if err := s.openLogs(clean, ours); err != nil {
		return err
	}
	if !s.opt.ReadOnly {
		if !ours {
			s.adopt()
		}
		// An earlier process may have been killed between making a directory and
		// syncing its entry; what is appended there now must not be lost with it.
		if err := s.fs.SyncDir(s.path("")); err != nil {
			return err
		}
		s.enqueue(task{atMs: s.nowMs() + s.opt.CheckpointMs, kind: taskCheckpoint})
		if !s.opt.Manual {
			s.workers.Add(1)
			go s.keepHouse()
		}
	}
	return nil
}

// adopt makes a directory ours that is new, or was another program's: from now on
// segments touch, but for those that recovery points lie behind. So it waits for
// all logs to have theirs; until then a hole stays what it is in Kafka.
func (s *Store) adopt() {
	logs := s.Logs()
	var failed error
	for _, l := range logs {
		l.mu.Lock()
		l.dirty = true
		l.mu.Unlock()
		failed = errors.Join(failed, l.checkpoint())
	}
	c := &s.checkpoints
	c.mu.Lock()
	if c.ours = failed == nil && len(s.broken) == 0; c.ours && len(logs) == 0 {
		failed = s.writePoints()
	}
	c.mu.Unlock()
	if c.ours && len(logs) > 0 {
		failed = s.writeCheckpoints()
	}
	if failed != nil {
		s.emit(HousekeepingFailed{Work: "adopt", Err: failed})
	}
}

// takeCleanMarker tells whether the directory was closed cleanly and removes
// the marker, durably, before anything can change.
func (s *Store) takeCleanMarker() (clean bool, err error) {
	_, err = s.fs.Stat(s.path(cleanShutdownFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || s.opt.ReadOnly {
		return err == nil, err
	}
	if err := s.fs.Remove(s.path(cleanShutdownFile)); err != nil {
		return false, err
	}
	return true, s.fs.SyncDir(s.path(""))
}

// openLogs opens every log of the directory, several at a time. One that cannot
// be opened does not keep the others from being served.
func (s *Store) openLogs(clean, ours bool) error {
	names, err := s.fs.ReadDir(s.path(""))
	if err != nil {
		if s.opt.ReadOnly && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: no %s directory", ErrNotFound, logsDir)
		}
		return err
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	workers := s.opt.RecoveryWorkers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	slots := make(chan struct{}, workers)
	found := s.logsAmong(names)
	progress := s.opt.Progress
	progress.logs.Store(int64(len(found)))
	for _, tp := range found {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			defer progress.opened.Add(1)
			l, err := s.openLog(tp, clean, ours)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.broken[tp] = err
				s.emit(LogNotOpened{tp, err})
				return
			}
			s.logs[tp] = l
		})
	}
	group.Wait()
	return nil
}

// logsAmong picks the logs of the directory, and has removed what was deleted.
func (s *Store) logsAmong(names []fs.DirEntry) []TopicPartition {
	var found []TopicPartition
	for _, n := range names {
		if !n.IsDir() {
			continue
		}
		if isDeletedName(n.Name()) && !s.opt.ReadOnly {
			s.enqueue(task{atMs: math.MinInt64, kind: taskRemove, dir: s.path(n.Name())})
			continue
		}
		if tp, ok := parseDir(n.Name()); ok { // not Kafka's -stray and -future, nor nobody's
			found = append(found, tp)
		}
	}
	return found
}

func (s *Store) openLog(tp TopicPartition, clean, ours bool) (*Log, error) {
	c := s.opt.Log
	if s.opt.ConfigFor != nil {
		c = s.opt.ConfigFor(tp)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	l := s.newLog(tp, TopicID{}, c)
	text, err := readFile(s.fs, l.file(partitionMetaFile))
	switch {
	case err == nil:
		if l.id, err = decodePartitionMeta(text); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	r := &recovery{
		log:     l,
		clean:   clean,
		point:   s.checkpoints.recovery[tp],
		cleaned: s.checkpoints.cleaner[tp],
	}
	if !ours {
		r.cleaned = math.MaxInt64
	}
	l.start.Store(s.checkpoints.start[tp])
	if err := r.run(); err != nil {
		r.abandon()
		return nil, err
	}
	return l, nil
}
