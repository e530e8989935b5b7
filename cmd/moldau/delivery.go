package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// delivery follows records from the client to their acknowledgement.
type delivery struct {
	topic  string
	handed int64         // records given to the client; the producing goroutine's
	failed chan struct{} // closed with the first failure

	mu         sync.Mutex
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

func newDelivery(topic string) *delivery {
	return &delivery{topic: topic, failed: make(chan struct{}), partitions: map[topicPartition]*deliveredPartition{}}
}

func (d *delivery) hand(ctx context.Context, client *kgo.Client, r *kgo.Record) {
	d.handed++
	n := d.handed
	client.Produce(ctx, r, func(r *kgo.Record, err error) { d.done(n, r, err) })
}

// done takes the outcome of the n-th record.
func (d *delivery) done(n int64, r *kgo.Record, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if d.failures++; d.failures == 1 {
			d.first = fmt.Errorf("record %d was not acknowledged: %w", n, brokerError(err, ""))
			close(d.failed)
		}
		return
	}
	d.acked++
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
	fmt.Fprintf(w, "%d records acknowledged, %d failed\n", r.Acknowledged, r.Failed)
	for _, p := range r.Partitions {
		fmt.Fprintf(w, "%s-%d\t%d records", p.Topic, p.Partition, p.Records)
		if p.First >= 0 {
			fmt.Fprintf(w, "\toffsets %d to %d", p.First, p.Last)
		}
		fmt.Fprintln(w)
	}
}
