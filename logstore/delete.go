package logstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"moldau/logstore/vfs"
)

// Delete takes a log away, durably: its directory is renamed, and removed with
// all in it after file.delete.delay.ms. Pinned reads go on. The name is free when
// it returns. After an error the log is there as before, but for one of the disk,
// when it is poisoned.
func (s *Store) Delete(tp TopicPartition) error {
	delayMs, gone, err := s.takeAway(tp, deleteSuffix)
	if err != nil {
		return fmt.Errorf("logstore: delete %s: %w", tp, err)
	}
	s.enqueue(task{atMs: later(s.nowMs(), delayMs), kind: taskRemove, dir: gone})
	return nil
}

// SetAside takes a log out of the store and keeps its files, with all that was
// acknowledged, in a directory that is named as Kafka names those of which it does
// not know the topic. One that could not be opened, and has not taken what the
// journal held of it, stays where it is.
func (s *Store) SetAside(tp TopicPartition) error {
	if _, _, err := s.takeAway(tp, straySuffix); err != nil {
		return fmt.Errorf("logstore: set aside %s: %w", tp, err)
	}
	return nil
}

// takeAway ends a log and renames its directory, durably. Until the manifest has
// forgotten it the name stays taken, and the log, hidden, what manifest and
// journal are kept for.
func (s *Store) takeAway(tp TopicPartition, suffix string) (delayMs int64, gone string, err error) {
	l, err := s.hide(tp)
	if err != nil {
		return 0, "", err
	}
	defer s.changes.Done()
	delayMs, gone = s.opt.Log.FileDeleteDelayMs, s.path(s.uniqueName(tp, suffix))
	if l != nil {
		delayMs = l.Config().FileDeleteDelayMs
		l.stop()
		defer l.holdCompaction()()
		l.upkeep.Lock()
		defer l.upkeep.Unlock()
		if suffix == straySuffix {
			// Its files are all that is left of it.
			if err = l.flushFiles(l.Offset(LogEnd)); err != nil && !l.needsJournal() {
				err = nil // quarantined: it has what it has
			}
			if err == nil {
				err = l.leaveSmall()
			}
		}
	} else if suffix == straySuffix {
		err = s.leaveBroken(tp)
	}
	if err == nil {
		err = s.renameDir(l, tp, gone)
	}
	if err != nil {
		if l != nil {
			l.resume()
			s.show(l)
		} else {
			s.giveNameFree(tp) // to the broken log that has it
		}
		return 0, "", err
	}
	s.setLog(tp, nil)
	err = s.drop(tp)
	if l != nil {
		s.committer.forget(l)
		l.releaseAll()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLog(tp)
	delete(s.broken, tp)
	return delayMs, gone, err
}

// leaveBroken has the directory of a log that could not be opened hold what there is
// of it elsewhere: records, or else it is not set aside, and its topic's id, as far as
// what keeps it from being opened lets that be written.
func (s *Store) leaveBroken(tp TopicPartition) error {
	s.mu.RLock()
	err := s.checkpoints.found.lacks(tp)
	row := s.checkpoints.found.state.Rows[tp.String()]
	s.mu.RUnlock()
	if err != nil || row == nil || row.TopicID == (TopicID{}) {
		return err
	}
	name := path.Join(s.path(tp.String()), partitionMetaFile)
	if _, err := s.fs.Stat(name); errors.Is(err, fs.ErrNotExist) {
		_ = replaceFile(s.fs, name, encodePartitionMeta(row.TopicID), true)
	}
	return nil
}

// hide takes a log out of sight and its name; the log is nil if it is a broken
// one. Close waits for changes.Done.
func (s *Store) hide(tp TopicPartition) (*Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, taken := s.logs[tp]
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.opt.ReadOnly:
		return nil, ErrReadOnly
	case l == nil && (taken || s.broken[tp] == nil), l != nil && l.hidden:
		return nil, ErrNotFound
	}
	if l != nil {
		l.hidden = true
	} else {
		s.placeLog(tp, nil)
	}
	s.changes.Add(1)
	return l, nil
}

func (s *Store) renameDir(l *Log, tp TopicPartition, gone string) error {
	parent, err := vfs.HoldDir(s.fs, s.path("")) // first: without descriptors nothing is to change
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := s.fs.Rename(s.path(tp.String()), gone); err != nil {
		return err
	}
	err = parent.Sync()
	if err != nil && l != nil {
		err = l.poison(err) // under which name it will be found is not known
	}
	return err
}

// drop takes a log's row out of the manifest, once nothing of it is in s.logs and
// its directory is durably gone: without a row that would be opened as it lies. It
// is not synced until there is another log of that name: a row without a directory
// is that of a deleted log. So one that there was no space to drop does no harm
// until then.
func (s *Store) drop(tp TopicPartition) error {
	lsn, err := s.manifest.Drop(tp.String())
	if err != nil && s.failure() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.undropped[tp] = true
		return nil
	}
	for at := s.dropped.Load(); lsn > at && !s.dropped.CompareAndSwap(at, lsn); at = s.dropped.Load() {
	}
	return err
}

// forgetDropped makes sure that no row is left of a deleted log of that name:
// recovery would expect its data.
func (s *Store) forgetDropped(tp TopicPartition) error {
	s.mu.Lock()
	owed := s.undropped[tp]
	delete(s.undropped, tp)
	s.mu.Unlock()
	if owed {
		if err := s.drop(tp); err != nil {
			return err
		}
		s.mu.RLock()
		owed = s.undropped[tp]
		s.mu.RUnlock()
		if owed {
			return fmt.Errorf("%w: for the manifest", ErrNoSpace)
		}
	}
	return s.syncManifest(s.dropped.Load())
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
