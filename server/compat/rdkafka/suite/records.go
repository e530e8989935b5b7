package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"moldau/server/compat/suite"
)

func (b *bench) recordTests() []suite.Test {
	var tests []suite.Test
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for _, idempotent := range []bool{false, true} {
			name := "round trip, " + codec
			if idempotent {
				name += ", idempotent"
			}
			tests = append(tests, suite.Test{Name: name, Run: func(ctx context.Context) error {
				return b.roundTrip(ctx, kafka.ConfigMap{"compression.type": codec, "enable.idempotence": idempotent})
			}})
		}
	}
	return append(tests,
		suite.Test{Name: "seek, and offsets by time", Run: b.seek},
		suite.Test{Name: "watermarks", Run: b.watermarks},
		suite.Test{Name: "a consumer starts at a time", Run: b.assignAtTime},
	)
}

func (b *bench) roundTrip(ctx context.Context, settings kafka.ConfigMap) error {
	const partitions, records = 3, 3000
	topic, err := b.topic(ctx, partitions)
	if err != nil {
		return err
	}
	start := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	if err := b.produce(topic, partitions, 0, records, start, settings); err != nil {
		return err
	}
	c, err := b.consumer(b.name(), nil)
	if err != nil {
		return err
	}
	defer c.Close()
	var all []kafka.TopicPartition
	for p := range int32(partitions) {
		all = append(all, at(topic, p, kafka.OffsetBeginning))
	}
	if err := c.Assign(all); err != nil {
		return err
	}
	got, err := read(ctx, c, records)
	if err != nil {
		return err
	}
	for _, m := range got {
		i := int(m.TopicPartition.Offset)*partitions + int(m.TopicPartition.Partition)
		same := string(m.Key) == fmt.Sprintf("key-%d", i) && string(m.Value) == value(i) &&
			m.Timestamp.Equal(start.Add(time.Duration(i)*time.Millisecond)) &&
			len(m.Headers) == 1 && m.Headers[0].Key == "n" && string(m.Headers[0].Value) == fmt.Sprint(i)
		if !same {
			return fmt.Errorf("at %v: key %q, value %.40q, time %v, headers %v; must be record %d",
				m.TopicPartition, m.Key, m.Value, m.Timestamp, m.Headers, i)
		}
	}
	return nil
}

// filled is a topic of one partition with records a millisecond apart, and a
// consumer that reads from its beginning.
func (b *bench) filled(ctx context.Context, records int) (topic string, start time.Time, c *kafka.Consumer, err error) {
	if topic, err = b.topic(ctx, 1); err != nil {
		return topic, start, nil, err
	}
	start = time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	if err = b.produce(topic, 1, 0, records, start, nil); err != nil {
		return topic, start, nil, err
	}
	c, err = b.consumer(b.name(), nil)
	return topic, start, c, err
}

func (b *bench) seek(ctx context.Context) error {
	topic, start, c, err := b.filled(ctx, 500)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Assign([]kafka.TopicPartition{at(topic, 0, kafka.OffsetBeginning)}); err != nil {
		return err
	}
	next := func(want kafka.Offset) error {
		got, err := read(ctx, c, 1)
		if err != nil {
			return err
		}
		return equal("next offset", got[0].TopicPartition.Offset, want)
	}
	if err := next(0); err != nil {
		return err
	}
	for _, t := range []struct {
		time time.Time
		want kafka.Offset
	}{
		{start.Add(321 * time.Millisecond), 321},
		{start.Add(-time.Minute), 0},
		{start.Add(time.Minute), kafka.OffsetEnd},
	} {
		found, err := c.OffsetsForTimes([]kafka.TopicPartition{at(topic, 0, kafka.Offset(t.time.UnixMilli()))}, 10_000)
		if err != nil {
			return err
		}
		if err := errors.Join(found[0].Error, equal("offset of "+t.time.String(), found[0].Offset, t.want)); err != nil {
			return err
		}
		if t.want < 0 {
			continue
		}
		if err := c.Seek(found[0], 0); err != nil {
			return err
		}
		if err := next(t.want); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) watermarks(ctx context.Context) error {
	topic, _, c, err := b.filled(ctx, 100)
	if err != nil {
		return err
	}
	defer c.Close()
	deleted, err := b.admin.DeleteRecords(ctx, []kafka.TopicPartition{at(topic, 0, 30)})
	if err != nil {
		return err
	}
	low, high, err := c.QueryWatermarkOffsets(topic, 0, 10_000)
	return errors.Join(err, deleted.DeleteRecordsResults[0].TopicPartition.Error,
		equal("low watermark", low, 30), equal("high watermark", high, 100))
}

func (b *bench) assignAtTime(ctx context.Context) error {
	topic, start, c, err := b.filled(ctx, 100)
	if err != nil {
		return err
	}
	defer c.Close()
	listed, err := b.admin.ListOffsets(ctx, map[kafka.TopicPartition]kafka.OffsetSpec{
		at(topic, 0, 0): kafka.NewOffsetSpecForTimestamp(start.Add(77 * time.Millisecond).UnixMilli())})
	if err != nil {
		return err
	}
	for _, found := range listed.ResultInfos {
		if err := errors.Join(failed(found.Error), equal("listed offset", found.Offset, 77)); err != nil {
			return err
		}
		if err := c.Assign([]kafka.TopicPartition{at(topic, 0, found.Offset)}); err != nil {
			return err
		}
	}
	got, err := read(ctx, c, 23)
	if err != nil {
		return err
	}
	return equal("first offset", got[0].TopicPartition.Offset, 77)
}
