package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// metadataDir, in ownDir, is the store of a broker's internal logs.
const metadataDir = "metadata"

// repairScope is what is mended under one lock: a log directory, whole or one
// partition of it, or a partition on its own.
type repairScope struct {
	store     string       // directory of the store whose logs these are, "" if it is none of ours
	root      string       // log directory, "" for a partition on its own
	partition string       // directory of the only partition meant, "" for all
	inner     *repairScope // of the internal logs of a store
}

func (s *repairScope) all() []*repairScope {
	if s == nil {
		return nil
	}
	return append([]*repairScope{s}, s.inner.all()...)
}

// home is the directory beside or in which the backup is to lie.
func (s *repairScope) home() string {
	if s.root == "" {
		return s.partition
	}
	return s.root
}

func (r *repair) checker() *checker {
	return &checker{fs: r.fs, report: &CheckReport{}, perFile: map[fileSeverity]int{}}
}

// scopeOf finds out what dir is, and whose.
func (r *repair) scopeOf(dir string) (*repairScope, error) {
	kind, err := r.checker().kindOf(dir)
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindStore:
		return r.storeScope(dir), nil
	case kindLogs:
		return &repairScope{store: r.owner(dir), root: dir}, nil
	case kindPartition:
		s := &repairScope{partition: dir}
		parent := path.Dir(dir)
		if _, ok := parseDir(path.Base(dir)); !ok || parent == dir {
			return s, nil
		}
		if kind, err := r.checker().kindOf(parent); err == nil && kind == kindLogs {
			s.root, s.store = parent, r.owner(parent)
		}
		return s, nil
	}
	return nil, fmt.Errorf("%w: neither a partition nor a log directory", ErrNotFound)
}

func (r *repair) storeScope(dir string) *repairScope {
	s := &repairScope{store: dir, root: path.Join(dir, logsDir)}
	inner := path.Join(dir, ownDir, metadataDir)
	if kind, err := r.checker().kindOf(inner); err == nil && kind == kindStore {
		s.inner = r.storeScope(inner)
	}
	return s
}

// owner is the store that a log directory belongs to, "" if none.
func (r *repair) owner(root string) string {
	if path.Base(root) != logsDir {
		return ""
	}
	store := path.Dir(root)
	if info, err := r.fs.Stat(path.Join(store, ownDir)); err == nil && info.IsDir() {
		return store
	}
	return ""
}

// repairLock is the log directory's lock. It is let go of while the engine, which
// takes it as well, is at work.
type repairLock struct {
	fs   vfs.FS
	name string // "" where there is nothing to lock
	held io.Closer
}

func (r *repair) lock(s *repairScope) (*repairLock, error) {
	l := &repairLock{fs: r.fs}
	if s.root == "" {
		return l, nil
	}
	l.name = path.Join(s.root, lockFile)
	if _, err := r.fs.Stat(l.name); r.o.DryRun && errors.Is(err, fs.ErrNotExist) {
		l.name = ""
	}
	return l, l.take()
}

func (l *repairLock) take() (err error) {
	if l.name == "" {
		return nil
	}
	if l.held, err = l.fs.Lock(l.name); errors.Is(err, vfs.ErrLocked) {
		err = fmt.Errorf("%w: %s", ErrLocked, l.name)
	}
	return err
}

func (l *repairLock) release() error {
	if l.held == nil {
		return nil
	}
	held := l.held
	l.held = nil
	return held.Close()
}

// unsettled tells that a store was not closed cleanly, or has a journal to
// replay. Only the engine may judge the tails of its logs then.
func (r *repair) unsettled(s *repairScope) (bool, error) {
	if s.store == "" {
		return false, nil
	}
	if _, err := r.fs.Stat(path.Join(s.root, cleanShutdownFile)); err != nil {
		return errors.Is(err, fs.ErrNotExist), ignore(err, fs.ErrNotExist)
	}
	journal := path.Join(s.store, ownDir, journalDir)
	entries, err := r.fs.ReadDir(journal)
	if err != nil {
		return false, ignore(err, fs.ErrNotExist)
	}
	for _, e := range entries {
		if info, err := r.fs.Stat(path.Join(journal, e.Name())); err == nil && info.Size() > 0 {
			return true, nil
		}
	}
	return false, nil
}

// settleFirst lets the engine recover before anything is looked at. Malformed
// checkpoints are mended even before: without recovery points it would cut every
// log at its first bad batch. What a repair before it set aside another program has
// made void.
func (r *repair) settleFirst(s *repairScope, lock *repairLock, half bool) error {
	r.receipt.Unclean = true
	if r.o.DryRun {
		return nil
	}
	if half {
		if err := manifest.DropAside(r.fs, path.Join(s.store, ownDir)); err != nil {
			return err
		}
	}
	if err := r.mendCheckpoints(s); err != nil {
		return err
	}
	return r.settle(s, lock)
}

// settle opens and closes the store as a broker does, and no retention runs. A
// log that cannot be opened, or is corrupt, is what the repair is for.
func (r *repair) settle(s *repairScope, lock *repairLock) error {
	if err := lock.release(); err != nil {
		return err
	}
	o := Options{FS: r.fs, Clock: r.o.Clock, Manual: true, Events: r.recovered}
	o.Log = DefaultConfig()
	o.Log.IndexIntervalBytes = r.o.IndexIntervalBytes
	store, err := Open(s.store, o)
	if err != nil {
		return err
	}
	// Logs that are corrupt, and stay so for now, are in the error.
	if err := store.Close(); err != nil && !errors.As(err, new(*CorruptionError)) && !errors.Is(err, ErrPoisoned) {
		return err
	}
	return lock.take()
}

// recovered notes what the engine's recovery cut. It is called by several
// goroutines.
func (r *repair) recovered(e Event) {
	l, ok := e.(LogRecovered)
	if !ok || l.BytesCut == 0 {
		return
	}
	r.recoveredMu.Lock()
	defer r.recoveredMu.Unlock()
	r.receipt.Recovered = append(r.receipt.Recovered, RecoveredLog{l.Log.String(), l.End, l.BytesCut, fmt.Sprint(l.Reason), l.Kept})
}

// halfRepaired tells that an earlier repair of the store was interrupted while it
// changed files; again, that nobody else was at work in it since, so that it need not,
// and must not, be settled.
func (r *repair) halfRepaired(s *repairScope) (there, again bool, err error) {
	if s.store == "" {
		return false, false, nil
	}
	own := path.Join(s.store, ownDir)
	if !r.o.DryRun { // what an earlier repair renamed or removed last may not be durable
		if err := ignore(r.fs.SyncDir(own), fs.ErrNotExist); err != nil {
			return false, false, err
		}
	}
	switch _, _, err := manifest.Read(r.fs, own); {
	case errors.Is(err, manifest.ErrVersion):
		return false, false, err
	case !errors.Is(err, ErrHalfRepaired):
		return false, false, nil // whoever goes by it tells of other errors
	}
	if s.partition != "" {
		return true, false, fmt.Errorf("%s: %w: repair all of it", s.store, ErrHalfRepaired)
	}
	_, _, err = manifest.ReadAside(r.fs, own)
	if err != nil && !errors.As(err, new(*manifest.CorruptError)) {
		return true, false, err
	}
	return true, r.checker().readRoot(s.root, nil).manifest, nil
}
