package logstore

import (
	"cmp"
	"sync"
)

// commit is a log's part in group commits. All fields are under Log.mu.
type commit struct {
	wanted     int64      // offset that a flush waits for, whatever the durability
	queued     bool       // waits for the store's next commit
	committing bool       // is in one
	paused     bool       // by a truncation: neither begins
	alone      bool       // stays out of the journal: a truncation is ahead
	starved    bool       // stalled was told, and none has gone well since
	claiming   bool       // an append is under way that runs the commit itself if nobody else does
	claimed    bool       // it has to
	stalled    error      // why the next has to wait for its time
	flushes    int        // syncs of its own files under way besides commits
	progress   *sync.Cond // on Log.mu: one of these ended, or the log was cut or poisoned

	created int64 // segments, ever
	entered int64 // of these, how many a sync of the directory has made durable
	flushed int64 // offset: all below is durable in the log's own files
}

// scheduleSync asks for a commit if the log's durability, or a flush, needs
// one. The caller holds l.mu.
func (l *Log) scheduleSync() {
	if l.commit.queued || !l.syncDue() {
		return
	}
	l.commit.queued = true
	if l.store.committer.enqueue(l, l.commit.claiming) {
		l.commit.claimed = true
	}
}

func (l *Log) syncDue() bool {
	c, end, durable := l.config.Load(), l.Offset(LogEnd), l.Offset(Durable)
	if durable >= end || c.Durability != Synced && l.commit.wanted <= durable && end-durable < c.FlushMessages {
		return false
	}
	return !l.commit.committing && !l.commit.paused && l.commit.stalled == nil && l.failure() == nil && !l.released()
}

// pauseSyncs waits for the syncs in flight and lets no other begin. The caller
// holds l.mu, which is given up meanwhile.
func (l *Log) pauseSyncs() {
	l.commit.paused = true
	for l.commit.committing || l.commit.flushes > 0 {
		l.commit.progress.Wait()
	}
}

func (l *Log) resumeSyncs() {
	l.commit.paused, l.commit.alone = false, false
	l.scheduleSync()
	l.commit.progress.Broadcast()
}

// beginCommit fills in the log's share of the next commit, unless there is
// nothing to commit after all.
func (l *Log) beginCommit(sh *share) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit.queued = false
	if !l.syncDue() {
		l.commit.progress.Broadcast()
		return false
	}
	l.commit.committing = true
	l.collect(sh)
	sh.own = sh.own || l.commit.alone
	return true
}

// committed ends a commit: what it made durable is published.
func (l *Log) committed(sh *share, ownFiles bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit.committing = false
	if isShortage(err) {
		l.stall(err)
	} else if err != nil {
		_ = l.poison(err)
	}
	if err == nil && l.failure() == nil {
		if l.commit.starved {
			l.commit.starved = false
			l.store.finish(task{kind: taskCommit, log: l})
		}
		l.synced(sh, ownFiles)
		if ownFiles && !l.commit.alone {
			l.store.committer.syncedOwn(l, l.commit.flushed)
		}
	}
	l.scheduleSync()
	l.commit.progress.Broadcast()
}

// synced publishes what a sync made durable. The caller holds l.mu.
func (l *Log) synced(sh *share, ownFiles bool) {
	if ownFiles {
		for _, u := range sh.segments {
			u.segment.tail.synced = max(u.segment.tail.synced, u.upto)
		}
		l.commit.flushed = max(l.commit.flushed, sh.upto.offset())
		l.commit.entered = max(l.commit.entered, sh.created)
	}
	if sh.upto.offset() > l.Offset(Durable) {
		l.bounds[Durable].store(sh.upto)
		l.watchers.moved(Durable, sh.upto.offset())
	}
	l.follow()
}

// follow moves the high watermark of a log that has no replicas: to what is
// durable, or in os mode to the end. The caller holds l.mu.
func (l *Log) follow() {
	c := l.config.Load()
	if c.Replicated {
		return
	}
	source := Durable
	if c.Durability == OS {
		source = LogEnd
	}
	l.raiseHighWatermark(l.bounds[source].load())
}

// raiseHighWatermark moves the last stable offset first: whose append was
// acknowledged, because the high watermark has passed it, reads it among what is
// committed, too. Who reads both takes the lower.
func (l *Log) raiseHighWatermark(m mark) {
	if m.offset() <= l.Offset(HighWatermark) {
		return
	}
	stable := l.lastStable(m)
	if stable.offset() > l.Offset(LastStable) {
		l.bounds[LastStable].store(stable)
	}
	l.bounds[HighWatermark].store(m)
	l.watchers.moved(LastStable, stable.offset())
	l.watchers.moved(HighWatermark, m.offset())
}

// Flush returns when all that was appended before is durable.
func (l *Log) Flush() error { return l.flushTo(l.Offset(LogEnd)) }

// flushTo returns when all below offset is durable, as far as a truncation
// leaves it there.
func (l *Log) flushTo(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		target := min(offset, l.Offset(LogEnd))
		if l.Offset(Durable) >= target {
			return nil
		}
		l.commit.wanted = max(l.commit.wanted, target)
		l.scheduleSync()
		if err := cmp.Or(l.failure(), l.commit.stalled); err != nil {
			return l.wrap("flush", err)
		}
		if l.released() {
			return l.wrap("flush", ErrClosed)
		}
		l.commit.progress.Wait()
	}
}

// SetHighWatermark moves the high watermark of a replicated log. It goes
// forward only, to a batch's start, and no further than what is durable here,
// or in os mode written.
func (l *Log) SetHighWatermark(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Err() != nil {
		return l.wrap("set high watermark", l.Err())
	}
	limit := l.bounds[Durable].load()
	if l.config.Load().Durability == OS {
		limit = l.bounds[LogEnd].load()
	}
	if offset >= limit.offset() {
		l.raiseHighWatermark(limit)
		return nil
	}
	if offset <= l.Offset(HighWatermark) {
		return nil
	}
	s := l.segmentAt(offset)
	at, err := s.locate(offset, s.size())
	if err != nil {
		return l.wrap("set high watermark", err)
	}
	l.raiseHighWatermark(mark{s, placeAt(min(offset, at.base)-s.base, at.position)})
	return nil
}
