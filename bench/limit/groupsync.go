package limit

import "sync"

// GroupSync lets all who come while a sync runs share the next one. Whoever
// finds none running does it without handing over to another goroutine.
type GroupSync struct {
	Sync func() error // what is shared

	mu      sync.Mutex
	next    *round // under mu
	running bool   // under mu
	syncs   int64  // under mu
}

// round is one sync that is still to begin, for all who wait for it.
type round struct {
	done chan struct{}
	err  error // before done is closed
}

// Wait returns when a sync is over that began after the call.
func (g *GroupSync) Wait() error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &round{done: make(chan struct{})}
	}
	r := g.next
	if g.running {
		g.mu.Unlock()
		<-r.done
		return r.err
	}
	g.running = true
	g.runNext()
	if g.next != nil {
		go g.runAll()
	} else {
		g.running = false
	}
	g.mu.Unlock()
	return r.err
}

func (g *GroupSync) runAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.next != nil {
		g.runNext()
	}
	g.running = false
}

// runNext does one sync. The caller holds mu, which is given up meanwhile.
func (g *GroupSync) runNext() {
	r := g.next
	g.next = nil
	g.syncs++
	g.mu.Unlock()
	r.err = g.Sync()
	close(r.done)
	g.mu.Lock()
}

// Syncs is how many were begun.
func (g *GroupSync) Syncs() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.syncs
}
