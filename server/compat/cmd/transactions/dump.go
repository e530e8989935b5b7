package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"moldau/logstore"
	"moldau/server/compat/java"
)

const tool = "org.apache.kafka.tools.DumpLogSegments"

var field = regexp.MustCompile(`(\w+): (\S+)`)

// dumped is what Kafka's dump tool prints of the files in a partition's
// directory that match, a map of fields for each line that begins with start.
func dumped(ctx context.Context, kafka *java.Kafka, dir, match, start string) ([]map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, match))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no %s (%v)", dir, match, err)
	}
	slices.Sort(files)
	out, err := kafka.Command(ctx, tool, "--files", strings.Join(files, ",")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Exception") {
		return nil, fmt.Errorf("%s: %v: %s", tool, err, out)
	}
	var lines []map[string]string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, start) {
			continue
		}
		fields := map[string]string{}
		for _, f := range field.FindAllStringSubmatch(line, -1) {
			fields[f[1]] = f[2]
		}
		lines = append(lines, fields)
	}
	return lines, nil
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1 // such as "None"
	}
	return n
}

// dumpedAborted is all transaction indexes of a partition, as Kafka reads them.
func dumpedAborted(ctx context.Context, kafka *java.Kafka, dir string) ([]logstore.AbortedTransaction, error) {
	lines, err := dumped(ctx, kafka, dir, "*.txnindex", "version:")
	var all []logstore.AbortedTransaction
	for _, l := range lines {
		all = append(all, logstore.AbortedTransaction{ProducerID: number(l["producerId"]), First: number(l["firstOffset"]), Last: number(l["lastOffset"])})
	}
	return all, err
}

// dumpedProducers is the newest snapshot of a partition, as Kafka reads it.
func dumpedProducers(ctx context.Context, kafka *java.Kafka, dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no snapshot (%v)", dir, err)
	}
	lines, err := dumped(ctx, kafka, dir, filepath.Base(slices.Max(files)), "producerId:")
	var all []string
	for _, l := range lines {
		first := -1
		if m := regexp.MustCompile(`\d+`).FindString(l["currentTxnFirstOffset"]); m != "" {
			first = int(number(m))
		}
		lastOffset := int64(-1)
		if s, ok := l["lastOffset"]; ok {
			lastOffset = number(s)
		}
		all = append(all, producerLine(number(l["producerId"]), number(l["producerEpoch"]), number(l["coordinatorEpoch"]), int64(first), lastOffset, number(l["lastTimestamp"])))
	}
	slices.Sort(all)
	return all, err
}

func producerLine(id, epoch, coordinatorEpoch, txnFirst, lastOffset, timestampMs int64) string {
	return fmt.Sprintf("producer %d/%d coordinator %d transaction %d last offset %d at %d", id, epoch, coordinatorEpoch, txnFirst, lastOffset, timestampMs)
}

// producersOf is a log's producers in the same words.
func producersOf(log *logstore.Log) ([]string, error) {
	producers, err := log.Producers()
	var all []string
	for _, p := range producers {
		all = append(all, producerLine(p.ID, int64(p.Epoch), int64(p.CoordinatorEpoch), p.TransactionFirst, p.LastOffset, p.LastTimestampMs))
	}
	slices.Sort(all)
	return all, err
}
