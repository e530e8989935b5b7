package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: transactions DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "transactions:", err)
		os.Exit(1)
	}
}

// clock makes the same bytes each time.
type clock struct{ ms int64 }

func (c *clock) Now() time.Time { return time.UnixMilli(c.ms) }

func write(dir string) (err error) {
	c := &clock{1_700_000_000_000}
	o := logstore.Options{Clock: c, Manual: true, Log: logstore.DefaultConfig()}
	o.Log.IndexIntervalBytes = 200
	s, err := logstore.Open(dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.OpenLog(logstore.TopicPartition{Topic: "transactions"})
	if err != nil {
		return err
	}
	w := writer{l: l, c: c, next: map[int64]int32{}}
	for i := range 6 { // of two producers, beside each other, and between them records of none
		w.send(record.BuilderOptions{Codec: record.Codec(i % 5)}, 7, true)
		w.send(record.BuilderOptions{}, 8, true)
		w.send(record.BuilderOptions{Codec: record.LZ4}, -1, false)
		w.mark(7, i%2 == 0)
		if i%3 > 0 {
			w.mark(8, i%3 == 1)
		}
	}
	w.send(record.BuilderOptions{}, 9, true) // and stays open
	if w.err != nil {
		return w.err
	}
	return l.Wait(context.Background(), logstore.HighWatermark, l.Offset(logstore.LogEnd))
}

// writer appends until something fails.
type writer struct {
	l    *logstore.Log
	c    *clock
	next map[int64]int32 // sequences
	err  error
}

func (w *writer) send(o record.BuilderOptions, producer int64, transactional bool) {
	if w.err != nil {
		return
	}
	w.c.ms += 10
	if o.Transactional = transactional; producer >= 0 {
		o.Producer = &record.Producer{ID: producer, Epoch: 1, BaseSequence: w.next[producer]}
		w.next[producer] += 2
	}
	b := record.NewBuilder(o)
	for i := range 2 {
		b.Append(w.c.ms, fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "value %d of producer %d", i, producer))
	}
	batch, err := b.Finish()
	if err == nil {
		_, err = w.l.AppendLeader(batch, 0)
	}
	w.err = err
}

func (w *writer) mark(producer int64, commit bool) {
	if w.err == nil {
		w.c.ms += 10
		_, w.err = w.l.AppendMarker(logstore.Marker{ProducerID: producer, ProducerEpoch: 1, Commit: commit}, 0)
	}
}
