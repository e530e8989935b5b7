package logstore

import (
	"errors"
	"io/fs"
	"strings"
)

// A compaction that is given up takes its files away. Where that fails they are
// litter, as are the indexes of a truncation that failed before it changed anything;
// and a swap among them is a promise that still holds: a start puts it in
// place of the segments that there were then. That does no harm as long as these
// are there. So it goes, durably, before any of them does, and before the log
// comes to rest: a start does not list the directory of one at rest, and Kafka
// would. Who cannot clear the litter does not change segments either.

// setLitter notes whether such files may be there that are nobody's.
func (l *Log) setLitter(there bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.litter = there
}

// clearLitter removes them, if there are any. The caller
// holds l.upkeep.
func (l *Log) clearLitter() error {
	l.mu.Lock()
	litter := l.litter
	l.mu.Unlock()
	if !litter {
		return nil
	}
	if err := l.failure(); err != nil {
		return err // whether a start finds a swap is not known
	}
	return l.removeLitter()
}

// removeLitter removes all that can only be litter. Of a swap the data goes
// first, durably: with it, and without the transaction index beside, a start would
// make aborted records out to be good. The caller holds l.upkeep.
func (l *Log) removeLitter() error {
	names, err := l.store.fs.ReadDir(l.dir)
	if err != nil {
		return err
	}
	var swaps, others []string
	for _, n := range names {
		switch name := n.Name(); {
		case strings.HasSuffix(name, logSuffix+swapSuffix):
			swaps = append(swaps, name)
		case strings.HasSuffix(name, swapSuffix), strings.HasSuffix(name, cleanedSuffix):
			others = append(others, name)
		}
	}
	l.mu.Lock()
	litter := l.litter
	l.mu.Unlock()
	err = l.removeAll(swaps)
	if err == nil && (litter || len(swaps) > 0) { // a removal may be left to be made durable
		err = unsyncable(l.store.fs.SyncDir(l.dir))
	}
	if err == nil {
		err = l.removeAll(others)
	}
	if err == nil {
		l.setLitter(false)
	}
	return l.final(err)
}

func (l *Log) removeAll(names []string) error {
	var all error
	for _, name := range names {
		all = errors.Join(all, ignore(l.store.fs.Remove(l.file(name)), fs.ErrNotExist))
	}
	return all
}
