package manifest_test

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// history is what a file may be read as after a crash: the states since the last
// sync, in order. It stands beside the file that it is the history of.
type history struct {
	t      tester
	file   *manifest.File
	states []*manifest.State // the last is what was written
	lsn    int64
	exists bool // the file was there before
}

func (h *history) now() *manifest.State { return h.states[len(h.states)-1] }

// did enters a change that returned, or may have been made if it failed.
func (h *history) did(lsn int64, err error, apply func(s *manifest.State)) error {
	s := clone(h.now())
	apply(s)
	h.states = append(h.states, s)
	if err == nil {
		h.lsn = lsn
	}
	return err
}

func (h *history) put(r *manifest.Row) error {
	lsn, err := h.file.Put(r)
	return h.did(lsn, err, func(s *manifest.State) { put(s, r) })
}

func (h *history) notes(ns ...manifest.Note) error {
	for _, n := range ns {
		lsn, err := h.file.Note(n)
		if err := h.did(lsn, err, func(s *manifest.State) { noted(s, n) }); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) drop(log string) error {
	lsn, err := h.file.Drop(log)
	return h.did(lsn, err, func(s *manifest.State) { delete(s.Rows, log) })
}

func (h *history) startJournal(generation uint64) error {
	lsn, err := h.file.StartJournal(generation)
	return h.did(lsn, err, func(s *manifest.State) { s.JournalStart = generation })
}

func (h *history) closedBy(m manifest.Marker) error {
	lsn, err := h.file.ClosedBy(m)
	return h.did(lsn, err, func(s *manifest.State) { s.Closed, s.Marker = true, m })
}

func (h *history) opened() error {
	lsn, err := h.file.Opened()
	return h.did(lsn, err, func(s *manifest.State) { s.Closed, s.Marker = false, manifest.Marker{} })
}

func (h *history) sync() error {
	err := h.file.Sync(h.lsn)
	if err == nil {
		h.forget()
	}
	return err
}

// forget leaves what is durable.
func (h *history) forget() { h.states = h.states[len(h.states)-1:] }

// rewrite makes changes while it runs: they are in the old file, and have to
// get into the new one.
func (h *history) rewrite(meanwhile func() error) error {
	var inner error
	err := h.file.Rewrite(func() *manifest.State {
		s := clone(h.now())
		inner = meanwhile()
		return s
	})
	if err == nil {
		h.forget()
	}
	return errors.Join(inner, err)
}

func (h *history) create(fsys vfs.FS, s *manifest.State) (err error) {
	h.file, err = manifest.Create(fsys, dir, s)
	h.states = append(h.states, clone(s))
	if err == nil {
		h.exists = true
		h.forget()
	}
	return err
}

// reopen is what another process does.
func (h *history) reopen(fsys vfs.FS) error {
	if err := h.file.Close(); err != nil {
		return err
	}
	s, _, err := manifest.Read(fsys, dir)
	if err != nil {
		return err
	}
	if h.file, err = manifest.Open(fsys, dir, s); err == nil {
		h.lsn = 0
		h.forget()
	}
	return err
}

func row(log string, incarnation uint64) *manifest.Row {
	return &manifest.Row{
		Log: log, Incarnation: incarnation, TopicID: [16]byte{1, 15: 9}, Recovery: 100, Synced: 110, Start: 5, High: 100,
		Epochs:   []manifest.Epoch{{Epoch: 1, Start: 0}, {Epoch: 3, Start: 70}},
		Segments: []manifest.Segment{{Base: 0, End: 60, Bytes: 6000, OffsetsBytes: 8, TimesBytes: 12, TimestampMax: 1e12, TimestampMaxOffset: 59}, {Base: 60, End: 100, Bytes: 4000, TimestampMax: 1e12 + 5, TimestampMaxOffset: 99}},
	}
}

func dirtied(log string, incarnation uint64, recovery int64) manifest.Note {
	return manifest.Note{Log: log, Incarnation: incarnation, Dirty: true, Recovery: recovery, Synced: recovery, Start: 5, High: recovery + 40}
}

// script does all there is to do, and goes on until something fails.
func (h *history) script(fsys vfs.FS) error {
	first := &manifest.State{Rows: map[string]*manifest.Row{"old-0": row("old-0", 3)}, NextIncarnation: 5}
	for _, step := range []func() error{
		func() error { return h.create(fsys, first) },
		func() error { return h.opened() },
		func() error { return h.put(row("a-0", 5)) },
		h.sync,
		func() error { return h.notes(dirtied("old-0", 3, 200), dirtied("a-0", 5, 300), dirtied("a-0", 4, 1)) },
		func() error { return h.put(row("a-1", 900)) },
		h.sync,
		func() error { return h.drop("a-1") },
		func() error { return h.rewrite(func() error { return nil }) },
		func() error { return h.startJournal(7) },
		func() error { return h.reopen(fsys) },
		func() error {
			return h.rewrite(func() error {
				return errors.Join(h.put(row("b-0", 901)), h.drop("old-0"), h.sync(), h.notes(dirtied("b-0", 901, 7)))
			})
		},
		func() error { return h.notes(dirtied("b-0", 901, 9)) },
		h.sync,
		func() error { return h.closedBy(manifest.Marker{Inode: 77, ModTimeNs: 1e18}) },
		h.sync,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// check reads what a crash left, goes on from there, and crashes again.
func (h *history) check(m *vfs.Mem) {
	h.t.Helper()
	s, _, err := manifest.Read(m, dir)
	if !h.exists && errors.Is(err, fs.ErrNotExist) {
		return
	}
	must(h.t, err)
	h.mustBePossible(s)
	f, err := manifest.Open(m, dir, s)
	must(h.t, err)
	want := clone(s)
	must(h.t, f.Rewrite(func() *manifest.State { return want }))
	lsn, err := f.Put(row("again-0", 5000))
	must(h.t, err)
	must(h.t, f.Sync(lsn))
	put(want, row("again-0", 5000))
	wantState(h.t, "after a second crash", read(h.t, m.Crash()), want)
}

func (h *history) mustBePossible(s *manifest.State) {
	h.t.Helper()
	for _, possible := range h.states {
		if same(s, possible) {
			return
		}
	}
	h.t.Fatalf("read %s\nof %d possible states, the first is %s\nthe last is %s", show(s), len(h.states), show(h.states[0]), show(h.now()))
}

// TestCrashAtEveryOperation stops the script before each of its operations: once
// the power is cut, once only the process ends and another goes on before it is.
func TestCrashAtEveryOperation(t *testing.T) {
	for at := int64(1); ; at++ {
		m := newMem(t)
		fsys := vfs.NewFault(m)
		fsys.SetHook(func(op vfs.Op) error {
			if op.Seq == at {
				return vfs.ErrCrashed
			}
			return nil
		})
		h := &history{t: t, states: []*manifest.State{{}}}
		err := h.script(fsys)
		if err != nil {
			wantErr(t, "script", err, vfs.ErrCrashed)
		}
		killed := m.Clone()
		h.check(m.Crash())
		// All that returned is there if only the process ended, and what is read
		// then is durable when Open has returned.
		if s, _, err := manifest.Read(killed, dir); err == nil {
			h.mustBePossible(s)
			_, err = manifest.Open(killed, dir, s)
			must(t, err)
			wantState(t, "after a kill, an open and a crash", read(t, killed.Crash()), s)
		}
		if err == nil {
			if at < 40 {
				t.Fatalf("the script did only %d operations", at)
			}
			return
		}
	}
}

// TestChangesSurviveTheProcess: without a crash of the machine the last change
// that returned is there, whether or not it was synced.
func TestChangesSurviveTheProcess(t *testing.T) {
	m := newMem(t)
	h := &history{t: t}
	must(t, h.create(m, &manifest.State{}))
	must(t, h.put(row("a-0", 1)))
	must(t, h.put(row("a-1", 2)))
	wantState(t, "read", read(t, m), h.now())
	wantState(t, "read after a crash", read(t, m.Crash()), h.states[0])
}

// TestRandomCrashes makes any changes with any faults, and crashes between.
func TestRandomCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMem(t)
		h := &history{t: t}
		must(t, h.create(m, anyState.Draw(t, "state")))
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			fsys := vfs.NewFault(m)
			s, _, err := manifest.Read(m, dir)
			must(t, err)
			h.file, err = manifest.Open(fsys, dir, s)
			must(t, err)
			h.states, h.lsn = []*manifest.State{clone(s)}, 0
			crashAt := rapid.Int64Range(1, 60).Draw(t, "crash") + fsys.Ops()
			fullAt := rapid.Int64Range(1, 60).Draw(t, "full") + fsys.Ops()
			fsys.SetHook(func(op vfs.Op) error {
				switch {
				case op.Seq == crashAt:
					return vfs.ErrCrashed
				case op.Seq == fullAt && op.Kind == vfs.OpWrite:
					return vfs.ShortWrite(int(op.Length/2), syscall.ENOSPC)
				}
				return nil
			})
			for range 60 {
				h.any(t)
			}
			m = m.Crash()
			s, _, err = manifest.Read(m, dir)
			must(t, err)
			h.mustBePossible(s)
		}
	})
}

