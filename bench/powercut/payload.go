package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"math/rand/v2"
	"slices"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

var table = crc64.MakeTable(crc64.ECMA)

// hash is what a record is known by. The timestamp is left out: some logs set it.
func hash(key, value []byte) uint64 {
	return crc64.Update(crc64.Update(0, table, key), table, value)
}

// build makes the batch of a spec, and the hashes of its records.
func build(s spec) (record.Batch, []uint64, error) {
	o := record.BuilderOptions{Codec: s.Codec, LeaderEpoch: s.Epoch}
	if s.Producer >= 0 {
		o.Producer = &record.Producer{ID: s.Producer, BaseSequence: s.Sequence}
	}
	b := record.NewBuilder(o)
	hashes := make([]uint64, s.Count)
	ms := time.Now().UnixMilli()
	value := make([]byte, s.Value+8)
	for i := range s.Count {
		key := fmt.Appendf(nil, "%016x.%d.%d", s.Stream, s.N, i)
		fill(value, rand.NewPCG(uint64(s.Stream), uint64(s.N)<<16|uint64(i)))
		hashes[i] = hash(key, value[:s.Value])
		b.Append(ms, key, value[:s.Value])
	}
	batch, err := b.Finish()
	return slices.Clone(batch), hashes, err
}

// fill writes noise of which every other word is 0, for the codecs' sake.
func fill(b []byte, noise rand.Source) {
	for i := 0; i+8 <= len(b); i += 16 {
		binary.LittleEndian.PutUint64(b[i:], noise.Uint64())
	}
}

// The kinds of logs, by the name of the topic.
const topicOS = "os"

var topics = []string{"roomy", "tiny", "retained", "plain", "stamped", topicOS}

// configOf is the configuration that a topic's name stands for.
func configOf(topic string) logstore.Config {
	c := logstore.DefaultConfig()
	c.FileDeleteDelayMs = 20
	switch topic {
	case "roomy":
		c.SegmentBytes = 1 << 20
	case "tiny":
		c.SegmentBytes, c.IndexIntervalBytes = 32<<10, 512
	case "retained":
		c.SegmentBytes, c.RetentionBytes = 128<<10, retainedBytes
	case "stamped":
		c.SegmentBytes, c.TimestampType = 64<<10, logstore.LogAppendTime
	case topicOS:
		c.SegmentBytes, c.Durability = 64<<10, logstore.OS
	}
	return c
}

const retainedBytes = 512 << 10

// batchBytesMax keeps a batch well below a segment of its log.
func batchBytesMax(topic string) int {
	return int(min(configOf(topic).SegmentBytes/3, 64<<10))
}
