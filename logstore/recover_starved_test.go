package logstore_test

import (
	"fmt"
	"io/fs"
	"sync/atomic"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// fewDescriptors is a file system of which so many files and directories may be open.
type fewDescriptors struct {
	vfs.FS
	max  int64
	open atomic.Int64
	peak atomic.Int64
	none atomic.Int64 // how often there was none left
}

type describedFile struct {
	vfs.File
	of *fewDescriptors
}

// take takes a descriptor.
func (d *fewDescriptors) take() error {
	n := d.open.Add(1)
	if n > d.max {
		d.open.Add(-1)
		d.none.Add(1)
		return syscall.EMFILE
	}
	for at := d.peak.Load(); n > at && !d.peak.CompareAndSwap(at, n); at = d.peak.Load() {
	}
	return nil
}

// briefly has one while it does something.
func (d *fewDescriptors) briefly(do func() error) error {
	if err := d.take(); err != nil {
		return err
	}
	defer d.open.Add(-1)
	return do()
}

func (d *fewDescriptors) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if err := d.take(); err != nil {
		return nil, err
	}
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil {
		d.open.Add(-1)
		return nil, err
	}
	return describedFile{f, d}, nil
}

func (f describedFile) Close() error {
	f.of.open.Add(-1)
	return f.File.Close()
}

func (d *fewDescriptors) ReadDir(name string) (names []fs.DirEntry, err error) {
	err = d.briefly(func() (err error) { names, err = d.FS.ReadDir(name); return err })
	return names, err
}

func (d *fewDescriptors) SyncDir(name string) error {
	return d.briefly(func() error { return d.FS.SyncDir(name) })
}

func (d *fewDescriptors) HoldDir(name string) (vfs.HeldDir, error) {
	if err := d.take(); err != nil {
		return nil, err
	}
	held, err := vfs.HoldDir(d.FS, name)
	if err != nil {
		d.open.Add(-1)
		return nil, err
	}
	return describedDir{held, d}, nil
}

type describedDir struct {
	vfs.HeldDir
	of *fewDescriptors
}

func (h describedDir) Close() error {
	h.of.open.Add(-1)
	return h.HeldDir.Close()
}

func inner(files []vfs.File) (all []vfs.File) {
	for _, f := range files {
		all = append(all, f.(describedFile).File)
	}
	return all
}

func (d *fewDescriptors) SyncAll(dir string, files []vfs.File) error {
	return vfs.SyncAll(d.FS, dir, inner(files))
}

func (d *fewDescriptors) SyncFound(dir string, files []vfs.File) ([]error, error) {
	return vfs.SyncFound(d.FS, dir, inner(files))
}

// Any number of logs is recovered with any number of files: what was recovered is
// closed, in the dirty set as it is, and is as if it had stayed open.
func TestMoreDirtyLogsThanFiles(t *testing.T) {
	const logs = 120
	h := newHarness(t, func(c *logstore.Config) { c.Durability, c.IndexIntervalBytes = logstore.OS, 1 })
	last := map[int][]byte{}
	states := map[int]string{}
	for i := range logs {
		l, err := h.store.Create(numbered(i), logstore.TopicID{1}, h.config)
		must(t, err)
		x := &txn{h: h, id: 9}
		x.write(l, 1)
		x.end(l, false) // known by the index of the segment only
		p := sequenced{id: 7}
		last[i] = p.batch(t, h.clock.ms(), fmt.Sprint("once", i), 1)
		_, err = l.AppendLeader(last[i], 0)
		must(t, err)
		if i%20 == 0 {
			x.write(l, 2) // stays open
		}
		states[i] = state(t, l)
	}
	killed := h.mem.Clone()
	must(t, h.store.Close())
	for _, c := range []struct{ files, descriptors, workers, together int }{
		{8, 0, 0, 32}, {8, 0, 0, 1000}, {8, 0, 1, 1000}, {20, 40, 0, 32}, {1000, 40, 0, 1000}, {-1, 40, 0, 32}, {20, 12, 1, 1000},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			h := &harness{t: t, mem: killed.Clone(), clock: h.clock, events: &events{}, config: h.config, rand: newRand()}
			few := &fewDescriptors{max: 1 << 40}
			if c.descriptors > 0 {
				few.max = int64(c.descriptors)
			}
			h.change = func(o *logstore.Options) {
				o.OpenFilesMax, o.RecoveryWorkers = c.files, c.workers
				*o = logstore.SyncAllFrom(*o, c.together)
				few.FS = o.FS
				o.FS = few
			}
			for _, lose := range []func(*vfs.Mem) *vfs.Mem{(*vfs.Mem).Clone, (*vfs.Mem).Clone, (*vfs.Mem).Crash} {
				if h.store != nil {
					must(t, h.store.Checkpoint()) // the last syncs what it finds closed
				}
				h.mem, h.events, few.open = lose(h.mem), &events{}, atomic.Int64{}
				h.open()
				if failed := eventsOf[logstore.LogNotOpened](h.events); len(failed) > 0 {
					t.Fatalf("%d logs are not open: %v", len(failed), failed[0])
				}
				if n := h.store.Counters().RecoveredLogs; n != logs || len(eventsOf[logstore.LogRecovered](h.events)) != logs {
					t.Fatalf("%d logs were recovered, %d told of", n, len(eventsOf[logstore.LogRecovered](h.events)))
				}
				if open := few.open.Load(); open > 20 {
					t.Fatalf("%d files are open", open)
				}
				if c.descriptors > 0 && few.none.Load() == 0 {
					t.Fatal("there was no want of descriptors")
				}
			}
			few.max = max(few.max, int64(c.files)+20) // who uses all logs at once needs some for each
			if c.files < 0 {
				few.max = 1 << 40
			}
			h.checkStates(logs, states, last)
			h.store.Housekeep(h.clock.Now())
			must(t, h.store.Checkpoint())
			must(t, h.store.Close())
			h.events = &events{}
			h.open()
			if n := h.store.Counters().RecoveredLogs; n != logs/20 {
				t.Fatalf("%d logs were not at rest, %d have a transaction open", n, logs/20)
			}
			must(t, h.store.Close())
		})
	}
}

