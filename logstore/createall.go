package logstore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// createdAtOnce is how many logs are made together: their files are open, and
// cannot be closed to make room, until all of them are there.
const createdAtOnce = 4096

// NewLog is a log that [Store.CreateAll] is to make; see [Store.Create].
type NewLog struct {
	Name   TopicPartition
	ID     TopicID
	Config Config
}

// Created is what became of it: a log or an error.
type Created struct {
	Log *Log
	Err error
}

// CreateAll is [Store.Create] of many logs, which are answered for in the order
// asked. One that cannot be made stops no other. When it returns all that were
// made are durable, by one sync of the file system, where it can tell of its failing,
// and one of the manifest for thousands of them, and by those that [Store.Create] has
// otherwise. A crash before leaves any of them, empty, with or without its topic's id,
// or none.
func (s *Store) CreateAll(all []NewLog) []Created {
	answers := make([]Created, len(all))
	for from := 0; from < len(all); {
		from += s.createSome(all[from:], answers[from:])
	}
	return answers
}

// createSome makes as many of the logs as may be made together, and returns how many.
// One group is made at a time: what there is room for is not there for two.
func (s *Store) createSome(all []NewLog, answers []Created) (n int) {
	s.births.Lock()
	if n = min(s.birthsAtOnce(), len(all)); n >= s.opt.syncAllMin {
		defer s.births.Unlock()
		s.createTogether(all[:n], answers[:n])
		return n
	}
	s.births.Unlock()
	s.severally(n, func(i int) {
		answers[i].Log, answers[i].Err = s.Create(all[i].Name, all[i].ID, all[i].Config)
	})
	return n
}

// birthsAtOnce is how many logs may be made together: as many as there is room for
// below the bound on open files, and so few, where there is none, that it is passed
// by little before others are closed. The caller holds s.births.
func (s *Store) birthsAtOnce() int {
	o := &s.openFiles
	if o.max == 0 {
		return createdAtOnce
	}
	return int(max(min(o.max-o.count.Load(), createdAtOnce), o.max/16, 1))
}

// birth is one log that is being made.
type birth struct {
	name   TopicPartition
	log    *Log
	first  *segment // nil before it is there, and after it was given up
	made   bool     // its directory, which was not there, or was empty
	failed error
}

// birthOf begins to make a log whose name is reserved.
func (s *Store) birthOf(n NewLog) *birth {
	l := s.newLog(n.Name, n.ID, n.Config)
	l.incarnation = s.nextIncarnation.Add(1) - 1
	l.standing.dirty, l.idUnwritten = true, n.ID != TopicID{}
	b := &birth{name: n.Name, log: l, failed: s.forgetDropped(n.Name)}
	if b.failed == nil {
		b.failed = s.removeUnmade(n.Name)
	}
	return b
}

// createTogether makes logs whose files become durable together.
func (s *Store) createTogether(all []NewLog, answers []Created) {
	s.awaitFiles()
	shed := s.counters.shedFiles.Load()
	births := make([]*birth, 0, len(all))
	at := make([]int, 0, len(all))
	for i, n := range all {
		err := errors.Join(n.Name.Validate(), n.Config.Validate())
		if err == nil {
			err = s.reserve(n.Name)
		}
		if err != nil {
			answers[i].Err = fmt.Errorf("logstore: create %s: %w", n.Name, err)
			continue
		}
		births, at = append(births, s.birthOf(n)), append(at, i)
	}
	defer s.changes.Add(-len(births))
	s.makeAll(births)
	starved := slices.ContainsFunc(births, func(b *birth) bool { return b.failed != nil && isShortage(b.failed) })
	again := starved && s.makeRoom(shed) // first: to take away what is there needs some, too
	s.unmake(births)
	for i, b := range births {
		a := &answers[at[i]]
		if again && b.failed != nil && isShortage(b.failed) {
			a.Log, a.Err = s.createPatiently(all[at[i]])
			continue
		}
		if b.failed != nil {
			a.Err = fmt.Errorf("logstore: create %s: %w", b.name, spaceError(b.failed))
			continue
		}
		s.show(b.log)
		a.Log = b.log
	}
}

