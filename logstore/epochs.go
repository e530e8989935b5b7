package logstore

import (
	"slices"
	"sort"
	"sync/atomic"
)

// epochCache knows where each leader epoch began. Entries rise strictly in
// epoch and never fall in offset. Readers take the list without a lock; it is
// replaced, never changed, by the holder of Log.mu.
type epochCache struct {
	list  atomic.Pointer[[]epochEntry]
	dirty bool // under Log.mu: differs from the file
	// current is 1 more than the newest epoch, 0 for none: under Log.mu, for appends, of
	// which each would fetch the list into the processor's cache to learn that.
	current int64
}

func (c *epochCache) entries() []epochEntry {
	if p := c.list.Load(); p != nil {
		return *p
	}
	return nil
}

// set replaces the list, which the caller gives away.
func (c *epochCache) set(entries []epochEntry) {
	c.list.Store(&entries)
	c.dirty = true
	c.current = int64(c.latest()) + 1
}

func (c *epochCache) latest() int32 {
	if e := c.entries(); len(e) > 0 {
		return e[len(e)-1].epoch
	}
	return -1
}

// assign notes that epoch begins at start. Entries that contradict it, equal
// or newer epochs and equal or later starts, are dropped first: a follower's
// tail may have come from leaders that were never elected (KAFKA-10706).
func (c *epochCache) assign(epoch int32, start int64) {
	if int64(epoch) == c.current-1 {
		return
	}
	old := c.entries()
	kept := old
	for n := len(kept); n > 0 && (kept[n-1].epoch >= epoch || kept[n-1].start >= start); n-- {
		kept = kept[:n-1]
	}
	c.set(append(slices.Clone(kept), epochEntry{epoch, start}))
}

// truncateTail forgets epochs that began at or after end.
func (c *epochCache) truncateTail(end int64) { c.dropAbove(end - 1) }

// dropAbove forgets epochs that began after end. One that began just there is
// empty and stays: a log whose records are all deleted still fences old leaders.
func (c *epochCache) dropAbove(end int64) {
	old := c.entries()
	kept := old
	for n := len(kept); n > 0 && kept[n-1].start > end; n-- {
		kept = kept[:n-1]
	}
	if len(kept) < len(old) {
		c.set(slices.Clone(kept))
	}
}

// truncateHead forgets epochs that ended at or before start; the one that
// start lies in then begins there.
func (c *epochCache) truncateHead(start int64) {
	old := c.entries()
	i := sort.Search(len(old), func(i int) bool { return old[i].start > start }) - 1
	if i < 0 || i == 0 && old[0].start == start {
		return
	}
	kept := slices.Clone(old[i:])
	kept[0].start = start
	c.set(kept)
}

// end answers OffsetForLeaderEpoch: the largest epoch at or below the asked
// one, and the offset at which it ended.
func (c *epochCache) end(epoch int32, logEnd int64) (int32, int64) {
	e := c.entries()
	if epoch < 0 || len(e) == 0 || epoch > e[len(e)-1].epoch {
		return -1, -1
	}
	if epoch == e[len(e)-1].epoch {
		return epoch, logEnd
	}
	higher := sort.Search(len(e), func(i int) bool { return e[i].epoch > epoch })
	if higher == 0 {
		// Older than all that is known: it ended no later than the first.
		return epoch, e[0].start
	}
	return e[higher-1].epoch, e[higher].start
}

// of is the epoch under which offset was written, -1 if unknown.
func (c *epochCache) of(offset int64) int32 {
	e := c.entries()
	i := sort.Search(len(e), func(i int) bool { return e[i].start > offset }) - 1
	if i < 0 {
		return -1
	}
	return e[i].epoch
}

// LatestEpoch is the leader epoch of the last append, -1 if there was none.
func (l *Log) LatestEpoch() int32 { return l.epochs.latest() }

// EpochOf is the leader epoch under which offset was written, -1 if unknown.
func (l *Log) EpochOf(offset int64) int32 { return l.epochs.of(offset) }

// EpochEnd answers Kafka's OffsetForLeaderEpoch: the largest epoch at or below
// the asked one, and the offset at which it ended; -1, -1 if the asked one is
// newer than any in the log.
func (l *Log) EpochEnd(epoch int32) (found int32, end int64) {
	return l.epochs.end(epoch, l.Offset(LogEnd))
}
