package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// standardProduce is franz-go as it comes, but for compression, which would
// measure the codec: idempotent, acks=all, batches of batchBytes.
func standardProduce(ctx context.Context, l Load) (Outcome, error) {
	cl, err := l.client(kgo.DefaultProduceTopic(l.Topic),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(int32(l.BatchBytes)),
		kgo.ProducerLinger(time.Millisecond), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return Outcome{}, err
	}
	defer cl.Close()
	value := make([]byte, l.RecordBytes)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range value {
		value[i] = byte(random.Uint32())
	}
	var failed atomic.Pointer[error]
	most := max(1, l.Bytes/int64(l.RecordBytes))
	start := time.Now()
	records := int64(0)
	for ; records < most && (records%64 != 0 || !l.over(start)); records++ {
		cl.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return Outcome{}, err
	}
	if err := failed.Load(); err != nil {
		return Outcome{}, *err
	}
	return Outcome{Records: records, Bytes: records * int64(l.RecordBytes), Seconds: time.Since(start).Seconds()}, nil
}

// standardFetch is franz-go as it comes, with every partition assigned to it,
// from the beginning, over and over until it has its bytes.
func standardFetch(ctx context.Context, l Load) (Outcome, error) {
	ends, err := endOffsets(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	var r Outcome
	start := time.Now()
	for r.Bytes < l.Bytes && !l.over(start) {
		if err := l.readOnce(ctx, ends, start, &r); err != nil {
			return r, err
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// readOnce reads to the ends, or until there are enough bytes.
func (l Load) readOnce(ctx context.Context, ends []int64, start time.Time, r *Outcome) error {
	from := map[int32]kgo.Offset{}
	missing := 0
	for p, end := range ends {
		from[int32(p)] = kgo.NewOffset().At(0)
		if end > 0 {
			missing++
		}
	}
	if missing == 0 {
		return errors.New("the topic is empty")
	}
	cl, err := l.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.Topic: from}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for missing > 0 && r.Bytes < l.Bytes && !l.over(start) {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) {
			r.Records++
			r.Bytes += int64(len(record.Value))
			if record.Offset+1 == ends[record.Partition] {
				missing--
			}
		})
	}
	return nil
}
