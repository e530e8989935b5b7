package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// errNotAcknowledged is why records are given up that the client would try to
// send for ever.
var errNotAcknowledged = errors.New("nothing was acknowledged in time")

// delivery follows records from the client to their acknowledgement. It gives
// up when records wait and none was acknowledged for the timeout. The client's
// own delivery timeout counts from a record's timestamp, and the input may have
// set that to anything.
type delivery struct {
	topic   string
	timeout time.Duration
	failed  chan struct{} // closed with the first failure
	giveUp  *time.Timer
	shown   *progress

	mu         sync.Mutex
	expected   int64 // records given to the client
	acked      int64
	failures   int64
	first      error // of the failures
	partitions map[topicPartition]*deliveredPartition
}

type topicPartition struct {
	topic     string
	partition int32
}

type deliveredPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Records   int64  `json:"records"`
	// With acks 0 a broker tells no offsets: -1.
	First int64 `json:"firstOffset"`
	Last  int64 `json:"lastOffset"`
}

type deliveryReport struct {
	Topic        string               `json:"topic"`
	Acknowledged int64                `json:"acknowledged"`
	Failed       int64                `json:"failed"`
	Partitions   []deliveredPartition `json:"partitions"`
}

// newDelivery also returns the context to send with.
func newDelivery(ctx context.Context, topic string, timeout time.Duration, shown *progress) (*delivery, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &delivery{topic: topic, timeout: timeout, failed: make(chan struct{}), shown: shown, partitions: map[topicPartition]*deliveredPartition{}}
	d.giveUp = time.AfterFunc(timeout, func() { cancel(errNotAcknowledged) })
	d.giveUp.Stop()
	return d, ctx
}

// expect counts a record that is about to be given to the client.
func (d *delivery) expect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expected == d.acked+d.failures {
		d.giveUp.Reset(d.timeout)
	}
	d.expected++
}

// done takes the outcome of the n-th record.
func (d *delivery) done(n int64, r *kgo.Record, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if d.failures++; d.failures == 1 {
			if errors.Is(err, context.Canceled) {
				err = fmt.Errorf("%w: waited %v", errNotAcknowledged, d.timeout)
			}
			d.first = fmt.Errorf("record %d failed: %w", n, brokerError(err, ""))
			close(d.failed)
		}
	} else {
		d.acked++
		d.add(r)
		d.shown.add(len(r.Key) + len(r.Value))
		d.giveUp.Reset(d.timeout)
	}
	if d.expected == d.acked+d.failures {
		d.giveUp.Stop()
	}
}

// add requires mu.
func (d *delivery) add(r *kgo.Record) {
	at := topicPartition{r.Topic, r.Partition}
	p := d.partitions[at]
	if p == nil {
		p = &deliveredPartition{Topic: r.Topic, Partition: r.Partition, First: r.Offset}
		d.partitions[at] = p
	}
	p.Records++
	p.Last = r.Offset
}

func (d *delivery) err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first
}

func (d *delivery) report() deliveryReport {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := deliveryReport{Topic: d.topic, Acknowledged: d.acked, Failed: d.failures, Partitions: []deliveredPartition{}}
	for _, p := range d.partitions {
		r.Partitions = append(r.Partitions, *p)
	}
	slices.SortFunc(r.Partitions, func(a, b deliveredPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return r
}

func (r deliveryReport) writeText(w io.Writer) {
	fmt.Fprintf(w, "%d acknowledged, %d failed\n", r.Acknowledged, r.Failed)
	if len(r.Partitions) == 0 {
		return
	}
	fmt.Fprintln(w, "TOPIC\tPARTITION\tRECORDS\tFIRST\tLAST")
	for _, p := range r.Partitions {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", p.Topic, p.Partition, p.Records, p.First, p.Last)
	}
}
