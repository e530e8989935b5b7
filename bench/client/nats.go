package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsInFlight is how many messages may wait for their acknowledgements: nats.go's
// default, and no more than 4 MiB.
func natsInFlight(recordBytes int) int { return min(4000, max(1, (4<<20)/recordBytes)) }

// natsStallMax is how long a publisher waits when that many do: each may need a
// sync.
const natsStallMax = time.Minute

func dialNATS(l Load, options ...jetstream.JetStreamOpt) (*nats.Conn, jetstream.JetStream, error) {
	conn, err := nats.Connect("nats://" + l.Addr)
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn, options...)
	return conn, js, err
}

// natsProduce publishes messages of recordBytes to a JetStream subject, without
// waiting for each, as nats.go comes: there are no batches.
func natsProduce(ctx context.Context, l Load) (o Outcome, err error) {
	var failed atomic.Pointer[error]
	conn, js, err := dialNATS(l, jetstream.WithPublishAsyncMaxPending(natsInFlight(l.RecordBytes)),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { failed.Store(&err) }))
	if err != nil {
		return o, err
	}
	defer conn.Close()
	value := make([]byte, l.RecordBytes)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range value {
		value[i] = byte(random.Uint32())
	}
	most := max(1, l.Bytes/int64(l.RecordBytes))
	start := time.Now()
	for ; o.Records < most && (o.Records%64 != 0 || !l.over(start)); o.Records++ {
		// It waits while as many as allowed are pending.
		if _, err := js.PublishAsync(l.Topic, value, jetstream.WithStallWait(natsStallMax)); err != nil {
			return o, err
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return o, context.Cause(ctx)
	}
	o.Seconds, o.Bytes = time.Since(start).Seconds(), o.Records*int64(l.RecordBytes)
	if err := failed.Load(); err != nil {
		return o, *err
	}
	return o, kept(ctx, js, l.Topic, o.Records)
}

// kept checks that a stream has all that was published.
func kept(ctx context.Context, js jetstream.JetStream, name string, messages int64) error {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	if has := stream.CachedInfo().State.Msgs; has != uint64(messages) {
		return fmt.Errorf("%d messages were published, the stream has %d", messages, has)
	}
	return nil
}

// natsFetch reads a stream by ordered consumers, as nats.go comes, from the
// beginning, over and over until it has its bytes.
func natsFetch(ctx context.Context, l Load) (o Outcome, err error) {
	conn, js, err := dialNATS(l)
	if err != nil {
		return o, err
	}
	defer conn.Close()
	stream, err := js.Stream(ctx, l.Topic)
	if err != nil {
		return o, err
	}
	start := time.Now()
	for o.Bytes < l.Bytes && !l.over(start) {
		if err := l.readStream(ctx, stream, start, &o); err != nil {
			return o, err
		}
	}
	o.Seconds = time.Since(start).Seconds()
	return o, nil
}

// readStream reads to its end, or until there are enough bytes.
func (l Load) readStream(ctx context.Context, stream jetstream.Stream, start time.Time, o *Outcome) error {
	last := stream.CachedInfo().State.LastSeq
	if last == 0 {
		return errors.New("the stream is empty")
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for n := uint64(0); n < last && o.Bytes < l.Bytes && !l.over(start); n++ {
		m, err := messages.Next()
		if err != nil {
			return err
		}
		o.Records++
		o.Bytes += int64(len(m.Data()))
	}
	return nil
}
