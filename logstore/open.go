package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// Open opens the store in dir, creating it if it is not there. dir/logs may be
// a directory that Apache Kafka left, and can be given back to it after Close.
//
// After a clean close nothing is read but the manifest. Otherwise every log that
// may have changed is scanned from its recovery point, batch by batch, and cut at
// the first batch that is not whole; then what the journal holds of it is put
// back, and what is left is synced before anybody sees it. ErrLocked tells that
// another store, or Kafka, is at work there. A log that cannot be opened is no
// error here: [Store.Log] returns it, and an event, and [Store.Reopen] tries again.
func Open(dir string, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opt: o, fs: o.FS, dir: dir, agenda: newAgenda(), closing: make(chan struct{}), logs: map[TopicPartition]*Log{}, broken: map[TopicPartition]error{}, undropped: map[TopicPartition]bool{}, unmade: map[TopicPartition]bool{}}
	s.checkpoints.written = map[string][]byte{}
	s.openFiles.begin(o)
	if s.throttle.clock = o.Clock; !o.Manual {
		s.throttle.perSecond = o.CompactionBytesPerSecond
	}
	s.committer.store, s.committer.own, s.committer.named = s, map[*Log]int64{}, map[*Log]int64{}
	if o.FS == nil {
		s.dir = "."
		s.osTree, err = openTree(dir, o.ReadOnly)
		s.fs = s.osTree
	}
	s.logsIn = path.Join(s.dir, logsDir)
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

func (s *Store) open() (err error) {
	if s.opt.ReadOnly {
		if err := s.findLogs(); err != nil {
			return err
		}
		p, err := s.readPast()
		if err != nil {
			return err
		}
		return s.openLogs(p)
	}
	if err := makeDirs(s.fs, s.path("")); err != nil {
		return err
	}
	if s.lock, err = s.fs.Lock(s.path(lockFile)); err != nil {
		if errors.Is(err, vfs.ErrLocked) {
			err = fmt.Errorf("%w: %s", ErrLocked, s.path(lockFile))
		}
		return err
	}
	if tree, ok := s.fs.(*vfs.OS); ok {
		_ = tree.SyncAll(s.path(""), nil) // the first lets later ones tell of what fails from now on
	}
	if err := s.openLocked(); err != nil {
		for _, l := range s.Logs() {
			l.releaseAll()
		}
		if s.manifest != nil {
			err = errors.Join(err, s.manifest.Close())
		}
		return errors.Join(err, s.lock.Close())
	}
	s.enqueue(task{atMs: s.nowMs() + s.opt.CheckpointMs, kind: taskCheckpoint})
	if !s.opt.Manual {
		s.workers.Add(1 + s.opt.CompactionWorkers)
		go s.keepHouse()
		for range s.opt.CompactionWorkers {
			go s.keepCompacting()
		}
	}
	s.beginShedding()
	return nil
}

// findLogs finds the log directory of a store that is only read: that may be one of
// Kafka's, which has any name.
func (s *Store) findLogs() error {
	_, err := s.fs.Stat(s.path(""))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	kind, err := (&checker{fs: s.fs}).kindOf(s.dir)
	if err == nil && kind != kindLogs {
		err = fmt.Errorf("%w: neither a store nor a log directory", ErrNotFound)
	}
	s.logsIn = s.dir
	return err
}

func (s *Store) openLocked() error {
	if err := makeDirs(s.fs, s.ownPath("")); err != nil {
		return err
	}
	p, err := s.readPast()
	if err != nil {
		return err
	}
	s.checkpoints.found = p
	if err := s.openLogs(p); err != nil {
		return err
	}
	// An earlier process may have been killed between making a directory and
	// syncing its entry; what is appended there now must not be lost with it.
	if err := s.fs.SyncDir(s.path("")); err != nil {
		return err
	}
	if err := s.beginManifest(p); err != nil {
		return err
	}
	if err := errors.Join(s.dropPending(p), s.forgetDistrust(p)); err != nil {
		return err
	}
	if p.clean {
		// From here on the manifest says that the store is open.
		if err := errors.Join(s.fs.Remove(s.path(cleanShutdownFile)), s.fs.SyncDir(s.path(""))); err != nil {
			return err
		}
	}
	p.forgetRows(s.broken)
	if p.ours {
		return nil
	}
	// From now on nobody else keeps this directory, and what is ours counts.
	return s.writeCheckpoints()
}

// beginManifest goes on with the manifest after a clean close of ours, and
// begins a new one otherwise. What the journal held is in the logs' own files by
// now, or pending, so that the journal begins anew.
func (s *Store) beginManifest(p *past) (err error) {
	if p.ours && p.clean && !p.torn {
		if s.manifest, err = manifest.Open(s.fs, s.ownPath(""), p.state); err != nil {
			return err
		}
		lsn, err := s.manifest.Opened()
		for _, l := range s.Logs() {
			if err == nil && l.standing.dirty { // it has no row
				lsn, err = s.manifest.Put(l.row())
				l.standing.lsn = lsn
			}
		}
		for name := range p.state.Rows {
			if tp, _ := parseDir(name); err == nil && s.logs[tp] == nil && s.broken[tp] == nil {
				// Deleted, and there was no space to say so: a log that is created in its
				// place must not be taken for it.
				lsn, err = s.manifest.Drop(name)
			}
		}
		return errors.Join(err, s.manifest.Sync(lsn))
	}
	st := &manifest.State{Rows: map[string]*manifest.Row{}, NextIncarnation: s.nextIncarnation.Load(), JournalStart: s.found.generation + 1}
	for _, l := range s.Logs() {
		st.Rows[l.name] = l.row()
	}
	for tp := range s.broken {
		if row := p.state.Rows[tp.String()]; row != nil {
			st.Rows[tp.String()] = row
		}
	}
	s.manifest, err = manifest.Create(s.fs, s.ownPath(""), st)
	return err
}

// openLogs opens every log of the directory: one that the manifest knows and
// that did not change by its row, the others by recovery, several at a time. One
// that cannot be opened does not keep the others from being served.
func (s *Store) openLogs(p *past) error {
	names, err := s.fs.ReadDir(s.path(""))
	if err != nil {
		return err
	}
	found := s.logsAmong(names)
	s.opt.Progress.logs.Store(int64(len(found)))
	var all []*recovery
	for _, tp := range found {
		row := p.state.Rows[tp.String()]
		if !isAtRest(row) {
			all = append(all, s.newRecovery(tp, row, p))
			continue
		}
		l, err := s.openRow(tp, row)
		s.admitOpened(tp, l, err)
	}
	if err := s.recoverLogs(all, p); err != nil {
		for _, r := range all {
			if r.finished {
				r.log.releaseAll()
			} else {
				r.abandon()
			}
		}
		return err
	}
	for _, r := range all {
		if r.failed != nil {
			r.abandon()
			p.leave(r)
		}
		s.admitOpened(r.tp, r.log, r.failed)
	}
	return nil
}

func (s *Store) admitOpened(tp TopicPartition, l *Log, err error) {
	s.opt.Progress.opened.Add(1)
	if err != nil {
		s.broken[tp] = err
		s.emit(LogNotOpened{tp, err})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placeLog(tp, l)
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
