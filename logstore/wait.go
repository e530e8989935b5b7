package logstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Waiter is woken through C, which holds one signal. One Waiter may watch many
// logs, as a fetch of many partitions does; a signal says "look again", not
// which log it was.
type Waiter struct{ C chan struct{} }

// NewWaiter returns a Waiter that watches nothing.
func NewWaiter() *Waiter { return &Waiter{C: make(chan struct{}, 1)} }

func (w *Waiter) signal() {
	select {
	case w.C <- struct{}{}:
	default:
	}
}

// watchers are the waiters of one log. Each names the bound that it reads by
// and the offset above which it cares, so that a mover wakes nobody in vain;
// a broadcast channel would wake all of them at each append.
type watchers struct {
	count [boundCount]atomic.Int32 // of entries in list; movers look here first
	mu    sync.Mutex
	list  []watch // under mu; unordered, short
}

type watch struct {
	w     *Waiter
	bound Bound
	above int64
}

func (ws *watchers) add(wt watch) {
	ws.mu.Lock()
	ws.list = append(ws.list, wt)
	ws.count[wt.bound].Add(1)
	ws.mu.Unlock()
}

// drop removes entries that the predicate names, and signals them if asked to.
func (ws *watchers) drop(signal bool, gone func(watch) bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	kept := ws.list[:0]
	for _, wt := range ws.list {
		if !gone(wt) {
			kept = append(kept, wt)
			continue
		}
		ws.count[wt.bound].Add(-1)
		if signal {
			wt.w.signal()
		}
	}
	clear(ws.list[len(kept):])
	ws.list = kept
}

// moved wakes those who wait for the bound to reach offset.
func (ws *watchers) moved(b Bound, offset int64) {
	if ws.count[b].Load() == 0 {
		return
	}
	ws.drop(true, func(wt watch) bool { return wt.bound == b && wt.above < offset })
}

func (ws *watchers) wakeAll() { ws.drop(true, func(watch) bool { return true }) }

// Watch signals w once, as soon as Offset(b) is above the given offset or the
// log fails, is deleted or closed; at once if that is so already.
func (l *Log) Watch(b Bound, above int64, w *Waiter) {
	l.watchers.add(watch{w, b, above})
	// Registered first, looked second: a mover that stored the bound before the
	// registration was seen is noticed here.
	if l.Offset(b) > above || l.Err() != nil {
		l.watchers.drop(true, func(wt watch) bool { return wt.w == w && wt.bound == b && wt.above == above })
	}
}

// Unwatch forgets w. A signal sent before may still be in w.C.
func (l *Log) Unwatch(w *Waiter) {
	l.watchers.drop(false, func(wt watch) bool { return wt.w == w })
}

// Wait returns nil once Offset(b) is at or above offset. It returns ctx's
// error, or the reason for which the bound will never move again: ErrReadOnly in a
// store that is only read.
func (l *Log) Wait(ctx context.Context, b Bound, offset int64) error {
	return l.WaitUntil(ctx, nil, b, offset)
}

// WaitUntil is Wait that also ends, with [context.DeadlineExceeded], when something is
// received from late, a timer's channel: that costs less than a context with a timeout.
func (l *Log) WaitUntil(ctx context.Context, late <-chan time.Time, b Bound, offset int64) error {
	if l.Offset(b) >= offset {
		return nil
	}
	if l.store.opt.ReadOnly {
		return ErrReadOnly
	}
	w := NewWaiter()
	for {
		l.Watch(b, offset-1, w)
		select {
		case <-w.C: // and watches no more
			if l.Offset(b) >= offset {
				return nil
			}
			if err := l.Err(); err != nil {
				return err
			}
		case <-late:
			return l.giveUp(w, b, offset, context.DeadlineExceeded)
		case <-ctx.Done():
			return l.giveUp(w, b, offset, ctx.Err())
		}
	}
}

// giveUp has w watch nothing, and returns err unless the bound is there after all.
func (l *Log) giveUp(w *Waiter, b Bound, offset int64, err error) error {
	l.Unwatch(w)
	if l.Offset(b) >= offset {
		return nil
	}
	return err
}
