package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// proveSendfile lets a standard consumer with six assigned partitions fetch and
// adds up what the kernel says that sendfile and other writes moved.
func proveSendfile(ctx context.Context) (err error) {
	const partitions, records, recordBytes = 6, 256 << 10, 1 << 10
	t, err := startTraced(ctx, "os", partitions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	var failed error
	for range records {
		t.client.Produce(ctx, &kgo.Record{Value: make([]byte, recordBytes)}, func(_ *kgo.Record, err error) {
			failed = errors.Join(failed, err)
		})
	}
	if err := errors.Join(t.client.Flush(ctx), failed); err != nil {
		return err
	}
	calls, err := t.watch(ctx, writeCalls+",sendfile", func() error { return consume(ctx, t.broker.Addr(), partitions, records) })
	if err != nil {
		return err
	}
	var bySendfile, byWrite int64
	for i := range calls {
		n, ok := calls[i].moved()
		switch {
		case !ok || !strings.HasPrefix(calls[i].descriptor(), "TCP"):
		case calls[i].Name == "sendfile":
			bySendfile += n
		default:
			byWrite += n
		}
	}
	share := float64(bySendfile) / float64(bySendfile+byWrite)
	fmt.Printf("to sockets: %d bytes by sendfile, %d by other writes: %.2f %% by sendfile\n", bySendfile, byWrite, share*100)
	if bySendfile+byWrite < records*recordBytes {
		return fmt.Errorf("the trace shows %d bytes, %d were fetched", bySendfile+byWrite, records*recordBytes)
	}
	if share < 0.95 {
		return errors.New("less than 95 % by sendfile")
	}
	return nil
}

func consume(ctx context.Context, addr string, partitions int32, records int) error {
	from := map[int32]kgo.Offset{}
	for p := range partitions {
		from[p] = kgo.NewOffset().At(0)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for records > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		records -= fetches.NumRecords()
	}
	return nil
}

// moved is the call's result, if it is a count.
func (c *call) moved() (int64, bool) {
	i := strings.LastIndex(c.Text, " = ")
	if i < 0 {
		return 0, false
	}
	count, _, _ := strings.Cut(c.Text[i+3:], " ")
	n, err := strconv.ParseInt(count, 10, 64)
	return n, err == nil && n >= 0
}
