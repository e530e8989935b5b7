package group

import (
	"sync"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/coordinator"
)

// loadRetryMs is how long after a load that failed the next one is tried.
const loadRetryMs = 1000

// shard is the groups of one partition of [Topic], loaded from its log and
// written to it. As a lock it is that of the machine: whoever holds it finds the
// machine's clock set.
type shard struct {
	c         *Coordinator
	partition int32

	mu sync.Mutex
	// log and epoch are what the machine was, or is being, loaded from; log is nil
	// where there is neither.
	log     *logstore.Log
	epoch   int32
	machine *machine // nil until loaded
	journal *coordinator.Journal
	retryMs int64 // no load is tried before
	retired bool  // another shard has, or will have, taken its place
}

// Lock locks the machine, if there is one, at this moment.
func (s *shard) Lock() {
	s.mu.Lock()
	if s.machine != nil {
		s.machine.now = s.c.now()
	}
}

// Unlock sees to it that the machine's next deadline will be met.
func (s *shard) Unlock() {
	if s.machine != nil {
		s.c.alarm.expect(s.machine.deadline())
	}
	s.mu.Unlock()
}

// enter locks the shard and returns its machine. Where it is not loaded, an
// error is returned, without the lock, and it is being loaded if it can be.
func (s *shard) enter() (*machine, error) {
	s.Lock()
	// Asked under the lock: who asked before, and came late, would take the shard
	// back to a leadership that is over.
	log, epoch, err := s.c.o.Partitions.Lead(s.partition)
	switch {
	case s.retired:
		err = ErrNotCoordinator
	case err != nil:
		s.unload(ErrNotCoordinator)
		err = ErrNotCoordinator
	case s.log == log && s.epoch == epoch && s.machine == nil:
		err = ErrLoading
	case s.log == log && s.epoch == epoch && s.journal.Failed() == nil:
		return s.machine, nil
	default:
		s.unload(ErrNotCoordinator)
		if err = s.load(log, epoch); err == nil {
			return s.machine, nil
		}
	}
	s.Unlock()
	return nil, err
}

// unload forgets what is loaded, or being loaded. It is called with the lock
// held.
func (s *shard) unload(why error) {
	if s.machine != nil {
		s.journal.Abandon(why)
		s.machine.close(why)
	}
	s.log, s.machine, s.journal = nil, nil, nil
}

// load loads from a log, unless that has just failed. It is called with the lock
// held and returns what to tell a client, nil if the machine is there already.
func (s *shard) load(log *logstore.Log, epoch int32) error {
	now := s.c.now()
	if now.ms < s.retryMs {
		return ErrCoordinatorUnavailable
	}
	s.retryMs = now.ms + loadRetryMs
	// A log that takes nothing any more cannot keep groups.
	if err := log.Err(); err != nil {
		s.c.o.Logger.Error("groups cannot be loaded", "partition", log.Name().String(), "err", err)
		return ErrCoordinatorUnavailable
	}
	s.log, s.epoch = log, epoch
	if log.StartOffset() == log.Offset(logstore.LogEnd) {
		// A topic just made: its first client need not come a second time.
		s.loaded(newMachine(&s.c.o, &s.c.usage, now))
		return nil
	}
	s.c.running.Go(func() { s.replay(log, epoch) })
	return ErrLoading
}

// replay loads the machine from a log. The lock is not held: nobody knows of the
// machine before it is whole.
func (s *shard) replay(log *logstore.Log, epoch int32) {
	select {
	case s.c.loads <- struct{}{}:
		defer func() { <-s.c.loads }()
	case <-s.c.ctx.Done():
		return
	}
	m := newMachine(&s.c.o, &s.c.usage, s.c.now())
	records := 0
	err := coordinator.Replay(s.c.ctx, log, func(r *record.Record) error {
		records++
		m.replay(r)
		return nil
	})
	s.Lock()
	defer s.Unlock()
	if err != nil || s.log != log || s.epoch != epoch || s.c.ctx.Err() != nil {
		m.close(ErrNotCoordinator) // nobody waits
		if err != nil && s.c.ctx.Err() == nil {
			s.c.o.Logger.Error("groups cannot be loaded", "partition", log.Name().String(), "err", err)
		}
		if s.log == log && s.epoch == epoch {
			s.log = nil
		}
		return
	}
	s.loaded(m)
	s.c.o.Logger.Debug("groups loaded", "partition", log.Name().String(), "records", records, "groups", len(m.groups))
}

// loaded lets a machine that is whole be used. It is called with the lock held.
func (s *shard) loaded(m *machine) {
	s.machine, s.retryMs = m, 0
	s.journal = coordinator.NewJournal(s.c.ctx, s, s.log, s.epoch, func() int64 { return s.c.now().wallMs })
	m.journal, m.now = s.journal, s.c.now()
	m.loaded()
}

// tick does what is due.
func (s *shard) tick() {
	s.Lock()
	defer s.Unlock()
	if s.machine != nil && s.machine.deadline() <= s.machine.now.ms {
		s.machine.tick()
	}
}

// dropStale deletes the offsets of topics that are gone.
func (s *shard) dropStale() {
	s.Lock()
	defer s.Unlock()
	if s.machine != nil {
		s.machine.dropStale()
	}
}

// retire forgets what is loaded, for good.
func (s *shard) retire() {
	s.Lock()
	defer s.Unlock()
	s.retired = true
	s.unload(ErrNotCoordinator)
}

// isLoading tells whether the shard is about to have a machine.
func (s *shard) isLoading() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log != nil && s.machine == nil
}
