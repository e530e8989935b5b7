package logstore

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// A swap lets one new segment stand for a group. Its files are complete and
// durable under names that a start removes. What follows is durable step by step:
//
//	named .swap    from here on a start puts it in place of the group
//	originals named .deleted
//	.swap stripped off
//
// Renames may reach the disk in any order. Were the directory synced once, at the
// end, a crash could leave the originals gone and the new segment under a name
// that is removed.

// swap publishes a finished output in place of its group.
func (l *Log) swap(group []compactInput, o *compactOutput) error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	l.mu.Lock()
	_, there := l.find(group)
	err := l.touchDurably() // the recovery point, too, which is past the group
	l.mu.Unlock()
	if !there {
		return errRetired
	}
	if err != nil {
		return l.final(err)
	}
	l.setLitter(true) // until it is more than that
	if err = l.final(l.promise(o)); errors.Is(err, ErrPoisoned) {
		o.leave() // whether a start finds it is not known
		return err
	}
	if err != nil {
		return errors.Join(err, o.discard(), l.clearLitter())
	}
	s, aborts := o.segment, o.aborts
	o.segment = nil // the log's
	l.publishCompacted(group, s)
	// Files and memory disagree where this fails; opening the log anew settles it.
	if err := l.putInPlace(group, s, aborts); err != nil {
		return l.poison(err)
	}
	return nil
}

// find is where in the view a group lies, unless retention took some of it. The
// caller holds l.mu.
func (l *Log) find(group []compactInput) (at int, ok bool) {
	segments := l.view.Load().segments
	at = slices.Index(segments, group[0].segment)
	if at < 0 || at+len(group) >= len(segments) {
		return 0, false
	}
	for i, in := range group {
		if segments[at+i] != in.segment {
			return 0, false
		}
	}
	return at, true
}

// unlessRetired is why a segment of a plan could not be opened. One that nobody had
// open when retention took it is not there under its name.
func (l *Log) unlessRetired(in compactInput, err error) error {
	if errors.Is(err, fs.ErrNotExist) && !slices.Contains(l.view.Load().segments, in.segment) {
		return errRetired
	}
	return err
}

// promise gives the files the names by which a start puts them in place. The data
// is last: it is by its name that the others count.
func (l *Log) promise(o *compactOutput) error {
	for _, f := range o.beside() {
		if err := f.rename(swapName(f.name)); err != nil {
			return spaceError(err)
		}
	}
	if o.aborts {
		// Which transactions were aborted cannot always be told from what is left.
		if err := l.store.fs.SyncDir(l.dir); err != nil {
			return unsyncable(err)
		}
	}
	name := o.segment.path(logSuffix)
	if err := l.store.fs.Rename(name+cleanedSuffix, name+swapSuffix); err != nil {
		return spaceError(err)
	}
	return unsyncable(l.store.fs.SyncDir(l.dir))
}

// beside is the files beside the data.
func (o *compactOutput) beside() []*indexFile {
	if o.aborts {
		return []*indexFile{o.segment.files[0], o.segment.files[1], o.segment.txnFile}
	}
	return o.segment.files[:]
}

func swapName(cleaned string) string { return strings.TrimSuffix(cleaned, cleanedSuffix) + swapSuffix }

// publishCompacted replaces the view. No bound lies within the group, but some may
// at its end.
func (l *Log) publishCompacted(group []compactInput, s *segment) {
	l.mu.Lock()
	l.litter = false
	at, _ := l.find(group)
	segments := slices.Clone(l.view.Load().segments)
	old := slices.Clone(segments[at : at+len(group)])
	// Before the bounds: the new end is no end of a batch in the old files, where a reader
	// who still has them would take it for damage. The old end lies behind the new file.
	l.view.Store(&view{slices.Replace(segments, at, at+len(group), s)})
	for b := range l.bounds {
		if m := l.bounds[b].load(); slices.Contains(old, m.segment) {
			l.bounds[b].store(s.endMark())
		}
	}
	l.mu.Unlock()
	release(old)
}

// putInPlace marks the originals as deleted and gives the new segment its names.
// The caller holds l.upkeep.
func (l *Log) putInPlace(group []compactInput, s *segment, aborts bool) error {
	for _, in := range group {
		suffixes := segmentSuffixes
		if in.base == s.base {
			suffixes = segmentSuffixes[:4] // the producers are the same at its beginning
		}
		for _, suffix := range suffixes {
			name := l.file(segmentFileName(in.base, suffix))
			if err := l.store.fs.Rename(name, name+deletedSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if err := l.syncDirAtLast(); err != nil {
		return err
	}
	if err := l.strip(s, aborts); err != nil {
		return err
	}
	l.unlinkLater(group)
	return nil
}

// strip gives the files of a new segment the names of a log's. A transaction index
// comes first: a start that finds the data under its last name does not look for
// it any more. The others can be built anew.
func (l *Log) strip(s *segment, aborts bool) error {
	if !aborts {
		s.txnFile.isNamed(s.path(txnSuffix)) // there is none
	} else if err := s.txnFile.rename(s.path(txnSuffix)); err != nil {
		return err
	} else if err := l.syncDirAtLast(); err != nil {
		return err
	}
	name := s.path(logSuffix)
	if err := l.store.fs.Rename(name+swapSuffix, name); err != nil {
		return err
	}
	for i, suffix := range []string{offsetsSuffix, timesSuffix} {
		if err := s.files[i].rename(s.path(suffix)); err != nil {
			return err
		}
	}
	if err := l.syncDirAtLast(); err != nil {
		return err
	}
	if aborts && s.txns.Len() == 0 {
		return s.removeTxns(l.store.fs) // not durably: an empty one does no harm
	}
	return nil
}

// syncDirAtLast is SyncDir in the middle of what has to be ended: it waits for
// want of descriptors to pass, as long as that may be hoped for.
func (l *Log) syncDirAtLast() error {
	for tries := 1; ; tries++ {
		err := l.store.fs.SyncDir(l.dir)
		if !isShortage(err) || tries == 100 {
			return err
		}
		timer := time.NewTimer(stallMs * time.Millisecond)
		select {
		case <-timer.C:
		case <-l.store.closing: // which waits for this
			timer.Stop()
			return err
		}
	}
}

// unlinkLater has the files of a group unlinked that were marked as deleted.
func (l *Log) unlinkLater(group []compactInput) {
	at := later(l.store.nowMs(), l.Config().FileDeleteDelayMs)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, in := range group {
		if !slices.Contains(l.marked, in.base) {
			l.marked = append(l.marked, in.base)
		}
		l.store.enqueue(task{atMs: at, kind: taskUnlink, log: l, base: in.base})
	}
}
