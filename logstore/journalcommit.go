package logstore

import (
	"errors"
	"fmt"

	"moldau/logstore/journal"
)

// journalRetryMs is for how long nothing is tried again that makes room in the
// journal, by itself, after that has failed: it may cost a flush of every log.
// Appends go to the logs' own files meanwhile.
const journalRetryMs = 1000

// commitJournal writes shares to the journal, as few commits as they fit in.
// Where it has no room, not even after a cut, they go to their own files.
func (c *committer) commitJournal(shares []share) {
	standing := int64(0)
	for i := range shares {
		standing = max(standing, shares[i].standing)
	}
	if err := c.store.syncManifest(standing); err != nil {
		c.publish(shares, err)
		return
	}
	for len(shares) > 0 {
		n, err := c.write(shares)
		switch {
		case errors.Is(err, journal.ErrFull):
			for i := range shares {
				c.commitOwn(&shares[i])
			}
			return
		case err != nil:
			c.publish(shares, err)
			return
		}
		c.publish(shares[:n], nil)
		shares = shares[n:]
	}
}

// write makes one commit of as many of the shares as fit, and returns how many.
// It is journal.ErrFull where none does.
func (c *committer) write(shares []share) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.openJournal(); err != nil {
		return 0, err
	}
	for n < len(shares) && c.add(&shares[n]) {
		n++
	}
	if n == 0 {
		return 0, journal.ErrFull // larger than a commit may be, in a journal of small files
	}
	c.nameOwn()
	if c.journal.Pending() == 0 {
		return n, nil // their logs were poisoned
	}
	return n, c.sync(shares[:n])
}

// announce notes in the logs that the journal will hold what the commit has of
// them.
func (c *committer) announce(shares []share) {
	for i := range shares {
		shares[i].log.journaled.announce(shares[i].upto.offset(), c.rotation)
	}
	for l, upto := range c.named {
		l.journaled.announce(upto, c.rotation)
	}
}

// add puts a share into the commit being built, if it fits. One that cannot be
// read back poisons its log, and is left out.
func (c *committer) add(sh *share) bool {
	if sh.log.failure() != nil {
		return true
	}
	p, ok := c.journal.Add(journal.Header{
		Kind: journal.Batches, Log: sh.log.name, Incarnation: sh.log.incarnation, LeaderEpoch: sh.epoch,
		EndBefore: sh.from, First: sh.from, Last: sh.upto.offset() - 1,
	}, int(sh.bytes))
	if !ok {
		return false
	}
	for _, u := range sh.segments {
		n := u.upto - u.from
		if m, err := u.segment.data.ReadAt(p[:n], u.from); int64(m) < n {
			_ = sh.log.poison(fmt.Errorf("read back for the journal: %w", err))
			c.journal.Undo()
			break
		}
		p = p[n:]
	}
	return true
}

// nameOwn tells the journal which logs' own files were synced, so that bad
// bytes below are known for rot: as many as there is room for beside the shares.
func (c *committer) nameOwn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l, upto := range c.own {
		_, ok := c.journal.Add(journal.Header{Kind: journal.Synced, Log: l.name, Incarnation: l.incarnation, Last: upto}, 0)
		if !ok {
			return
		}
		c.named[l] = upto
		delete(c.own, l)
	}
}

// unnameOwn takes that back, which was added last: who truncates a log while the
// commit waits must find that nothing is said of it. It can be said later.
func (c *committer) unnameOwn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l, upto := range c.named {
		c.journal.Undo()
		c.own[l] = max(c.own[l], upto)
	}
	clear(c.named)
}

// sync commits what was added. With no room left the logs are flushed first,
// which is the only time that appends wait for that.
func (c *committer) sync(shares []share) error {
	c.announce(shares)
	began, generation, bytes := c.store.opt.Clock.Now(), c.journal.Generation(), c.journal.Bytes()
	err := c.journal.Commit()
	if errors.Is(err, journal.ErrFull) {
		c.unnameOwn()
		if err = c.makeRoom(); err == nil {
			bytes = c.journal.Bytes()
			c.announce(shares)
			if err = c.journal.Commit(); errors.Is(err, journal.ErrFull) {
				c.pauseCuts() // it is not a cut that makes room here
			}
		}
	}
	clear(c.named)
	if errors.Is(err, journal.ErrFull) {
		for c.journal.Pending() > 0 {
			c.journal.Undo()
		}
		return err
	}
	counters := &c.store.counters
	counters.syncs.Observe(c.store.opt.Clock.Now().Sub(began))
	if err != nil {
		counters.syncFailures.Add(1)
		// Which logs the journal held what of is not known to the disk any more.
		return c.store.poison(fmt.Errorf("commit to the journal: %w", err))
	}
	counters.journalCommits.Add(1)
	grown := c.journal.Bytes() - bytes
	counters.journalBytes.Add(grown)
	c.lag.add(shares, grown)
	c.writeBack()
	if c.journal.Bytes() > c.store.opt.JournalBytes/2 {
		c.store.askCut()
	}
	if c.journal.Generation() > generation {
		c.prepare()
	}
	return nil
}

// makeRoom cuts the journal, and gives c.writing up meanwhile. A cut that fails,
// for want of space above all, has changed nothing.
func (c *committer) makeRoom() error {
	if c.cutsPaused() {
		return journal.ErrFull
	}
	c.writing.Unlock()
	err := c.store.cutJournal()
	c.writing.Lock()
	if err != nil && c.store.failure() == nil && !errors.Is(err, journal.ErrFull) {
		err = fmt.Errorf("%w: %w", journal.ErrFull, err)
	}
	return err
}

func (c *committer) pauseCuts() { c.pauseMs.Store(later(c.store.nowMs(), journalRetryMs)) }

func (c *committer) cutsPaused() bool { return c.store.nowMs() < c.pauseMs.Load() }

// prepare has the file made that comes next. One that is not there when it is
// needed is made then, while appends wait.
func (c *committer) prepare() {
	if c.store.opt.Manual || c.store.nowMs() < c.preparingMs.Load() || c.preparing.Swap(true) {
		return
	}
	j := c.journal
	c.store.workers.Add(1)
	go func() {
		defer c.store.workers.Done()
		if j.Prepare() == nil {
			c.begun.Store(true)
		} else {
			c.preparingMs.Store(later(c.store.nowMs(), journalRetryMs))
		}
		c.preparing.Store(false)
	}()
}

// prepared tells that there is a journal for one log to use: it is not worth to
// wait for. If not, it is made.
func (c *committer) prepared() bool {
	if !c.begun.Load() {
		c.writing.Lock()
		defer c.writing.Unlock()
		if c.openJournal() == nil {
			c.prepare()
		}
	}
	return c.begun.Load()
}

// openJournal makes the journal on first use: a store whose logs are written one
// at a time has none. Where it cannot, the logs' own files serve. The caller
// holds c.writing.
func (c *committer) openJournal() error {
	if c.journal != nil {
		return nil
	}
	s := c.store
	j, err := journal.Open(s.fs, s.ownPath(journalDir), s.found.generation+1, s.found.sequence+1, journal.Options{
		FileBytes: s.opt.JournalFileBytes, BytesMax: s.opt.JournalBytes,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", journal.ErrFull, err)
	}
	c.journal = j
	return nil
}
