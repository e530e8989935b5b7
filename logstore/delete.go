package logstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Delete takes a log away, durably: its directory is renamed, and removed with
// all in it after file.delete.delay.ms. Pinned reads go on. The name is free at
// once.
func (s *Store) Delete(tp TopicPartition) error {
	delayMs, gone, err := s.takeAway(tp, deleteSuffix)
	if err != nil {
		return fmt.Errorf("logstore: delete %s: %w", tp, err)
	}
	s.enqueue(task{atMs: later(s.nowMs(), delayMs), kind: taskRemove, dir: gone})
	return nil
}

// SetAside takes a log out of the store and keeps its files, in a directory
// that is named as Kafka names those of which it does not know the topic.
func (s *Store) SetAside(tp TopicPartition) error {
	if _, _, err := s.takeAway(tp, straySuffix); err != nil {
		return fmt.Errorf("logstore: set aside %s: %w", tp, err)
	}
	return nil
}

// takeAway ends a log and renames its directory, durably.
func (s *Store) takeAway(tp TopicPartition, suffix string) (delayMs int64, gone string, err error) {
	s.mu.Lock()
	l, broken := s.logs[tp], s.broken[tp] != nil
	switch {
	case s.closed:
		err = ErrClosed
	case s.opt.ReadOnly:
		err = ErrReadOnly
	case l == nil && !broken:
		err = ErrNotFound
	default:
		delete(s.logs, tp)
		delete(s.broken, tp)
		s.workers.Add(1) // Close waits
		defer s.workers.Done()
	}
	s.mu.Unlock()
	if err != nil {
		return 0, "", err
	}
	delayMs, gone = s.opt.Log.FileDeleteDelayMs, s.path(s.uniqueName(tp, suffix))
	if l != nil {
		l.stop()
		defer l.holdCompaction()()
		l.upkeep.Lock()
		defer l.upkeep.Unlock()
		defer l.releaseAll()
		delayMs = l.Config().FileDeleteDelayMs
	}
	if err := s.fs.Rename(s.path(tp.String()), gone); err != nil {
		// It is there still, with its checkpoints, and can be taken away again.
		s.mu.Lock()
		s.broken[tp] = err
		s.mu.Unlock()
		return 0, "", err
	}
	err = s.fs.SyncDir(s.path(""))
	if err == nil {
		// Not before: without a row the directory would be opened as it lies. Not
		// synced, until there is another log of that name: a row without a directory
		// is that of a deleted log.
		var lsn int64
		lsn, err = s.manifest.Drop(tp.String())
		for at := s.dropped.Load(); lsn > at && !s.dropped.CompareAndSwap(at, lsn); at = s.dropped.Load() {
		}
	}
	return delayMs, gone, err
}

// uniqueName is what Kafka calls the directory of a log that is no more: unique,
// and short enough for a file system.
func (s *Store) uniqueName(tp TopicPartition, suffix string) string {
	var unique [16]byte
	for i := range unique {
		unique[i] = byte(s.opt.Rand(256))
	}
	suffix = fmt.Sprintf("-%d.%s%s", tp.Partition, hex.EncodeToString(unique[:]), suffix)
	return tp.Topic[:min(len(tp.Topic), nameBytesMax-len(suffix))] + suffix
}

// isDeletedName tells the directories that uniqueName, or Kafka, named so.
func isDeletedName(name string) bool {
	name, ok := strings.CutSuffix(name, deleteSuffix)
	dot := strings.LastIndexByte(name, '.')
	if !ok || dot < 0 {
		return false
	}
	_, isLog := parseDir(name[:dot])
	unique, err := hex.DecodeString(name[dot+1:])
	return isLog && err == nil && len(unique) == 16
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
