package storage_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// world is a store with one log, whose power a program can cut.
type world struct {
	t      testing.TB
	p      *mutate.Program
	clock  *clock
	config logstore.Config
	mem    *vfs.Mem
	fault  *vfs.Fault
	change func(*logstore.Options) // of every open, where set
	store  *logstore.Store
	log    *logstore.Log

	recovered bool     // the last open scanned the log: it was not at rest
	failing   *failing // the disk vanishes soon, or has; nil if it stays
}

func newWorld(t testing.TB, p *mutate.Program, change func(*logstore.Config)) *world {
	w := &world{t: t, p: p, clock: newClock(), mem: vfs.NewMem()}
	w.config = options(nil, nil).Log
	if change != nil {
		change(&w.config)
	}
	return w
}

// begin opens the store, empty, and makes the log.
func (w *world) begin() {
	w.openStore()
	l, err := w.store.OpenLog(tp)
	must(w.t, err)
	w.log = l
}

func (w *world) openStore() {
	w.failing, w.recovered = nil, false
	w.fault = vfs.NewFault(w.mem)
	o := options(w.fault, w.clock)
	o.Events = func(e logstore.Event) {
		if _, ok := e.(logstore.LogRecovered); ok {
			w.recovered = true
		}
	}
	o.Log = w.config
	if w.change != nil {
		w.change(&o)
	}
	s, err := logstore.Open("data", o)
	must(w.t, err)
	w.store = s
}

// open opens what is there.
func (w *world) open() {
	w.openStore()
	l, err := w.store.Log(tp)
	must(w.t, err)
	w.log = l
}

// reopen closes cleanly, has the checker look, and opens again.
func (w *world) reopen() {
	must(w.t, w.store.Close())
	sound(w.t, w.mem, true)
	w.open()
}

// The ways to crash.
const (
	lostAll     = iota // that was not synced
	lostPart           // of it, in any order
	lostNothing        // the process was killed
	crashes
)

// crash loses power, or kills the process, and tells that all that was written is
// still there.
func (w *world) crash() (killed bool) {
	killed = w.lose()
	_ = w.store.Close() // reaches nothing
	if w.p.One(4) && !w.badStart() {
		killed = false
	}
	return killed
}

// lose leaves what a loss of power leaves, or the end of the process.
func (w *world) lose() (killed bool) {
	how := w.p.Below(crashes)
	var left *vfs.Mem
	switch how {
	case lostAll:
		left = w.mem.Crash()
	case lostPart:
		left = w.mem.CrashPartly(rand.New(rand.NewPCG(uint64(w.p.Byte()), 1)).Int64N)
	default:
		left = w.mem.Clone()
		w.mem.Crash()
	}
	w.mem = left
	return how == lostNothing
}

// badStart opens the store on a disk of which one operation fails, or all from one
// on, and crashes again. It tells that all that was written is still there: after a
// failed sync the store believes what was synced alone.
func (w *world) badStart() (allLeft bool) {
	once, at := w.p.One(2), int64(1+w.p.Below(120))
	fault := vfs.NewFault(w.mem)
	var syncFailed atomic.Bool
	fault.SetHook(func(op vfs.Op) error {
		switch {
		case op.Seq < at, once && op.Seq > at:
			return nil
		case once:
			syncFailed.Store(op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncAll)
			return syscall.EIO
		}
		return vfs.ErrCrashed
	})
	o := options(fault, w.clock)
	o.Log = w.config
	s, err := logstore.Open("data", o)
	killed := w.lose()
	if err == nil {
		_ = s.Close()
	}
	return killed && !syncFailed.Load()
}

// failSoon lets the disk vanish at one of the next operations.
func (w *world) failSoon() {
	at := w.fault.Ops() + 1 + int64(w.p.Below(40))
	if w.failing == nil {
		w.failing = new(failing)
	}
	f := w.failing
	w.fault.SetHook(func(op vfs.Op) error { return f.next(op.Seq >= at) })
}

// stopFailing keeps the disk, unless it has vanished, which it tells.
func (w *world) stopFailing() (vanished bool) {
	w.fault.SetHook(nil)
	return w.failing != nil && w.failing.stop()
}

// failing is a disk that vanishes. What nobody waits for may be what finds it so, when
// it is to be kept.
type failing struct {
	mu                sync.Mutex
	vanished, stopped bool
}

func (f *failing) next(vanishes bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !vanishes || f.stopped {
		return nil
	}
	f.vanished = true
	return vfs.ErrCrashed
}

func (f *failing) stop() (vanished bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	return f.vanished
}

// crashed tells that an error is of the vanished disk. Any other fails.
func (w *world) crashed(err error) bool {
	if err != nil && !errors.Is(err, vfs.ErrCrashed) && !errors.Is(err, logstore.ErrPoisoned) {
		w.t.Fatal(err)
	}
	return err != nil
}

// wait waits until all below the offset is acknowledged.
func (w *world) wait(offset int64) error {
	return w.log.Wait(context.Background(), logstore.HighWatermark, offset)
}

// codecOf draws a codec: mostly none, which costs nothing.
func codecOf(p *mutate.Program) record.Codec {
	if b := p.Byte(); b%8 == 0 {
		return record.Codec(b / 8 % 5)
	}
	return record.None
}
