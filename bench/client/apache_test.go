package client_test

import (
	"math"
	"testing"

	"moldau/bench/client"
)

func TestProducerPerformanceIsRead(t *testing.T) {
	o, err := client.ParseProducerPerformance("100000 records sent, 25000.5 records/sec (24.41 MB/sec), 12.32 ms avg latency, 241.00 ms max latency, 5 ms 50th, 60 ms 95th, 90 ms 99th, 120 ms 99.9th.", 1024)
	if err != nil || o.Records != 100_000 || o.Bytes != 102_400_000 || math.Abs(o.Seconds-3.99992) > 1e-4 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, line := range []string{"", "0 records sent, NaN records/sec", "org.apache.kafka.common.errors.TimeoutException"} {
		if o, err := client.ParseProducerPerformance(line, 1); err == nil {
			t.Errorf("%q: %+v", line, o)
		}
	}
}

func TestConsumerPerformanceIsRead(t *testing.T) {
	o, err := client.ParseConsumerPerformance("2026-11-28 14:20:00:000, 2026-11-28 14:20:02:500, 97.6563, 39.0625, 100000, 40000.0000, 500, 2000, 48.8281, 50000.0000")
	if err != nil || o.Records != 100_000 || o.Bytes != 102_400_052 || o.Seconds != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, line := range []string{"", "a, b, c, d, e, f, g, h", "2026, 2026, 1.0, 1.0, 10, 1.0, 500, 0, 1, 1"} {
		if o, err := client.ParseConsumerPerformance(line); err == nil {
			t.Errorf("%q: %+v", line, o)
		}
	}
}
