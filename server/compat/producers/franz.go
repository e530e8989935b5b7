package producers

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/history"
)

// Franz starts a franz-go producer in this process.
func Franz(ctx context.Context, name string, load Load, ledger *Ledger) (*Producer, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(load.Bootstrap), kgo.DefaultProduceTopic(load.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(2*time.Millisecond),
		kgo.ProducerBatchMaxBytes(8192), kgo.MaxBufferedRecords(2000), kgo.ProduceRequestTimeout(5*time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))
	if err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	p := &Producer{Name: name, done: make(chan struct{}), stopSending: sync.OnceFunc(func() { close(stop) })}
	f := &franz{p: p, cl: cl, load: load, ledger: ledger, sent: make([]int64, load.Partitions)}
	go func() {
		defer close(p.done)
		defer cl.Close()
		f.produce(ctx, stop)
		p.err = cl.Flush(ctx)
		for partition, n := range f.sent {
			ledger.sent(name, int32(partition), n)
		}
	}()
	return p, nil
}

type franz struct {
	p      *Producer
	cl     *kgo.Client
	load   Load
	ledger *Ledger
	sent   []int64
}

func (f *franz) produce(ctx context.Context, stop <-chan struct{}) {
	const perTick = 5
	tick := time.NewTicker(time.Second * perTick / time.Duration(f.load.RatePerSecond))
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range perTick {
			f.send(ctx, n%f.load.Partitions)
			n++
		}
	}
}

// send blocks while the client's buffer is full.
func (f *franz) send(ctx context.Context, partition int) {
	r := history.Record{Producer: f.p.Name, Partition: int32(partition), Sequence: f.sent[partition]}
	f.sent[partition]++
	f.cl.Produce(ctx, &kgo.Record{Partition: r.Partition, Value: r.Value()}, func(done *kgo.Record, err error) {
		if err != nil {
			f.ledger.failed(r, err.Error())
			return
		}
		f.ledger.acked(f.p, r, done.Offset)
	})
}
