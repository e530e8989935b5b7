package main

import (
	"context"
	"fmt"
	"strings"
)

const consoleConsumer = "org.apache.kafka.tools.consumer.ConsoleConsumer"

func consoleChecks() []check {
	return []check{
		{"ConsoleProducer", consoleProducer},
		{"ConsoleConsumer --partition --offset", consoleOffsets},
		{"ConsoleConsumer --partition, read_committed, every codec", consoleCodecs},
	}
}

func consoleProducer(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	values := numbered("console", 300)
	_, err = b.toolFed(ctx, strings.Join(values, "\n")+"\n", "org.apache.kafka.tools.ConsoleProducer", "--topic", topic).ok()
	if err != nil {
		return err
	}
	read, err := b.read(ctx, topic)
	if err != nil {
		return err
	}
	var got []string
	for _, r := range read[0] {
		got = append(got, string(r.Value))
	}
	return sameLines("stored", got, values)
}

func consoleOffsets(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 2)
	if err != nil {
		return err
	}
	values := numbered("v", 400)
	if err := b.write(ctx, topic, 1, recently(), values...); err != nil {
		return err
	}
	for _, c := range []struct {
		offset string
		want   []string
	}{{"earliest", values}, {"250", values[250:]}} {
		out, err := b.tool(ctx, consoleConsumer, "--topic", topic, "--partition", "1", "--offset", c.offset,
			"--max-messages", fmt.Sprint(len(c.want)), "--timeout-ms", "20000").ok()
		if err != nil {
			return err
		}
		if err := sameLines("from "+c.offset, lines(out), c.want); err != nil {
			return err
		}
	}
	// The other partition is empty: the tool must end by its own time-out, not
	// with an error of the broker's.
	empty := b.tool(ctx, consoleConsumer, "--topic", topic, "--partition", "0", "--offset", "earliest", "--timeout-ms", "3000")
	if _, err := empty.ok(); err != nil {
		return err
	}
	return wants(empty.err, "errors.TimeoutException", "Processed a total of 0 messages")
}

func consoleCodecs(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	var want []string
	for _, c := range codecs {
		values := numbered(c.name, 200)
		want = append(want, values...)
		if _, err := b.kcat(ctx, strings.Join(values, "\n")+"\n", "-P", "-t", topic, "-z", c.name).ok(); err != nil {
			return err
		}
	}
	out, err := b.tool(ctx, consoleConsumer, "--topic", topic, "--partition", "0", "--offset", "earliest",
		"--isolation-level", "read_committed", "--max-messages", fmt.Sprint(len(want)), "--timeout-ms", "20000").ok()
	if err != nil {
		return err
	}
	return sameLines("consumed", lines(out), want)
}
