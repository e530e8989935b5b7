package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// codecs are the names that kcat, Java and the record's attributes use.
var codecs = []struct {
	name string
	bits uint8
}{{"none", 0}, {"gzip", 1}, {"snappy", 2}, {"lz4", 3}, {"zstd", 4}}

// rolls makes segments as small as Kafka allows, for the files to be looked at.
const rolls = "segment.bytes=1048576"

func kcatChecks() []check {
	var all []check
	for _, c := range codecs {
		all = append(all, check{"kcat -P and -C, " + c.name, func(ctx context.Context, b *bench) error {
			return kcatRoundTrip(ctx, b, c.name, c.bits)
		}})
	}
	return append(all,
		check{"kcat idempotent, keys and headers", kcatIdempotent},
		check{"kcat by timestamp, from an offset, from the end", kcatOffsets},
		check{"kcat -L -J", kcatList},
		check{"kcat auto-creates a topic", kcatAutoCreate},
		check{"kcat -G, two members that share a topic", kcatGroup},
	)
}

func recently() time.Time { return time.Now().Add(-time.Minute).Truncate(time.Millisecond) }

func kcatRoundTrip(ctx context.Context, b *bench, codec string, bits uint8) error {
	topic, err := b.create(ctx, 1, rolls)
	if err != nil {
		return err
	}
	values := numbered(codec, 20_000)
	if _, err := b.kcat(ctx, strings.Join(values, "\n")+"\n", "-P", "-t", topic, "-z", codec, "-X", "acks=all").ok(); err != nil {
		return err
	}
	out, err := b.kcat(ctx, "", "-C", "-t", topic, "-o", "beginning", "-e", "-q").ok()
	if err != nil {
		return err
	}
	if err := sameLines("consumed", lines(out), values); err != nil {
		return err
	}
	// The codec must have arrived: librdkafka drops it without a word when it
	// does not trust the broker's Produce range.
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	compressed := 0
	for _, r := range read[0] {
		if r.Attrs.CompressionType() == bits {
			compressed++
		}
	}
	if err := equal("records stored", len(read[0]), len(values)); err != nil {
		return err
	}
	if compressed == 0 {
		return fmt.Errorf("no record is stored as %s", codec)
	}
	return nil
}

func kcatIdempotent(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 3)
	if err != nil {
		return err
	}
	var in strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&in, "key-%d:value-%d\n", i%50, i)
	}
	_, err = b.kcat(ctx, in.String(), "-P", "-t", topic, "-K", ":", "-H", "origin=kcat",
		"-X", "enable.idempotence=true", "-X", "linger.ms=1").ok()
	if err != nil {
		return err
	}
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	last := map[string]int{}
	total := 0
	for _, records := range read {
		for _, r := range records {
			total++
			n, err := strconv.Atoi(strings.TrimPrefix(string(r.Value), "value-"))
			if err != nil {
				return err
			}
			if before, seen := last[string(r.Key)]; seen && before >= n {
				return fmt.Errorf("%s: value %d after %d", r.Key, n, before)
			}
			last[string(r.Key)] = n
			if len(r.Headers) != 1 || r.Headers[0].Key != "origin" || string(r.Headers[0].Value) != "kcat" || r.ProducerID < 0 {
				return fmt.Errorf("headers %v, producer id %d", r.Headers, r.ProducerID)
			}
		}
	}
	return equal("records", total, 3000)
}

func kcatOffsets(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	at := recently()
	values := numbered("v", 500)
	if err := b.write(ctx, topic, 0, at, values...); err != nil {
		return err
	}
	for _, c := range []struct {
		offset string
		want   []string
	}{
		{fmt.Sprintf("s@%d", at.UnixMilli()+123), values[123:]},
		{"477", values[477:]},
		{"-10", values[490:]},
		{"beginning", values},
	} {
		out, err := b.kcat(ctx, "", "-C", "-t", topic, "-p", "0", "-o", c.offset, "-e", "-q").ok()
		if err != nil {
			return err
		}
		if err := sameLines("from "+c.offset, lines(out), c.want); err != nil {
			return err
		}
	}
	out, err := b.kcat(ctx, "", "-Q", "-t", fmt.Sprintf("%s:0:%d", topic, at.UnixMilli()+321)).ok()
	if err != nil {
		return err
	}
	return wants(out, topic+" [0] offset 321")
}

func kcatList(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 4)
	if err != nil {
		return err
	}
	out, err := b.kcat(ctx, "", "-L", "-J").ok()
	if err != nil {
		return err
	}
	var listed struct {
		Controller int `json:"controllerid"`
		Brokers    []struct {
			ID   int    `json:"id"`
			Name string `json:"name"`
		} `json:"brokers"`
		Topics []struct {
			Topic      string `json:"topic"`
			Partitions []struct {
				Leader int `json:"leader"`
			} `json:"partitions"`
		} `json:"topics"`
	}
	if err := json.Unmarshal([]byte(out), &listed); err != nil {
		return err
	}
	if len(listed.Brokers) != 1 || listed.Brokers[0].Name != b.addr || listed.Controller != listed.Brokers[0].ID {
		return fmt.Errorf("brokers %v, controller %d", listed.Brokers, listed.Controller)
	}
	for _, t := range listed.Topics {
		if t.Topic != topic {
			continue
		}
		for p, info := range t.Partitions {
			if info.Leader != listed.Brokers[0].ID {
				return fmt.Errorf("partition %d is led by %d", p, info.Leader)
			}
		}
		return equal("partitions", len(t.Partitions), 4)
	}
	return errors.New("the topic is not listed")
}

// kcatAutoCreate produces to a topic that nobody made: it must work at once.
func kcatAutoCreate(ctx context.Context, b *bench) error {
	topic := b.name()
	if _, err := b.kcat(ctx, "hello\n", "-P", "-t", topic).ok(); err != nil {
		return err
	}
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	var all []*kgo.Record
	for _, records := range read {
		all = append(all, records...)
	}
	if len(all) != 1 || string(all[0].Value) != "hello" {
		return fmt.Errorf("read %d records", len(all))
	}
	return nil
}
