package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// record travels with a message as its opaque.
type record struct{ partition, sequence int }

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: rdkafka BOOTSTRAP TOPIC NAME PARTITIONS RECORDS_PER_SECOND")
		os.Exit(2)
	}
	partitions, err1 := strconv.Atoi(os.Args[4])
	rate, err2 := strconv.Atoi(os.Args[5])
	if err1 != nil || err2 != nil || partitions < 1 || rate < 1 {
		fmt.Fprintln(os.Stderr, "rdkafka: partitions and rate are positive numbers")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], partitions, rate); err != nil {
		fmt.Fprintln(os.Stderr, "rdkafka:", err)
		os.Exit(1)
	}
}

func run(bootstrap, topic, name string, partitions, rate int) error {
	p, err := kafka.NewProducer(&kafka.ConfigMap{
		"bootstrap.servers": bootstrap, "enable.idempotence": true, "acks": "all",
		"linger.ms": 2, "batch.size": 8192, "message.timeout.ms": 600_000, "request.timeout.ms": 5000,
		"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50,
		"log_level": 2,
	})
	if err != nil {
		return err
	}
	var stop atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop.Store(true)
	}()
	done := make(chan struct{})
	go func() {
		report(p)
		close(done)
	}()
	sent := make([]int, partitions)
	const perTick = 5
	tick := time.NewTicker(time.Second * perTick / time.Duration(rate))
	defer tick.Stop()
	for n := 0; !stop.Load(); {
		<-tick.C
		for range perTick {
			partition := n % partitions
			if err := send(p, topic, name, partition, sent[partition]); err != nil {
				return err
			}
			sent[partition]++
			n++
		}
	}
	for p.Flush(1000) > 0 {
	}
	p.Close()
	<-done
	for partition, n := range sent {
		fmt.Printf("T %d %d\n", partition, n)
	}
	return nil
}

// send queues a record, and waits for room while the broker is away.
func send(p *kafka.Producer, topic, name string, partition, sequence int) error {
	const queuedMax = 2000
	for p.Len() > queuedMax {
		time.Sleep(time.Millisecond)
	}
	value := fmt.Sprintf("%s|%d|%d|%s", name, partition, sequence, strings.Repeat("x", sequence*37%400))
	return p.Produce(&kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: int32(partition)},
		Value:          []byte(value), Opaque: record{partition, sequence},
	}, nil)
}

// report tells of every record, until the producer is closed.
func report(p *kafka.Producer) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for event := range p.Events() {
		switch e := event.(type) {
		case *kafka.Message:
			r := e.Opaque.(record)
			if err := e.TopicPartition.Error; err != nil {
				fmt.Fprintf(out, "F %d %d %v\n", r.partition, r.sequence, err)
			} else {
				fmt.Fprintf(out, "A %d %d %d\n", r.partition, r.sequence, e.TopicPartition.Offset)
			}
		case kafka.Error:
			if e.IsFatal() {
				fmt.Fprintf(out, "E %v\n", e)
			}
		}
		// The driver kills when it sees progress: nothing may lie in the buffer.
		if len(p.Events()) == 0 {
			out.Flush()
		}
	}
}
