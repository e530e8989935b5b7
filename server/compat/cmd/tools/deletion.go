package main

import (
	"context"
	"fmt"
)

const deleteRecords = "org.apache.kafka.tools.DeleteRecordsCommand"

func deletionChecks() []check {
	return []check{
		{"DeleteRecordsCommand", deleteByTool},
		{"DeleteRecordsCommand past the end is refused", deletePastEnd},
	}
}

// deleteTo runs the tool for one partition.
func (b *bench) deleteTo(ctx context.Context, topic string, offset int64) error {
	out, err := b.deletion(ctx, topic, offset)
	if err != nil {
		return err
	}
	if offset < 0 {
		return nil
	}
	return wants(out, fmt.Sprintf("partition: %s-0\tlow_watermark: %d", topic, offset))
}

func (b *bench) deletion(ctx context.Context, topic string, offset int64) (string, error) {
	file, err := b.file("delete.json", fmt.Sprintf(
		`{"partitions":[{"topic":%q,"partition":0,"offset":%d}],"version":1}`, topic, offset))
	if err != nil {
		return "", err
	}
	return b.tool(ctx, deleteRecords, "--offset-json-file", file).ok()
}

func deleteByTool(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	values := numbered("v", 100)
	if err := b.write(ctx, topic, 0, recently(), values...); err != nil {
		return err
	}
	if err := b.deleteTo(ctx, topic, 40); err != nil {
		return err
	}
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	if len(read[0]) != 60 || read[0][0].Offset != 40 || string(read[0][0].Value) != values[40] {
		return fmt.Errorf("after deletion to 40: %d records", len(read[0]))
	}
	// Going back is no error and does nothing; -1 is the high watermark.
	out, err := b.deletion(ctx, topic, 10)
	if err != nil {
		return err
	}
	if err := wants(out, "low_watermark: 40"); err != nil {
		return err
	}
	out, err = b.deletion(ctx, topic, -1)
	if err != nil {
		return err
	}
	if err := wants(out, "low_watermark: 100"); err != nil {
		return err
	}
	out, err = b.offsetShell(ctx, "--topic", topic, "--time", "earliest")
	if err != nil {
		return err
	}
	return equal("earliest", out, topic+":0:100")
}

func deletePastEnd(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	if err := b.write(ctx, topic, 0, recently(), "one"); err != nil {
		return err
	}
	// The tool exits 0 whatever the broker says, so that its words count.
	out, err := b.deletion(ctx, topic, 5)
	if err != nil {
		return err
	}
	return wants(out, "OffsetOutOfRangeException")
}
