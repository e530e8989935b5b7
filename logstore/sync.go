package logstore

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// commit is a log's part in group commits. All fields are under Log.mu.
type commit struct {
	queued     bool       // waits for the store's next commit
	committing bool       // is in one
	flushes    int        // syncs of its own files under way besides
	paused     bool       // by a truncation: neither begins
	alone      bool       // stays out of the journal: a truncation is ahead
	stalled    error      // why the next has to wait for its time
	starved    bool       // that was told, and none has gone well since
	progress   *sync.Cond // on Log.mu: one of these ended, or the log was cut or poisoned

	wanted    int64  // offset that a flush waits for, whatever the durability
	created   int64  // segments, ever
	entered   int64  // of these, how many a sync of the directory has made durable
	flushed   int64  // offset: all below is durable in the log's own files
	journaled int64  // offset: what lies between flushed and this is needed in the journal; 0 if it holds nothing of the log
	rotation  uint64 // of the journal, when it was last written to for this log
}

// scheduleSync asks for a commit if the log's durability, or a flush, needs
// one. The caller holds l.mu.
func (l *Log) scheduleSync() {
	if l.commit.queued || !l.syncDue() {
		return
	}
	l.commit.queued = true
	l.store.committer.enqueue(l)
}

func (l *Log) syncDue() bool {
	c, end, durable := l.config.Load(), l.Offset(LogEnd), l.Offset(Durable)
	if durable >= end || l.commit.committing || l.commit.paused || l.commit.stalled != nil || l.failure() != nil {
		return false
	}
	return c.Durability == Synced || l.commit.wanted > durable || end-durable >= c.FlushMessages
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

// collect pins what must be synced for all below the log's end to be durable in
// its own files. The caller holds l.mu.
func (l *Log) collect(sh *share) {
	upto, durable := l.bounds[LogEnd].load(), l.bounds[Durable].load()
	*sh = share{
		log: l, upto: upto, from: durable.offset(), epoch: l.epochs.latest(), standing: l.standing.lsn,
		segments: sh.segments[:0], directory: l.commit.created > l.commit.entered, created: l.commit.created,
	}
	for _, s := range l.view.Load().segments {
		if end := upto.limitIn(s); end > s.tail.synced && s.pin() {
			from := max(min(durable.limitIn(s), end), 0)
			sh.segments = append(sh.segments, unsynced{s, from, end})
			sh.bytes += end - from
		}
	}
	// What lies in a new segment is found again only if its directory entry is.
	sh.own = sh.directory || sh.bytes >= ownFileBytes
}

// journaling notes, before it is written, that the journal will hold something of
// the log below upto: a cut that runs at the same time flushes it.
func (l *Log) journaling(upto int64, rotation uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit.rotation = rotation
	l.commit.journaled = max(l.commit.journaled, upto)
}

// syncFiles brings a share's data, then directory entries, to stable storage.
func (sh *share) syncFiles() error {
	store := sh.log.store
	began, c := store.opt.Clock.Now(), &store.counters
	err := store.syncManifest(sh.standing)
	for _, u := range sh.segments {
		if err == nil {
			err = u.segment.data.Sync()
		}
	}
	if err == nil && sh.directory {
		err = store.fs.SyncDir(sh.log.dir)
	}
	c.syncs.Observe(store.opt.Clock.Now().Sub(began))
	if err != nil && !isShortage(err) {
		c.syncFailures.Add(1)
	}
	return err
}

func (sh *share) unpin() {
	for _, u := range sh.segments {
		u.segment.unpin()
	}
	clear(sh.segments)
	sh.segments = sh.segments[:0]
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
	} else if l.failure() == nil {
		l.commit.starved = false
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

func (l *Log) raiseHighWatermark(m mark) {
	if m.offset() <= l.Offset(HighWatermark) {
		return
	}
	l.bounds[HighWatermark].store(m)
	l.watchers.moved(HighWatermark, m.offset())
	l.settle()
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
		l.commit.progress.Wait()
	}
}

// flushFiles returns when all below offset is durable in the log's own files,
// as far as a truncation leaves it there. The journal is then not needed for
// it.
func (l *Log) flushFiles(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.commit.paused {
		l.commit.progress.Wait()
	}
	if err := l.failure(); err != nil {
		return l.wrap("flush", err)
	}
	if l.commit.flushed >= min(offset, l.Offset(LogEnd)) {
		return nil
	}
	var sh share
	l.collect(&sh)
	l.commit.flushes++
	l.mu.Unlock()
	err := sh.syncFiles()
	l.mu.Lock()
	defer sh.unpin()
	defer l.commit.progress.Broadcast()
	l.commit.flushes--
	if err != nil {
		return l.wrap("flush", l.syncFailed(err))
	}
	l.synced(&sh, true)
	return nil
}

// beginFlush is the first half of a flush that is done with many others. It
// leaves out a log that is being truncated, or has nothing to flush.
func (l *Log) beginFlush(sh *share) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.commit.paused || l.failure() != nil || l.commit.flushed >= l.Offset(LogEnd) {
		return false
	}
	l.collect(sh)
	l.commit.flushes++
	return true
}

// endFlush is the second. What was not done is left to do.
func (l *Log) endFlush(sh *share, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit.flushes--
	if done {
		l.synced(sh, true)
	}
	sh.unpin()
	l.commit.progress.Broadcast()
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

// poison ends a log's life as a place to write to. After a failed sync the
// kernel marks the pages clean that it could not write, so that a second sync
// would lie; nothing more is acknowledged until the log is opened anew and
// reads back what the disk holds.
func (l *Log) poison(cause error) error {
	err := fmt.Errorf("%w: %w", ErrPoisoned, cause)
	if l.failed.CompareAndSwap(nil, &err) {
		l.store.emit(LogPoisoned{l.tp, cause})
		l.watchers.wakeAll()
	}
	return err
}

// failure is why the log was poisoned, nil if it was not.
func (l *Log) failure() error {
	if p := l.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// isDeviceError tells that a failed write may have reached the file in part
// that cannot be known.
func isDeviceError(err error) bool { return errors.Is(err, syscall.EIO) }

// spaceError adds ErrNoSpace where the device is full.
func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
