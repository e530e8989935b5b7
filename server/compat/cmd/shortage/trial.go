package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

const (
	topic      = "t"
	partitions = 3
	valueBytes = 16 << 10
)

// patience is how long what must work may take, on a machine with other work.
const patience = 30 * time.Second

// trial is one scenario: a broker, a producer, and what was acknowledged.
type trial struct {
	name   string
	launch broker.Launch
	broker *broker.Broker
	disk   *disk
	admin  string // the operators' listener
	client *kgo.Client
	kadm   *kadm.Client
	faults int

	mu    sync.Mutex
	next  int64           // of values
	acked map[int64]int64 // under mu: value -> partition<<48 | offset
}

// start starts the broker on the disk.
func (t *trial) start(ctx context.Context, properties ...string) (err error) {
	port, err := broker.FreePort()
	if err != nil {
		return err
	}
	t.admin = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	t.launch.Properties = append([]string{
		"moldau.admin.listener=" + t.admin, "log.segment.bytes=1048576", "log.segment.delete.delay.ms=0", "moldau.journal.bytes=67108864",
	}, properties...)
	if t.broker, err = broker.Start(ctx, t.launch); err != nil {
		return err
	}
	t.client, err = kgo.NewClient(kgo.SeedBrokers(t.launch.Addr()), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20), kgo.MaxBufferedRecords(512), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		return err
	}
	t.kadm = kadm.NewClient(t.client)
	return t.create(ctx, topic, partitions)
}

func (t *trial) create(ctx context.Context, name string, n int32) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	created, err := t.kadm.CreateTopic(ctx, n, 1, nil, name)
	return errors.Join(err, created.Err)
}

func (t *trial) stop() {
	if t.client != nil {
		t.client.Close()
	}
	if t.broker != nil {
		t.broker.Kill()
	}
}

// expect counts a fault if something is not as it must be, and tells either way.
func (t *trial) expect(ok bool, format string, args ...any) {
	what := "ok   "
	if !ok {
		t.faults++
		what = "FAULT"
	}
	fmt.Printf("%s %s: %s\n", what, t.name, fmt.Sprintf(format, args...))
}

func (t *trial) value() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := make([]byte, valueBytes)
	binary.BigEndian.PutUint64(v, uint64(t.next))
	t.next++
	return v
}

// send produces n records, acks=all, idempotent, and calls done for each.
func (t *trial) send(ctx context.Context, n int, done func(error)) {
	for range n {
		v := t.value()
		t.client.Produce(ctx, &kgo.Record{Value: v}, func(r *kgo.Record, err error) {
			if err == nil {
				t.mu.Lock()
				t.acked[int64(binary.BigEndian.Uint64(v))] = int64(r.Partition)<<48 | r.Offset
				t.mu.Unlock()
			}
			done(err)
		})
	}
}

// produce sends n records and waits for all, at most so long. It returns how many
// were acknowledged.
func (t *trial) produce(ctx context.Context, n int, atMost time.Duration) int {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	results := make(chan error, n)
	t.send(ctx, n, func(err error) { results <- err })
	good := 0
	for range n {
		if err := <-results; err == nil {
			good++
		}
	}
	return good
}

// refusal asks for one append without a client that retries, and returns what was
// answered.
func (t *trial) refusal(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.launch.Addr()), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.RecordDeliveryTimeout(patience))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, &kgo.Record{Value: make([]byte, valueBytes), Partition: 0}).FirstErr()
}

func retriable(err error) bool {
	return errors.Is(err, kerr.KafkaStorageError) || kerr.IsRetriable(err)
}

// missing reads the topic from its beginning and returns how many of the records
// that were acknowledged are not there.
func (t *trial) missing(ctx context.Context) (missing int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ends, err := t.kadm.ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return 0, err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.launch.Addr()), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	read := map[int64]int64{}
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return 0, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			read[int64(r.Partition)<<48|r.Offset] = int64(binary.BigEndian.Uint64(r.Value))
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for value, at := range t.acked {
		if got, ok := read[at]; !ok || got != value {
			missing++
		}
	}
	return missing, nil
}

// allThere expects to read all that was acknowledged.
func (t *trial) allThere(ctx context.Context, when string) {
	missing, err := t.missing(ctx)
	t.mu.Lock()
	n := len(t.acked)
	t.mu.Unlock()
	t.expect(err == nil && missing == 0, "%s, of %d records acknowledged %d are missing (error: %v)", when, n, missing, err)
}

// metric is one of the broker's, NaN's stead is -1.
func (t *trial) metric(ctx context.Context, name string) float64 {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.admin+"/metrics", nil)
	if err != nil {
		return -1
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err == nil {
				return v
			}
		}
	}
	return -1
}

// judge ends the scenario: the broker is killed, finds everything again, and its
// directory is in order.
func (t *trial) judge(ctx context.Context) (err error) {
	t.broker.Kill()
	if t.broker, err = broker.Start(ctx, t.launch); err != nil {
		return err
	}
	t.allThere(ctx, "after kill -9 and a start")
	err = t.broker.Stop()
	t.expect(err == nil, "it closes cleanly (error: %v)", err)
	t.faults += t.launch.Verify(ctx, "of "+t.name)
	return nil
}
