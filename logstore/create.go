package logstore

import (
	"errors"
	"fmt"
	"io/fs"
)

// OpenLog is [Store.Log], and makes the log, durably, if there is none: with the
// configuration that Options have for it, and without a topic id. So a log has one
// configuration when it is made and whenever it is found again.
//
// It is ErrExists while a [Store.Create] or [Store.Delete] of the name has not
// returned; any number of OpenLog may go on at once. A read-only store makes none:
// ErrNotFound.
func (s *Store) OpenLog(tp TopicPartition) (*Log, error) {
	if err := s.enter(); err != nil {
		return nil, fmt.Errorf("logstore: open %s: %w", tp, err)
	}
	defer s.changes.Done()
	l, err := s.Log(tp)
	if s.opt.ReadOnly || !errors.Is(err, ErrNotFound) {
		return l, err
	}
	s.making.Lock() // of those who want the same log, one makes it
	defer s.making.Unlock()
	if l, err = s.Log(tp); !errors.Is(err, ErrNotFound) {
		return l, err
	}
	c, err := s.configOf(tp)
	if err != nil {
		return nil, fmt.Errorf("logstore: open %s: %w", tp, err)
	}
	return s.Create(tp, TopicID{}, c)
}

// Create makes an empty log, durably. id may be zero for none. It is ErrExists
// if there is one, and as long as a [Store.Delete] of that name has not returned.
//
// c is not kept on disk: the next open asks Options.ConfigFor, or takes
// Options.Log, and its retention goes by that.
func (s *Store) Create(tp TopicPartition, id TopicID, c Config) (*Log, error) {
	if err := errors.Join(tp.Validate(), c.Validate()); err != nil {
		return nil, err
	}
	s.awaitFiles()
	if err := s.reserve(tp); err != nil {
		return nil, fmt.Errorf("logstore: create %s: %w", tp, err)
	}
	defer s.changes.Done()
	l, err := s.create(tp, id, c)
	if err != nil {
		s.setLog(tp, nil)
		if !errors.Is(err, ErrExists) {
			// Nothing is to be left that the next open would take for a log. Removing
			// needs no space.
			err = errors.Join(err, s.removeDir(s.path(tp.String())), s.fs.SyncDir(s.path("")), s.drop(tp))
		}
		s.giveNameFree(tp)
		return nil, fmt.Errorf("logstore: create %s: %w", tp, spaceError(err))
	}
	s.show(l)
	return l, nil
}

// reserve takes the name, so that logs are created side by side. Close waits for
// changes.Done.
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
	s.placeLog(tp, nil)
	s.changes.Add(1)
	return nil
}

func (s *Store) setLog(tp TopicPartition, l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placeLog(tp, l)
}

// show makes a hidden log known.
func (s *Store) show(l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.hidden = false
}

func (s *Store) giveNameFree(tp TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLog(tp)
}

// create makes the log, hidden.
func (s *Store) create(tp TopicPartition, id TopicID, c Config) (*Log, error) {
	if err := s.forgetDropped(tp); err != nil {
		return nil, err
	}
	l := s.newLog(tp, id, c)
	l.incarnation = s.nextIncarnation.Add(1) - 1
	l.standing.dirty = true
	if err := l.makeDir(); err != nil {
		return nil, err
	}
	if id != (TopicID{}) {
		if err := replaceFile(s.fs, l.file(partitionMetaFile), encodePartitionMeta(id), false); err != nil {
			return nil, err
		}
	}
	first, err := l.firstSegment()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.fs.SyncDir(l.dir), s.fs.SyncDir(s.path(""))); err != nil {
		first.abandon()
		return nil, err
	}
	l.begin(first)
	// In memory first: a manifest that is written anew meanwhile must have the row.
	l.hidden = true
	s.setLog(tp, l)
	if err := l.putRow(); err != nil {
		l.stop() // whoever has it from the list of those with open files
		l.releaseAll()
		return nil, err
	}
	return l, nil
}

// makeDir makes the log's directory. One that is there is as good if it is empty:
// a removal that was cut short leaves it.
func (l *Log) makeDir() error {
	fsys := l.store.fs
	err := fsys.Mkdir(l.dir, dirPerm)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if names, err := fsys.ReadDir(l.dir); err != nil || len(names) > 0 {
		return errors.Join(err, fmt.Errorf("%w: %s is not empty", ErrExists, l.dir))
	}
	return nil
}

// putRow gives a new log its row. Written, not synced: without a row the next
// open reads the directory, and nothing is acknowledged before the row is durable.
func (l *Log) putRow() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.standing.lsn, err = l.store.manifest.Put(l.row())
	return err
}
