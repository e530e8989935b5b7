package commits

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"moldau/bench/result"
	"moldau/bench/wire"
	"moldau/server/compat/groups"
	"moldau/server/compat/member"
)

// committer is a member of a stable group with a second connection, on which it
// commits.
type committer struct {
	group, name string
	partition   int32
	member      *member.Light // nil where there is no group
	conn        *wire.Conn
	request     *wire.Commit
	took        []time.Duration // the loop's
}

func (c *committer) dial(ctx context.Context, addr string, seat member.Seat) (err error) {
	c.request = wire.NewCommit(c.group, seat.ID, seat.Generation, topic, c.partition)
	c.conn, err = wire.Dial(ctx, addr)
	return err
}

func (c *committer) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	if c.member != nil {
		_ = c.member.End(member.Leave)
	}
}

// commit lets all commit for a while, and tells how many a second and how long they
// took.
func commit(committers []*committer, inFlight int, d time.Duration) (perSecond float64, took *result.Latency, err error) {
	var running sync.WaitGroup
	errs := make([]error, len(committers))
	start := time.Now()
	for i, c := range committers {
		running.Go(func() { errs[i] = c.run(inFlight, start.Add(d)) })
	}
	running.Wait()
	seconds := time.Since(start).Seconds()
	if err := errors.Join(errs...); err != nil {
		return 0, nil, err
	}
	took = result.NewLatency()
	for _, c := range committers {
		for _, t := range c.took {
			took.Record(t)
		}
	}
	if took.TotalCount() == 0 {
		return 0, nil, errors.New("nothing was committed")
	}
	return float64(took.TotalCount()) / seconds, took, nil
}

// run keeps inFlight commits on their way until the time is over and then waits
// for their answers. One goroutine does both: what has been answered is sent
// again in one write, together with what else has been answered meanwhile.
func (c *committer) run(inFlight int, until time.Time) error {
	sent := make([]time.Time, inFlight) // of the id's rest by inFlight
	var out []byte
	next, received := int32(0), int32(0)
	for {
		now := time.Now()
		out = out[:0]
		for now.Before(until) && int(next-received) < inFlight {
			sent[int(next)%inFlight] = now
			out = c.request.Append(out, next)
			next++
		}
		if next == received {
			return nil
		}
		if len(out) > 0 {
			if _, err := c.conn.Write(out); err != nil {
				return err
			}
		}
		// One answer, and what lies in the buffer with it.
		for first := true; received < next && (first || c.conn.Buffered() > 0); first = false {
			if err := c.request.Receive(c.conn, received); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.took = append(c.took, time.Since(sent[int(received)%inFlight]))
			received++
		}
	}
}

// verify asks whether the last commit is what is committed.
func (c *committer) verify(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := member.Dial(ctx, addr, "verify")
	if err != nil {
		return err
	}
	committed := int64(-1)
	slot := groups.Slot{Group: c.group, Topic: topic, Partition: c.partition}
	code, err := member.Committed(conn, groups.New(time.Now), "verify", []groups.Slot{slot}, func(_ groups.Slot, offset int64) { committed = offset })
	if err != nil {
		return err
	}
	if code != 0 || committed != c.request.Offset {
		return fmt.Errorf("%s committed %d, the broker says %d (error %d)", c.name, c.request.Offset, committed, code)
	}
	return nil
}
