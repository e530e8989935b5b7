package member

import (
	"context"
	"maps"
	"sync"
	"time"
)

// Seat is a member of a generation.
type Seat struct {
	ID         string
	Generation int32
}

// Gathering waits until all members of a group are in one generation.
type Gathering struct {
	want int
	done chan struct{}

	mu         sync.Mutex
	at         map[string]Seat // by the members' names
	inHighest  int
	generation int32
	when       time.Time
}

// NewGathering waits for so many members, whose Options must have Told as
// theirs.
func NewGathering(members int) *Gathering {
	return &Gathering{want: members, at: map[string]Seat{}, done: make(chan struct{})}
}

// Told is for Options.
func (g *Gathering) Told(name, id string, generation int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if generation > g.generation {
		g.generation, g.inHighest = generation, 0
	}
	before := g.at[name]
	g.at[name] = Seat{id, generation}
	if before.Generation == generation || generation < g.generation {
		return
	}
	if g.inHighest++; g.inHighest == g.want {
		if g.when.IsZero() {
			close(g.done)
		}
		g.when = time.Now()
	}
}

// Wait returns the members by name once all are in one generation, and when the
// last of them was told so.
func (g *Gathering) Wait(ctx context.Context) (map[string]Seat, time.Time, error) {
	select {
	case <-g.done:
	case <-ctx.Done():
		return nil, time.Time{}, context.Cause(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.at), g.when, nil
}
