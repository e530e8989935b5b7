package manifest_test

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// failing makes the operations of these kinds fail, from now on.
func failing(fsys *vfs.Fault, err error, kinds ...vfs.OpKind) {
	fsys.SetHook(func(op vfs.Op) error {
		for _, k := range kinds {
			if op.Kind == k {
				return err
			}
		}
		return nil
	})
}

// every calls all methods that can fail, and wants that error of each.
func every(t *testing.T, f *manifest.File, want error) {
	t.Helper()
	calls := map[string]func() error{
		"Put":          func() error { _, err := f.Put(row("a-0", 1)); return err },
		"Puts":         func() error { _, err := f.Puts([]*manifest.Row{row("a-0", 1)}); return err },
		"Note":         func() error { _, err := f.Note(dirtied("a-0", 1, 1)); return err },
		"Drop":         func() error { _, err := f.Drop("a-0"); return err },
		"StartJournal": func() error { _, err := f.StartJournal(1); return err },
		"Opened":       func() error { _, err := f.Opened(); return err },
		"ClosedBy":     func() error { _, err := f.ClosedBy(manifest.Marker{}); return err },
		"Sync":         func() error { return f.Sync(0) },
		"Rewrite":      func() error { return f.Rewrite(func() *manifest.State { return &manifest.State{} }) },
	}
	for what, call := range calls {
		wantErr(t, what, call(), want)
	}
}

// TestFailedWriteLeavesNothing: what was not written for want of space can be
// tried again, and is found once.
func TestFailedWriteLeavesNothing(t *testing.T) {
	for short := range 60 {
		m := newMem(t)
		fsys := vfs.NewFault(m)
		f := create(t, fsys, &manifest.State{})
		_, err := f.Put(row("a-0", 1))
		must(t, err)
		before := contentOf(t, m)
		failing(fsys, vfs.ShortWrite(short, syscall.ENOSPC), vfs.OpWrite)
		lsn, err := f.Note(dirtied("a-0", 1, 1))
		wantErr(t, "Note", err, syscall.ENOSPC)
		if after := contentOf(t, m); string(after) != string(before) {
			t.Fatalf("%d bytes became %d", len(before), len(after))
		}
		fsys.SetHook(nil)
		lsn, err = f.Note(dirtied("a-0", 1, 3))
		must(t, err)
		must(t, f.Sync(lsn))
		want := &manifest.State{Rows: map[string]*manifest.Row{}}
		put(want, row("a-0", 1))
		noted(want, dirtied("a-0", 1, 3))
		wantState(t, "read", read(t, m.Crash()), want)
	}
}

func TestPoison(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault error
		kinds []vfs.OpKind
		call  func(f *manifest.File, lsn int64) error
	}{
		{"write error of the device", syscall.EIO, []vfs.OpKind{vfs.OpWrite}, nil},
		{"write that cannot be undone", syscall.ENOSPC, []vfs.OpKind{vfs.OpWrite, vfs.OpTruncate}, nil},
		{"write that cannot be undone durably", syscall.ENOSPC, []vfs.OpKind{vfs.OpWrite, vfs.OpSync}, nil},
		{"sync", syscall.ENOSPC, []vfs.OpKind{vfs.OpSync}, func(f *manifest.File, lsn int64) error { return f.Sync(lsn) }},
		{"directory of a rewrite", syscall.ENOSPC, []vfs.OpKind{vfs.OpSyncDir}, func(f *manifest.File, _ int64) error {
			return f.Rewrite(func() *manifest.State { return &manifest.State{} })
		}},
		{"rename of a rewrite", syscall.EIO, []vfs.OpKind{vfs.OpRename}, func(f *manifest.File, _ int64) error {
			return f.Rewrite(func() *manifest.State { return &manifest.State{} })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := vfs.NewFault(newMem(t))
			f := create(t, fsys, &manifest.State{})
			lsn, err := f.Put(row("a-0", 1))
			must(t, err)
			failing(fsys, c.fault, c.kinds...)
			if c.call != nil {
				err = c.call(f, lsn)
			} else {
				_, err = f.Note(dirtied("a-0", 1, 1))
			}
			wantErr(t, "the first", err, manifest.ErrPoisoned)
			fsys.SetHook(nil)
			every(t, f, manifest.ErrPoisoned)
			every(t, f, c.fault)
			must(t, f.Close())
		})
	}
}

