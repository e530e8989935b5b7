package logstore

import (
	"errors"
	"io/fs"
	"slices"
)

// What retention takes off a log's view leaves its directory in two steps: its
// files are marked, by name, as deleted, and unlinked after a while. A log comes
// to rest when nothing of that is left to do: nobody lists the directory of one
// at rest. A close does at once what is left. Readers keep what they have open.

// retirement is of segments that are in no view any more. It is under Log.mu.
type retirement struct {
	litter  bool    // files may be left of a compaction that was given up, or of a truncation that failed
	retired []int64 // bases of those whose files are to be marked deleted, oldest first
	marked  []int64 // bases of those whose files are to be unlinked
}

// pending tells that files are left which are not part of the log.
func (r *retirement) pending() bool { return r.litter || len(r.retired)+len(r.marked) > 0 }

// markRetired marks the files of retired segments as deleted, and has them
// unlinked later.
func (l *Log) markRetired() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if l.closed.Load() { // the directory may be another log's by now
		return nil
	}
	return l.markAll()
}

// markAll goes from the oldest on: a failure, or a crash, leaves a shorter step
// and never a hole. The caller holds l.upkeep.
func (l *Log) markAll() error {
	for {
		l.mu.Lock()
		retired := l.retired
		var err error
		if len(retired) > 0 || l.litter {
			err = l.touchDurably()
		}
		l.mu.Unlock()
		if err == nil {
			err = l.clearLitter()
		}
		if err != nil || len(retired) == 0 {
			return err
		}
		base := retired[0]
		again := l.beginsAt(base) // the log began anew there
		if !again {
			if err := l.markDeleted(base); err != nil {
				return l.final(err)
			}
		}
		l.mu.Lock()
		l.retired = l.retired[1:]
		if !again {
			l.marked = append(l.marked, base)
		}
		l.mu.Unlock()
		if !again {
			l.store.enqueue(task{atMs: later(l.store.nowMs(), l.Config().FileDeleteDelayMs), kind: taskUnlink, log: l, base: base})
		}
	}
}

// markDeleted renames the files of a segment, durably the data's. The data goes
// first: a crash that left it without what lies beside would make aborted records
// out to be good.
func (l *Log) markDeleted(base int64) error {
	for _, suffix := range []string{logSuffix, offsetsSuffix, timesSuffix, txnSuffix, snapshotSuffix} {
		name := l.file(segmentFileName(base, suffix))
		if err := l.store.fs.Rename(name, name+deletedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if suffix != logSuffix {
			continue // without its data a start removes it
		}
		if err := l.store.fs.SyncDir(l.dir); err != nil {
			return unsyncable(err)
		}
	}
	return nil
}

// unlink removes the files of a segment that was marked.
func (l *Log) unlink(base int64) error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if l.closed.Load() {
		return nil
	}
	return l.unlinkMarked(base)
}

// unlinkMarked is unlink for who holds l.upkeep.
func (l *Log) unlinkMarked(base int64) error {
	if err := removeSegmentFiles(l.store.fs, l.dir, base, deletedSuffix); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.marked, base); i >= 0 {
		l.marked = slices.Delete(l.marked, i, i+1)
	}
	return nil
}

// clearRetired does what is left to do. The caller holds l.upkeep, and syncs the
// directory.
func (l *Log) clearRetired() error {
	if err := errors.Join(l.clearLitter(), l.markAll()); err != nil {
		return err
	}
	l.mu.Lock()
	marked := slices.Clone(l.marked)
	l.mu.Unlock()
	for _, base := range marked {
		if err := l.unlinkMarked(base); err != nil {
			return err
		}
	}
	return nil
}
