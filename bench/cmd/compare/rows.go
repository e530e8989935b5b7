package main

import (
	"strconv"
)

// row is one workload.
type row struct {
	name       string
	command    string // of the replay client
	args       []string
	partitions int
	bytes      int64
	synced     bool
	// fetches read a topic that is filled once for each system.
	fetches bool
}

const gib = 1 << 30

// rows are those of the design's tables that two cores can show in minutes.
func rows(o options) []row {
	all := []row{
		{name: "produce 1 KiB, 6 batches of 16 KiB a request", command: "produce", bytes: gib},
		{name: "produce 100 B, 6 batches of 16 KiB a request", command: "produce", args: []string{"-record", "100"}, bytes: gib},
		{name: "produce 1 KiB, 1 batch of 16 KiB a request", command: "produce", args: []string{"-per-request", "1"}, bytes: gib},
		{name: "fetch 1 KiB, 1 MiB x 6 partitions", command: "fetch", bytes: 6 * gib, fetches: true},
		{name: "fetch 1 KiB, 16 KiB x 6 partitions", command: "fetch", args: []string{"-partition-bytes", "16384"}, bytes: 2 * gib, fetches: true},
		{name: "produce 1 KiB, standard client", command: "standard-produce", bytes: gib / 2},
		{name: "produce 100 B, standard client", command: "standard-produce", args: []string{"-record", "100"}, bytes: gib / 4},
		{name: "fetch 1 KiB, standard consumer, 6 partitions", command: "standard-fetch", bytes: 2 * gib, fetches: true},
	}
	if o.synced {
		all = append(all,
			row{name: "durable produce 1 KiB, 6 batches of 16 KiB a request", command: "produce", bytes: gib / 4, synced: true},
			row{name: "durable produce 1 KiB, 1 record a request, 4 x 4", command: "produce", bytes: gib / 64, synced: true,
				args: []string{"-batch", "1", "-per-request", "1", "-connections", "4", "-in-flight", "4"}})
	}
	for i := range all {
		all[i].partitions = 6
		all[i].bytes = int64(float64(all[i].bytes) * o.scale)
	}
	return all
}

// arguments are the replay client's for one block.
func (r *row) arguments(addr, topic string) []string {
	args := []string{r.command, "-b", addr, "-topic", topic,
		"-partitions", strconv.Itoa(r.partitions), "-bytes", strconv.FormatInt(r.bytes, 10)}
	return append(args, r.args...)
}

// configs are the topic's. The default on both is the page cache.
func (r *row) configs(moldau bool) map[string]string {
	configs := map[string]string{"file.delete.delay.ms": "1000"}
	if r.synced && moldau {
		configs["moldau.durability"] = "synced"
	}
	if r.synced && !moldau {
		configs["flush.messages"] = "1"
	}
	return configs
}

func (r *row) durability() string {
	if r.synced {
		return "synced"
	}
	return "page cache"
}

// acks says what every row must name.
func (r *row) acks() string {
	switch {
	case r.fetches:
		return "-"
	case r.command == "standard-produce":
		return "all, idempotent"
	}
	return "all, not idempotent"
}
