package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"moldau/bench/wire"
)

// idle opens connections, asks each for the topic's metadata and fetches once from
// its beginning, and keeps them as they are until it is told to stop. The topic
// has one partition, and a batch in it.
func idle(ctx context.Context, l Load) (Outcome, error) {
	conns := make([]*wire.Conn, l.Connections)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	// Few at once: a listener's backlog is no matter of memory.
	const atOnce = 8
	errs := make([]error, atOnce)
	var next, moved atomic.Int64
	var wait sync.WaitGroup
	for worker := range atOnce {
		wait.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(conns) && errs[worker] == nil; i = next.Add(1) - 1 {
				var bytes int64
				conns[i], bytes, errs[worker] = greet(ctx, l)
				moved.Add(bytes)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return Outcome{}, err
	}
	l.hold.atWork()
	if l.hold.ended != nil {
		<-l.hold.ended
	}
	return Outcome{Requests: 2 * int64(len(conns)), Bytes: moved.Load()}, nil
}

// greet is what a client does before it has nothing to do.
func greet(ctx context.Context, l Load) (*wire.Conn, int64, error) {
	conn, err := wire.DialSmall(ctx, l.Addr, 512)
	if err != nil {
		return nil, 0, err
	}
	code, err := wire.AutoCreate(conn, l.Topic, 0)
	if err == nil && code != 0 {
		err = &wire.Refusal{Code: code}
	}
	if err != nil {
		return conn, 0, err
	}
	fetch := wire.NewFetch(l.Topic, []int64{1}, int32(l.PartitionBytesMax), 1, 1)
	if err := fetch.Send(conn, 1); err != nil {
		return conn, 0, err
	}
	bytes, _, err := fetch.Receive(conn, 1)
	return conn, bytes, err
}