func (h *history) any(t *rapid.T) {
	var err error
	switch rapid.IntRange(0, 6).Draw(t, "step") {
	case 0:
		err = h.sync()
	case 1:
		err = h.rewrite(func() error { return h.anyChange(t) })
	default:
		err = h.anyChange(t)
	}
	if err != nil && !errors.Is(err, vfs.ErrCrashed) && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func (h *history) anyChange(t *rapid.T) error {
	s := clone(h.now())
	lsn, err := change(t, h.file, s)
	if err == nil {
		h.states, h.lsn = append(h.states, s), lsn
	}
	return err
}

// TestChangesDuringARewrite makes changes at every operation of a rewrite that
// holds no lock, the last of them when the snapshot is written already.
func TestChangesDuringARewrite(t *testing.T) {
	m := newMem(t)
	fsys := vfs.NewFault(m)
	h := &history{t: t}
	must(t, h.create(fsys, &manifest.State{}))
	must(t, h.put(row("a-0", 1)))
	calls := int64(0)
	fsys.SetHook(func(op vfs.Op) error {
		// The first sync is that of the snapshot; those made here are not looked at.
		if op.Kind == vfs.OpSync && calls == 0 {
			for calls < 3 {
				calls++
				must(t, h.notes(dirtied("a-0", 1, calls)))
			}
			must(t, h.sync())
		}
		return nil
	})
	must(t, h.rewrite(func() error { return h.put(row("a-1", 2)) }))
	fsys.SetHook(nil)
	wantState(t, "read", read(t, m), h.now())
	must(t, h.drop("a-1"))
	must(t, h.sync())
	wantState(t, "read after a crash", read(t, m.Crash()), h.now())
}
