package logstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

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
