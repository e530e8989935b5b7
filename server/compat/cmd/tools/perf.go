package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

func perfChecks() []check {
	var all []check
	for _, c := range codecs {
		all = append(all, check{"ProducerPerformance, Java's defaults, " + c.name, func(ctx context.Context, b *bench) error {
			return producerPerformance(ctx, b, c.name, c.bits)
		}})
	}
	return append(all, check{"ProducerPerformance acks=0 and acks=1", producerAcks},
		check{"VerifiableProducer", verifiableProducer})
}

// total is the number of records in a topic that nothing was deleted from.
func (b *bench) total(ctx context.Context, topic string) (int64, error) {
	ends, err := b.adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	var sum int64
	ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	return sum, err
}

func producerPerformance(ctx context.Context, b *bench, codec string, bits uint8) error {
	topic, err := b.create(ctx, 3, rolls)
	if err != nil {
		return err
	}
	out, err := b.tool(ctx, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", "30000",
		"--record-size", "300", "--throughput", "-1", "--command-property", "compression.type="+codec).ok()
	if err != nil {
		return err
	}
	if err := wants(out, "30000 records sent"); err != nil {
		return err
	}
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	count := 0
	for _, records := range read {
		for i, r := range records {
			count++
			if len(r.Value) != 300 || r.Attrs.CompressionType() != bits || r.Offset != int64(i) || r.ProducerID < 0 {
				return fmt.Errorf("offset %d: %d bytes, codec %d, producer id %d", r.Offset, len(r.Value), r.Attrs.CompressionType(), r.ProducerID)
			}
		}
	}
	return equal("records", count, 30000)
}

func producerAcks(ctx context.Context, b *bench) error {
	for _, acks := range []string{"0", "1"} {
		topic, err := b.create(ctx, 1)
		if err != nil {
			return err
		}
		_, err = b.tool(ctx, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", "5000",
			"--record-size", "100", "--throughput", "-1", "--command-property", "acks="+acks).ok()
		if err != nil {
			return err
		}
		sum, err := b.total(ctx, topic)
		if err := errors.Join(err, equal("records with acks="+acks, sum, 5000)); err != nil {
			return err
		}
	}
	return nil
}

func verifiableProducer(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 2)
	if err != nil {
		return err
	}
	out, err := b.tool(ctx, "org.apache.kafka.tools.VerifiableProducer", "--topic", topic, "--max-messages", "2000", "--acks", "-1").ok()
	if err != nil {
		return err
	}
	sum, err := b.total(ctx, topic)
	return errors.Join(err, equal("records", sum, 2000), wants(out, `"sent":2000,"acked":2000`))
}
