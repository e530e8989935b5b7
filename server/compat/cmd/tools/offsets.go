package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func offsetChecks() []check {
	return []check{
		{"GetOffsetShell: every time", getOffsets},
		{"GetOffsetShell: partitions by pattern", getOffsetsByPattern},
	}
}

func (b *bench) offsetShell(ctx context.Context, args ...string) (string, error) {
	out, err := b.tool(ctx, "org.apache.kafka.tools.GetOffsetShell", args...).ok()
	return strings.TrimSpace(out), err
}

func getOffsets(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	// The latest time stands at offset 3, inside a batch; the first offset is 1.
	at := recently()
	var batch []*kgo.Record
	for i, ms := range []int{0, 10, 20, 500, 30, 40} {
		batch = append(batch, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i), Timestamp: at.Add(time.Duration(ms) * time.Millisecond)})
	}
	if err := b.cl.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		return err
	}
	if err := b.write(ctx, topic, 0, at.Add(50*time.Millisecond), "6", "7"); err != nil {
		return err
	}
	if err := b.deleteTo(ctx, topic, 1); err != nil {
		return err
	}
	for _, c := range []struct{ time, want string }{
		{"earliest", "1"}, {"latest", "8"}, {"max-timestamp", "3"}, {"earliest-local", "1"},
		{"-1", "8"}, {"-2", "1"}, {"-3", "3"}, {"-4", "1"},
		// Without tiered storage nothing is tiered, and nothing waits to be.
		{"latest-tiered", ""}, {"-5", ""}, {"earliest-pending-upload", ""}, {"-6", ""},
		{fmt.Sprint(at.UnixMilli() + 15), "2"}, {fmt.Sprint(at.UnixMilli() + 21), "3"},
		// Later than everything.
		{fmt.Sprint(at.UnixMilli() + 501), ""},
	} {
		out, err := b.offsetShell(ctx, "--topic", topic, "--time", c.time)
		if err != nil {
			return err
		}
		want := topic + ":0:" + c.want
		if c.want == "" {
			want = ""
		}
		if err := equal("--time "+c.time, out, want); err != nil {
			return err
		}
	}
	return nil
}

func getOffsetsByPattern(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 5)
	if err != nil {
		return err
	}
	for p := range int32(5) {
		if err := b.write(ctx, topic, p, recently(), numbered("v", int(p)+1)...); err != nil {
			return err
		}
	}
	out, err := b.offsetShell(ctx, "--topic-partitions", topic+":1-3,"+topic+":4")
	if err != nil {
		return err
	}
	return sameLines("offsets", lines(out), []string{topic + ":1:2", topic + ":2:3", topic + ":4:5"})
}
