package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/compat/groups"
	"moldau/server/compat/member"
)

const (
	committersCount = 4
	// committerSlots is how many partitions a committer commits for in turn, and
	// committerInFlight how many commits it lets wait for their answers.
	committerSlots    = 3
	committerInFlight = 8
)

// committer commits ever higher offsets to a group of its own, outside of any
// generation, with many commits in flight.
type committer struct {
	addr    string
	history *groups.History
	group   string
	slots   []groups.Slot
	every   time.Duration
	next    int64

	cancel context.CancelFunc
	done   sync.WaitGroup
	err    error // after done
}

func startCommitter(ctx context.Context, addr string, h *groups.History, n, rate int) *committer {
	c := &committer{addr: addr, history: h, group: fmt.Sprint("committer-", n), every: time.Second / time.Duration(rate)}
	for p := range int32(committerSlots) {
		c.slots = append(c.slots, groups.Slot{Group: c.group, Topic: topic, Partition: p})
	}
	ctx, c.cancel = context.WithCancel(ctx)
	c.done.Go(func() {
		for ctx.Err() == nil && c.err == nil {
			if err := c.connected(ctx); err != nil && ctx.Err() == nil && !member.Gone(err) {
				c.err = fmt.Errorf("%s: %w", c.group, err)
			}
			_ = pause(ctx, 20*time.Millisecond)
		}
	})
	return c
}

func (c *committer) stop() error {
	c.cancel()
	c.done.Wait()
	return c.err
}

// sent is a commit on its way.
type sent struct {
	req  *kmsg.OffsetCommitRequest
	note *groups.Commit
}

// connected commits until the connection breaks. What is in flight then stays
// unknown.
func (c *committer) connected(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := member.Dial(ctx, c.addr, c.group)
	if err != nil {
		return err
	}
	if err := member.Coordinated(ctx, conn, c.group); err != nil {
		return err
	}
	flight := make(chan sent, committerInFlight)
	var writer sync.WaitGroup
	var writeErr error
	writer.Go(func() {
		defer close(flight)
		tick := time.NewTicker(c.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			s := c.request()
			if writeErr = conn.Send(s.req); writeErr != nil {
				return
			}
			select {
			case flight <- s:
			case <-ctx.Done():
				return
			}
		}
	})
	for s := range flight {
		if err = c.answer(conn, s); err != nil {
			break
		}
	}
	cancel()
	writer.Wait()
	if err == nil {
		err = writeErr
	}
	return err
}

// request is the next commit. Kafka does not ask whether an offset exists.
func (c *committer) request() sent {
	c.next++
	slot := c.slots[c.next%committerSlots]
	metadata := fmt.Sprintf("%s#%d", c.group, c.next)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = c.group
	member.Add(req, slot, c.next, metadata)
	return sent{req, c.history.Commit(c.group, slot, -1, c.next, metadata)}
}

func (c *committer) answer(conn *member.Conn, s sent) error {
	resp := s.req.ResponseKind().(*kmsg.OffsetCommitResponse)
	if err := conn.Receive(resp, time.Minute); err != nil {
		return err
	}
	return member.Outcomes(s.req, resp, func(_ groups.Slot, _ int64, code int16) { s.note.Answered(code) })
}
