package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/history"
	"moldau/server/compat/producers"
)

// consumer reads every partition from its beginning. It never goes elsewhere by
// itself: an offset that the broker no longer knows is an error, not a reset.
func consumer(addr string, partitions int) (*kgo.Client, error) {
	from := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		from[p] = kgo.NewOffset().At(0)
	}
	return kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepRetryableFetchErrors(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
}

// tail is a consumer that follows the log while its broker is being killed.
type tail struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	err    error // after done
}

// follow starts a tail. What it is given must still be there in the end.
func follow(ctx context.Context, addr string, partitions int, ledger *producers.Ledger) (*tail, error) {
	cl, err := consumer(addr, partitions)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &tail{cancel: cancel}
	t.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			fetches := cl.PollFetches(ctx)
			fetches.EachError(func(_ string, p int32, err error) {
				var lost *kgo.ErrDataLoss
				if errors.As(err, &lost) {
					t.err = errors.Join(t.err, fmt.Errorf("tail of partition %d: %w", p, err))
				}
			})
			fetches.EachRecord(func(r *kgo.Record) {
				ledger.Seen(r.Partition, history.Stored{Offset: r.Offset, Value: r.Value})
			})
		}
	})
	return t, nil
}

func (t *tail) stop() error {
	t.cancel()
	t.done.Wait()
	return t.err
}

// readAll takes down every partition from its start to its end.
func readAll(ctx context.Context, addr string, partitions int, h *history.History) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cl, err := consumer(addr, partitions)
	if err != nil {
		return err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	missing := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			missing[o.Partition] = o.Offset
		}
	})
	for len(missing) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			h.Stored(r.Partition, history.Stored{Offset: r.Offset, Value: r.Value})
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
		})
	}
	return nil
}
