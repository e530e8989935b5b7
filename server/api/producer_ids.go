package api

import (
	"context"
	"sync"
)

// producerIDs hands out ids from a block that the controller allocated. What
// is left of a block at a restart is never handed out: ids must not come twice.
type producerIDs struct {
	allocate func(context.Context) (first int64, n int, err error)

	mu   sync.Mutex
	next int64 // guarded by mu
	end  int64 // guarded by mu
}

func (p *producerIDs) draw(ctx context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		first, n, err := p.allocate(ctx)
		if err != nil {
			return -1, err
		}
		p.next, p.end = first, first+int64(n)
	}
	id := p.next
	p.next++
	return id, nil
}