func TestFailedRewriteChangesNothing(t *testing.T) {
	for kind, fault := range map[vfs.OpKind]error{
		vfs.OpCreate: syscall.ENOSPC, vfs.OpWrite: syscall.ENOSPC, vfs.OpSync: syscall.ENOSPC, vfs.OpRename: syscall.ENOSPC,
		vfs.OpSyncDir: syscall.EMFILE, // the directory could not be opened
	} {
		m := newMem(t)
		fsys := vfs.NewFault(m)
		h := &history{t: t}
		must(t, h.create(fsys, &manifest.State{}))
		must(t, h.put(row("a-0", 1)))
		must(t, h.sync())
		failing(fsys, fault, kind)
		wantErr(t, string(kind), h.rewrite(func() error { return nil }), fault)
		fsys.SetHook(nil)
		must(t, h.put(row("a-1", 2)))
		must(t, h.rewrite(func() error { return nil }))
		wantState(t, string(kind), read(t, m.Crash()), h.now())
	}
}

func TestClosed(t *testing.T) {
	f := create(t, newMem(t), &manifest.State{})
	must(t, f.Close())
	every(t, f, fs.ErrClosed)
	wantErr(t, "Close", f.Close(), fs.ErrClosed)
}

func TestInvalidArguments(t *testing.T) {
	m := newMem(t)
	f := create(t, m, &manifest.State{})
	_, err := f.Put(row("", 1))
	wantErr(t, "no name", err, manifest.ErrInvalid)
	_, err = f.Drop(string(make([]byte, 256)))
	wantErr(t, "long name", err, manifest.ErrInvalid)
	_, err = f.Note(dirtied("a-0", 1<<64-1, 1))
	wantErr(t, "last incarnation", err, manifest.ErrInvalid)
	wantErr(t, "number of no change", f.Sync(1), manifest.ErrInvalid)
	wantErr(t, "row by another name", f.Rewrite(func() *manifest.State {
		return &manifest.State{Rows: map[string]*manifest.Row{"a-1": row("a-0", 1)}}
	}), manifest.ErrInvalid)
	_, err = manifest.Open(m, dir, &manifest.State{})
	wantErr(t, "state that was not read", err, manifest.ErrInvalid)
	s := read(t, m)
	_, err = f.Opened()
	must(t, err)
	_, err = manifest.Open(m, dir, s)
	wantErr(t, "file that changed since", err, manifest.ErrInvalid)
	_, _, err = manifest.Read(m, "elsewhere")
	wantErr(t, "no file", err, fs.ErrNotExist)
}

// TestGroupCommit: while one sync hangs all others gather, and share the next.
func TestGroupCommit(t *testing.T) {
	m := newMem(t)
	fsys := vfs.NewFault(m)
	f := create(t, fsys, &manifest.State{})
	first, err := f.Opened()
	must(t, err)
	hangs, release := make(chan struct{}), make(chan struct{})
	var syncs atomic.Int64
	fsys.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && syncs.Add(1) == 1 {
			close(hangs)
			<-release
		}
		return nil
	})
	failed := make(chan error, 65)
	go func() { failed <- f.Sync(first) }()
	<-hangs
	var written sync.WaitGroup
	for i := range uint64(64) {
		written.Add(1)
		go func() {
			lsn, err := f.Note(dirtied("a-0", i, 1))
			written.Done()
			if err == nil {
				err = f.Sync(lsn)
			}
			failed <- err
		}()
	}
	written.Wait()
	close(release)
	for range 65 {
		must(t, <-failed)
	}
	if n := syncs.Load(); n != 2 {
		t.Fatalf("%d syncs for 65 callers", n)
	}
	must(t, f.Sync(first))
	if n := syncs.Load(); n != 2 {
		t.Fatal("a sync of what was synced")
	}
	if s := read(t, m.Crash()); s.NextIncarnation != 64 {
		t.Fatalf("next incarnation is %d", s.NextIncarnation)
	}
}

// TestPutsIsPutOfEach: byte for byte.
func TestPutsIsPutOfEach(t *testing.T) {
	rows := []*manifest.Row{row("a-0", 1), row("b-1", 7), row("a-1", 2)}
	each, once := newMem(t), newMem(t)
	f, g := create(t, each, &manifest.State{}), create(t, once, &manifest.State{})
	var last int64
	for _, r := range rows {
		var err error
		last, err = f.Put(r)
		must(t, err)
	}
	lsn, err := g.Puts(rows)
	must(t, err)
	if lsn != last || string(contentOf(t, each)) != string(contentOf(t, once)) {
		t.Fatalf("change %d of %d, or other bytes", lsn, last)
	}
	must(t, g.Sync(lsn))
	if s := read(t, once.Crash()); len(s.Rows) != 3 || s.NextIncarnation != 8 {
		t.Fatalf("%d rows, next incarnation %d", len(s.Rows), s.NextIncarnation)
	}
}