// makeAll goes from step to step with those that have not failed. What a step has
// written is durable before the next one begins: a name that stands for what is
// not whole would be found so after a crash.
func (s *Store) makeAll(births []*birth) {
	s.step(births, (*birth).make)
	s.secure(births)
	s.enterAll(births)
}

// step does something for each of the logs.
func (s *Store) step(births []*birth, do func(*birth) error) {
	s.severally(len(births), func(i int) {
		if b := births[i]; b.failed == nil {
			b.failed = do(b)
		}
	})
}

// secure makes durable what was made: at one go, or where that is not to be had,
// or tells of a failure that may be of anything, one by one, and then what they
// have in common.
func (s *Store) secure(births []*birth) {
	if vfs.SyncAll(s.fs, s.path(""), nil) == nil {
		return
	}
	s.step(births, (*birth).syncDir)
	if err := s.fs.SyncDir(s.path("")); err != nil {
		for _, b := range births {
			b.failed = cmp.Or(b.failed, err)
		}
	}
}

// makeEmptyDir makes the directory.
func (b *birth) makeEmptyDir() error {
	err := b.log.makeDir()
	b.made = err == nil
	return err
}

// make makes the directory and the first segment.
func (b *birth) make() (err error) {
	if err := b.makeEmptyDir(); err != nil {
		return err
	}
	b.first, err = b.log.firstSegment()
	return err
}

func (b *birth) syncDir() error { return b.log.store.fs.SyncDir(b.log.dir) }

// enterAll makes the logs the store's, hidden, and gives them their rows: see
// [Log.putRow]. Their locks are held from before anybody can find them until the
// rows are there, so that no row is older than what it says.
func (s *Store) enterAll(births []*birth) {
	var fresh []*birth
	var rows []*manifest.Row
	for _, b := range births {
		if b.failed != nil {
			continue
		}
		l := b.log
		l.mu.Lock()
		l.begin(b.first)
		l.hidden = true
		fresh, rows = append(fresh, b), append(rows, l.row())
	}
	s.mu.Lock()
	for _, b := range fresh {
		s.placeLog(b.name, b.log)
	}
	s.mu.Unlock()
	lsn, err := s.manifest.Puts(rows)
	haveIDs := false
	for _, b := range fresh {
		haveIDs = haveIDs || b.log.idUnwritten
		b.log.standing.lsn = lsn
		b.log.mu.Unlock()
	}
	if err == nil && haveIDs {
		err = s.syncManifest(lsn)
	}
	if err == nil {
		return
	}
	for _, b := range fresh {
		b.failed = err
		b.giveUpRow()
	}
}

// unmake takes away what is there of logs that could not be made: the next open
// would take it for one. Removing needs no space, but descriptors: what could not be
// removed is remembered. A directory that was not made here is not looked into.
func (s *Store) unmake(births []*birth) {
	var failed []*birth
	for _, b := range births {
		if b.failed == nil {
			continue
		}
		if b.first != nil {
			b.first.abandon()
		}
		s.setLog(b.name, nil)
		if !b.made {
			s.giveNameFree(b.name)
			continue
		}
		failed = append(failed, b)
		if err := s.removeDir(b.log.dir); err != nil {
			b.failed = errors.Join(b.failed, err)
			s.noteUnmade(b.name)
		}
	}
	if len(failed) == 0 {
		return
	}
	synced := s.fs.SyncDir(s.path(""))
	for _, b := range failed {
		if synced != nil { // a crash may bring it back
			s.noteUnmade(b.name)
		}
		b.failed = errors.Join(b.failed, synced, s.drop(b.name))
		s.giveNameFree(b.name)
	}
}

// severally does something for each of so many, several at a time: it waits for
// disks.
func (s *Store) severally(n int, do func(i int)) {
	workers := flushersMax
	if s.opt.Manual {
		workers = 1
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, workers)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	group.Wait()
}
