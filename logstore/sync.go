package logstore

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// commit is the group commit of one log. A goroutine runs while there is
// something to sync and no longer; whoever appends while a sync runs shares the
// next one. All fields are under Log.mu.
type commit struct {
	running      bool
	paused       bool       // the sync in flight is the last: a truncation waits
	progress     *sync.Cond // on Log.mu: a sync ended, or the log was cut or poisoned
	wanted       int64      // offset that a flush waits for, whatever the durability
	freshEntries bool       // files were created since the directory was synced
	segments     []unsynced // of the sync in flight; its memory is reused
}

// unsynced is what a sync has to make durable of one segment.
type unsynced struct {
	segment  *segment
	position int64
}

// syncWork is one sync: when it is done, all below upto is durable.
type syncWork struct {
	upto      mark
	segments  []unsynced
	directory bool
}

// scheduleSync starts a sync if the log's durability, or a flush, asks for one.
// The caller holds l.mu.
func (l *Log) scheduleSync() {
	if l.commit.running || !l.syncDue() {
		return
	}
	l.commit.running = true
	l.store.workers.Add(1)
	go l.runSyncs()
}

func (l *Log) syncDue() bool {
	c, end, durable := l.config.Load(), l.Offset(LogEnd), l.Offset(Durable)
	if durable >= end || l.commit.paused || l.failure() != nil {
		return false
	}
	return c.Durability == Synced || l.commit.wanted > durable || end-durable >= c.FlushMessages
}

// pauseSyncs waits for the sync in flight and lets no other begin. The caller
// holds l.mu, which is given up meanwhile.
func (l *Log) pauseSyncs() {
	l.commit.paused = true
	for l.commit.running {
		l.commit.progress.Wait()
	}
}

func (l *Log) resumeSyncs() {
	l.commit.paused = false
	l.scheduleSync()
	l.commit.progress.Broadcast()
}

// runSyncs syncs until there is nothing more to sync.
func (l *Log) runSyncs() {
	defer l.store.workers.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.syncDue() {
		w := l.unsyncedBelow(l.bounds[LogEnd].load())
		l.mu.Unlock()
		err := w.sync(l)
		l.mu.Lock()
		if err != nil {
			_ = l.poison(err)
			break
		}
		l.synced(w)
	}
	l.commit.running = false
	l.commit.progress.Broadcast()
}

// unsyncedBelow collects, and pins, what must be synced for all below upto to
// be durable.
func (l *Log) unsyncedBelow(upto mark) syncWork {
	w := syncWork{upto: upto, segments: l.commit.segments[:0], directory: l.commit.freshEntries}
	for _, s := range l.view.Load().segments {
		if position := upto.limitIn(s); position > s.tail.synced && s.pin() {
			w.segments = append(w.segments, unsynced{s, position})
		}
	}
	l.commit.segments, l.commit.freshEntries = w.segments, false
	return w
}

// sync brings data, then directory entries, to stable storage, and unpins.
func (w *syncWork) sync(l *Log) error {
	began, c := l.store.opt.Clock.Now(), &l.store.counters
	err := w.syncAll(l)
	c.syncs.Observe(l.store.opt.Clock.Now().Sub(began))
	if err != nil {
		c.syncFailures.Add(1)
	}
	return err
}

func (w *syncWork) syncAll(l *Log) error {
	var err error
	for _, u := range w.segments {
		if err == nil {
			err = u.segment.data.Sync()
		}
		u.segment.unpin()
	}
	if err == nil && w.directory {
		err = l.store.fs.SyncDir(l.dir)
	}
	return err
}

// synced publishes what a sync made durable. The caller holds l.mu.
func (l *Log) synced(w syncWork) {
	for _, u := range w.segments {
		u.segment.tail.synced = max(u.segment.tail.synced, u.position)
	}
	l.bounds[Durable].store(w.upto)
	l.watchers.moved(Durable, w.upto.offset())
	l.follow()
	l.commit.progress.Broadcast()
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
		if err := l.failure(); err != nil {
			return l.wrap("flush", err)
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
