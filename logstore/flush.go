package logstore

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

// syncFiles brings a share's data, then directory entries, to stable storage. A
// failure poisons the log, but for want of descriptors.
//
// One runs at a time for a log: of two syncs of a file that meet a failed write
// the system tells one only, and the other would acknowledge what is lost.
func (sh *share) syncFiles() error {
	sh.log.syncing.Lock()
	defer sh.log.syncing.Unlock()
	if err := sh.log.failure(); err != nil {
		return err
	}
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
	if err == nil {
		return nil
	}
	if !isShortage(err) {
		c.syncFailures.Add(1)
	}
	return sh.log.syncFailed(err)
}

func (sh *share) unpin() {
	for _, u := range sh.segments {
		u.segment.unpin()
	}
	clear(sh.segments)
	*sh = share{segments: sh.segments[:0]} // it may be kept for the next commit, and the log be deleted
}

// flushFiles returns when all below offset is durable in the log's own files,
// as far as a truncation leaves it there. The journal is then not needed for
// it.
func (l *Log) flushFiles(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.commit.paused && !l.commit.committing {
		// Who has paused syncs waits himself as long as a commit runs, and that may
		// wait for the cut that this is of.
		l.commit.progress.Wait()
	}
	if err := l.failure(); err != nil {
		return l.wrap("flush", err)
	}
	if l.commit.flushed >= min(offset, l.Offset(LogEnd)) {
		return nil
	}
	if l.released() {
		return l.wrap("flush", ErrClosed)
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
	if err == nil {
		err = l.failure()
	}
	if err == nil {
		l.synced(&sh, true)
	}
	return l.wrap("flush", err)
}

// beginFlush is the first half of a flush that is done with many others. It
// leaves out a log that is being truncated or synced, or has nothing to flush.
func (l *Log) beginFlush(sh *share) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.commit.paused || l.failure() != nil || l.commit.flushed >= l.Offset(LogEnd) || l.released() {
		return false
	}
	if !l.syncing.TryLock() {
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
	l.syncing.Unlock()
	l.commit.flushes--
	if done && l.failure() == nil {
		l.synced(sh, true)
	}
	sh.unpin()
	l.commit.progress.Broadcast()
}