// checkStates looks at each log, and sends again what it was sent last, which is known.
func (h *harness) checkStates(logs int, states map[int]string, last map[int][]byte) {
	h.t.Helper()
	for i := range logs {
		l, err := h.store.Log(numbered(i))
		must(h.t, err)
		if got := state(h.t, l); got != states[i] {
			h.t.Fatalf("log %d was\n%s\nand is\n%s", i, states[i], got)
		}
		wantAborted(h.t, l, 0, 3, logstore.AbortedTransaction{ProducerID: 9, Last: 1})
		h.store.Housekeep(h.clock.Now())
		if a, err := l.AppendLeader(last[i], 0); err != nil || !a.Duplicate {
			h.t.Fatalf("log %d: sent again: %+v, %v", i, a, err)
		}
		if i%7 == 0 {
			h.append(l, "more", 1)
		}
		h.store.Housekeep(h.clock.Now())
	}
}

// A crash at any step of a recovery that has too few descriptors for all logs at once,
// and closes them again, leaves what one without it does.
func TestCrashDuringARecoveryOfFewFiles(t *testing.T) {
	const logs = 5
	script := []step{{"write to many", func(w *workload) error {
		for i := range logs {
			tp := numbered(i)
			if err := w.create(tp, byte(1+i)); err != nil {
				return err
			}
			for _, do := range []func() error{
				func() error { return w.lead(tp, 0, 2, record.BuilderOptions{}) },
				func() error { return w.transact(tp, 101, 2) },
				func() error { return w.endTransaction(tp, 101, i%2 == 0, true) },
				func() error { return w.transact(tp, 102, 1) },
			} {
				if err := do(); err != nil {
					return err
				}
			}
		}
		if err := w.store.Checkpoint(); err != nil {
			return err
		}
		for i := range logs {
			tp := numbered(i)
			if err := w.endTransaction(tp, 102, false, true); err != nil {
				return err
			}
			if err := w.together(1, tp, numbered((i+1)%logs)); err != nil {
				return err
			}
		}
		return nil
	}}, {"stop without closing", func(w *workload) error {
		w.fault.SetHook(func(vfs.Op) error { return vfs.ErrCrashed })
		return w.store.Checkpoint()
	}}}
	for _, way := range []string{"own files", "journal"} {
		for _, descriptors := range []int64{1 << 40, 9} {
			t.Run(fmt.Sprint(way, descriptors), func(t *testing.T) {
				t.Parallel()
				c := crashConfig()
				c.SegmentBytes = 4000
				w := newWorkload(t, c)
				w.journal, w.files = way == "journal", 1
				w.run(script)
				left, lost := w.mem.Clone(), w.mem.Crash()
				tear(t, left, "data/logs/many-3", 30)
				for _, mem := range []*vfs.Mem{left, lost} {
					w.crashRecovery(mem, descriptors)
				}
			})
		}
	}
}

// crashRecovery stops the open of what a crash left at every operation.
func (w *workload) crashRecovery(left *vfs.Mem, descriptors int64) {
	w.t.Helper()
	wanted := int64(0) // descriptors that were not there; in which of the recoveries is the scheduler's
	for stop := int64(1); ; stop++ {
		mem := left.Clone()
		fault := vfs.NewFault(mem)
		var last vfs.Op
		skipped := false
		fault.SetHook(func(op vfs.Op) error {
			skipped = skipped || op.Seq == stop && (!changesFiles(op) || raceEnabled && stop%8 != 0)
			if op.Seq < stop || skipped {
				return nil
			}
			last = op
			return vfs.ErrCrashed
		})
		few := &fewDescriptors{FS: fault, max: descriptors}
		o := w.options()
		o.FS = few
		s, err := logstore.Open("data", o)
		wanted += few.none.Load()
		if err == nil && !skipped {
			mem.Crash()
			_ = s.Close()
			if wanted == 0 && descriptors < 100 {
				w.t.Fatal("there was no want of descriptors")
			}
			if stop < 100 {
				w.t.Fatalf("recovery took %d operations", stop)
			}
			return
		}
		if skipped {
			_ = s.Close()
			continue
		}
		again, gone := mem.Clone(), mem.Crash()
		if err := w.after(gone, false); err != nil {
			w.t.Fatalf("power lost at operation %d of recovery, %s %s: %v", stop, last.Kind, last.Name, err)
		}
		if err := w.after(again, false); err != nil {
			w.t.Fatalf("killed at operation %d of recovery, %s %s: %v", stop, last.Kind, last.Name, err)
		}
	}
}
