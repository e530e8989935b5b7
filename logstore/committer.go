package logstore

import (
	"sync"
	"sync/atomic"

	"moldau/logstore/journal"
)

const (
	// ownFileBytes is from how many bytes on a log's share of a commit goes to its
	// own file only: writing it twice would cost more than a sync of its own.
	ownFileBytes = 64 << 10
	// journalHabit is for how many commits of a single log the journal is used
	// after one of several: their clients come back one by one.
	journalHabit = 8
	// journalBusy is how many commits without a pause make it worth to use the
	// journal for one log: many wait for each, and to write over what is there is
	// synced sooner than what makes a file longer.
	journalBusy = 4
)

// committer makes appends durable, those of many logs with one sync. A goroutine
// runs while there is something to commit and no longer; whoever appends while a
// commit runs shares the next one. An append that waits anyway runs the first
// commit itself: to hand it over, and to be woken, can cost as much as a sync.
//
// A commit of one log, or a share that is large, syncs the log's own files. All
// else is written, once more, into one sequential journal, whose single sync
// acknowledges every log in it: syncing a file for each costs a journal commit
// of the file system each time.
type committer struct {
	store *Store

	mu      sync.Mutex
	waiting []*Log         // under mu; each once
	running bool           // under mu
	own     map[*Log]int64 // under mu; how far own files were synced since the last commit to the journal

	// Of the goroutine that runs; their memory is reused.
	taken  []*Log
	shares []share
	habit  int // commits left for which one log alone uses the journal
	streak int // commits since there was nothing to do

	// cutting keeps cuts in line; it is taken before all locks of logs.
	cutting sync.Mutex
	asked   atomic.Bool  // a cut was asked for and has not ended
	pauseMs atomic.Int64 // no cut is asked for before: one has failed, or has made no room

	preparing, begun atomic.Bool  // a file of the journal is being made; one has been
	preparingMs      atomic.Int64 // none is begun before: one has failed

	// writing guards the journal.
	writing  sync.Mutex
	journal  *journal.Journal
	rotation uint64         // how often a cut let it begin a new file
	named    map[*Log]int64 // what the commit being built says of own files
	lag      lag
}

// share is what one log has to be made durable of, from offset from on.
type share struct {
	log      *Log
	upto     mark
	from     int64
	bytes    int64      // from there on
	segments []unsynced // pinned
	// directory tells that files were created since a sync of the directory began
	// that has ended: one under way, of another share, is not enough.
	directory bool
	created   int64 // segments, when it was collected
	own       bool  // goes to the log's own files only
	epoch     int32
	standing  int64 // what the manifest must say, durably, before it is published
}

// unsynced is a part of a segment: from is where what is not yet durable
// begins, upto where it ends. The file may be un-synced before from, where the
// journal holds it.
type unsynced struct {
	segment    *segment
	from, upto int64 // positions
}

// enqueue has a log committed next. If nobody commits, a goroutine begins, or it is
// claimed: then the caller calls run or runOnce when it has given up its locks.
func (c *committer) enqueue(l *Log, claim bool) (claimed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, l)
	if c.running {
		return false
	}
	c.running = true
	c.store.workers.Add(1)
	if !claim {
		go c.run()
	}
	return claim
}

// run commits until nobody waits.
func (c *committer) run() {
	defer c.store.workers.Done()
	for c.take() {
		c.commit(c.collect())
		c.streak++
	}
}

// runOnce commits those who wait now. Who comes meanwhile is left to a goroutine,
// as the caller has what it came for.
func (c *committer) runOnce() {
	defer c.store.workers.Done()
	if !c.take() {
		return
	}
	c.commit(c.collect())
	c.streak++
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running = len(c.waiting) > 0; !c.running {
		clear(c.taken) // any of them may be deleted
		c.streak = 0
		return
	}
	c.store.workers.Add(1)
	go c.run()
}

// take moves those who wait into taken. With nobody it ends the run.
func (c *committer) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.taken)
	c.taken, c.waiting = c.waiting, c.taken[:0]
	if c.running = len(c.taken) > 0; !c.running {
		c.streak = 0
	}
	return c.running
}

// collect returns the shares of the logs taken that are to be committed
// together; those that go to their own files by their size are on their way.
func (c *committer) collect() []share {
	n := 0
	for _, l := range c.taken {
		if n == len(c.shares) {
			c.shares = append(c.shares, share{})
		}
		sh := &c.shares[n]
		if !l.beginCommit(sh) {
			continue
		}
		if !sh.own {
			n++
			continue
		}
		large := *sh
		*sh = share{}
		c.store.workers.Add(1)
		go func() {
			defer c.store.workers.Done()
			c.commitOwn(&large)
		}()
	}
	return c.shares[:n]
}

func (c *committer) commit(shares []share) {
	switch n := len(shares); {
	case n == 0:
		return
	case n > 1, c.streak >= journalBusy && c.prepared():
		c.habit = journalHabit
	case c.habit > 0:
		c.habit--
	}
	if c.habit == 0 && !c.store.opt.journalAlways {
		c.commitOwn(&shares[0])
		return
	}
	c.commitJournal(shares)
}

// commitOwn syncs a log's own files.
func (c *committer) commitOwn(sh *share) {
	err := sh.syncFiles()
	sh.log.committed(sh, true, err)
	sh.unpin()
}

// syncedOwn notes how far a log's own files are synced. The caller holds the
// log's lock.
func (c *committer) syncedOwn(l *Log, upto int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own[l] = max(c.own[l], upto)
}

// forget drops what is noted of a log's own files.
func (c *committer) forget(l *Log) {
	c.writing.Lock() // or the next commit to the journal has it already
	defer c.writing.Unlock()
	c.lag.drop(l)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.own, l)
}

// publish ends the commit of shares.
func (c *committer) publish(shares []share, err error) {
	for i := range shares {
		sh := &shares[i]
		sh.log.committed(sh, false, err)
		sh.unpin()
	}
}
