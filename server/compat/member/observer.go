package member

import (
	"context"
	"fmt"
	"sync"
	"time"

	"moldau/server/compat/groups"
)

// Observer is not a member of any group. It reads what all have committed.
type Observer struct {
	addr    string
	history *groups.History
	// slots, by group.
	slots map[string][]groups.Slot

	cancel context.CancelFunc
	done   sync.WaitGroup
	err    error // after done

	mu        sync.Mutex
	committed map[groups.Slot]int64
}

// Observe reads once a second, whenever there is a broker.
func Observe(ctx context.Context, addr string, h *groups.History, slots []groups.Slot) *Observer {
	o := &Observer{addr: addr, history: h, slots: map[string][]groups.Slot{}, committed: map[groups.Slot]int64{}}
	for _, slot := range slots {
		o.slots[slot.Group] = append(o.slots[slot.Group], slot)
	}
	ctx, o.cancel = context.WithCancel(ctx)
	o.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if err := o.Read(ctx, "observer"); err != nil && !Gone(err) && ctx.Err() == nil {
				o.err = fmt.Errorf("observer: %w", err)
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return o
}

// Stop ends it.
func (o *Observer) Stop() error {
	o.cancel()
	o.done.Wait()
	return o.err
}

// Read reads all groups once. It waits for groups that are being loaded.
func (o *Observer) Read(ctx context.Context, by string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := Dial(ctx, o.addr, by)
	if err != nil {
		return err
	}
	for group, slots := range o.slots {
		if err := Coordinated(ctx, conn, group); err != nil {
			return err
		}
		for {
			code, err := Committed(conn, o.history, by, slots, o.note)
			if err != nil {
				return err
			}
			if code == 0 {
				break
			}
			if code != coordinatorLoading && code != coordinatorNotThere && code != notCoordinator {
				return fmt.Errorf("offsets of group %s: error %d", group, code)
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("offsets of group %s: error %d for a minute", group, code)
			}
		}
	}
	return nil
}

func (o *Observer) note(slot groups.Slot, offset int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.committed[slot] = offset
}

// Drained waits until everything that is observed is committed to its end, and
// returns what is not after the limit.
func (o *Observer) Drained(ctx context.Context, ends map[string]map[int32]int64, limit time.Duration) (left []string, err error) {
	over := time.After(limit)
	for {
		if left = o.left(ends); len(left) == 0 {
			return nil, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-over:
			return left, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (o *Observer) left(ends map[string]map[int32]int64) (left []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, slots := range o.slots {
		for _, slot := range slots {
			if end := ends[slot.Topic][slot.Partition]; end > 0 && o.committed[slot] < end {
				left = append(left, fmt.Sprintf("%v: committed %d of %d", slot, o.committed[slot], end))
			}
		}
	}
	return left
}
