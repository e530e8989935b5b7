package client

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"moldau/server/compat/java"
)

// apacheProduce is Apache's own producer as its kafka-producer-perf-test drives
// it: idempotent, acks=all, random values, batches of batchBytes.
func apacheProduce(ctx context.Context, l Load) (Outcome, error) {
	records := max(1, l.Bytes/int64(l.RecordBytes))
	last, err := apache(ctx, "org.apache.kafka.tools.ProducerPerformance",
		"--bootstrap-server", l.Addr, "--topic", l.Topic, "--throughput", "-1",
		"--num-records", strconv.FormatInt(records, 10), "--record-size", strconv.Itoa(l.RecordBytes),
		"--command-property", "acks=all", "--command-property", "batch.size="+strconv.Itoa(l.BatchBytes),
		"--command-property", "linger.ms=5")
	if err != nil {
		return Outcome{}, err
	}
	return parseProducerPerformance(last, l.RecordBytes)
}

// apacheFetch is Apache's own consumer as its kafka-consumer-perf-test drives it: in
// a group of its own, from the beginning, once. Its time begins when it has its
// partitions.
func apacheFetch(ctx context.Context, l Load) (Outcome, error) {
	ends, err := endOffsets(ctx, l)
	if err != nil {
		return Outcome{}, err
	}
	there := int64(0)
	for _, end := range ends {
		there += end
	}
	records := min(there, max(1, l.Bytes/int64(l.RecordBytes)))
	last, err := apache(ctx, "org.apache.kafka.tools.ConsumerPerformance",
		"--bootstrap-server", l.Addr, "--topic", l.Topic, "--hide-header",
		"--num-records", strconv.FormatInt(records, 10), "--group", fmt.Sprintf("bench-%d", os.Getpid()))
	if err != nil {
		return Outcome{}, err
	}
	o, err := parseConsumerPerformance(last)
	if err == nil && o.Records < records { // it gives up after a while, and ends as if all were well
		err = fmt.Errorf("ConsumerPerformance consumed %d records of %d", o.Records, records)
	}
	return o, err
}

// apache runs one of Apache's programs, with the heap and the collector that the
// broker has, and returns the last line it prints.
func apache(ctx context.Context, class string, args ...string) (string, error) {
	kafka, err := java.Install(ctx)
	if err != nil {
		return "", err
	}
	out, err := kafka.Server(ctx, class, args...).Output()
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		return "", fmt.Errorf("%s: %w\n%s%s", class, err, out, said)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return string(lines[len(lines)-1]), nil
}

// parseProducerPerformance reads the summary: "N records sent, R records/sec (M
// MB/sec), ...".
func parseProducerPerformance(line string, recordBytes int) (o Outcome, err error) {
	var rate float64
	if _, err := fmt.Sscanf(line, "%d records sent, %f records/sec", &o.Records, &rate); err != nil || !(rate > 0) {
		return o, fmt.Errorf("ProducerPerformance ends with %q", line)
	}
	o.Bytes, o.Seconds = o.Records*int64(recordBytes), float64(o.Records)/rate
	return o, nil
}

// parseConsumerPerformance reads its line: start, end, MiB, MiB/s, records,
// records/s, rebalance ms, fetch ms, and so on.
func parseConsumerPerformance(line string) (o Outcome, err error) {
	fields := strings.Split(line, ", ")
	bad := fmt.Errorf("ConsumerPerformance ends with %q", line)
	if len(fields) < 8 {
		return o, bad
	}
	mib, err1 := strconv.ParseFloat(fields[2], 64)
	records, err2 := strconv.ParseInt(fields[4], 10, 64)
	ms, err3 := strconv.ParseFloat(fields[7], 64)
	if err1 != nil || err2 != nil || err3 != nil || ms <= 0 {
		return o, bad
	}
	return Outcome{Records: records, Bytes: int64(math.Round(mib * (1 << 20))), Seconds: ms / 1000}, nil
}
