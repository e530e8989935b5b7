package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupWorkChecks are of tools that read as group members, or read what groups left.
func groupWorkChecks() []check {
	return []check{
		{"ConsoleConsumer --group goes on where it ended", consoleGroup},
		{"ConsumerPerformance", consumerPerformance},
		{"VerifiableProducer, VerifiableConsumer", verifiableConsumer},
		{"EndToEndLatency", endToEndLatency},
		{"ClientCompatibilityTest", clientCompatibility},
		{"DumpLogSegments --offsets-decoder", offsetsDecoder},
	}
}

func consoleGroup(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	values := numbered("v", 300)
	if err := b.write(ctx, topic, 0, recently(), values...); err != nil {
		return err
	}
	for _, part := range [][]string{values[:100], values[100:250], values[250:]} {
		out, err := b.tool(ctx, consoleConsumer, "--topic", topic, "--group", topic+"-group", "--from-beginning",
			"--max-messages", fmt.Sprint(len(part)), "--timeout-ms", "30000").ok()
		if err != nil {
			return err
		}
		if err := sameLines("consumed", lines(out), part); err != nil {
			return err
		}
	}
	return b.mustHaveCommitted(ctx, &group{name: topic + "-group"}, "at the end", map[int32]int64{0: 300})
}

func consumerPerformance(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 3)
	if err != nil {
		return err
	}
	for p := range int32(3) {
		if err := b.write(ctx, topic, p, recently(), numbered("v", 5000)...); err != nil {
			return err
		}
	}
	out, err := b.tool(ctx, "org.apache.kafka.tools.ConsumerPerformance", "--topic", topic, "--num-records", "15000",
		"--group", topic+"-group", "--hide-header").ok()
	if err != nil {
		return err
	}
	// start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, ...
	for _, line := range lines(out) {
		if fields := strings.Split(line, ", "); len(fields) > 4 {
			return equal("records consumed", fields[4], "15000")
		}
	}
	return fmt.Errorf("no figures in %s", out)
}

func verifiableConsumer(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 2)
	if err != nil {
		return err
	}
	_, err = b.tool(ctx, "org.apache.kafka.tools.VerifiableProducer", "--topic", topic, "--max-messages", "2000", "--acks", "-1").ok()
	if err != nil {
		return err
	}
	out, err := b.tool(ctx, "org.apache.kafka.tools.VerifiableConsumer", "--topic", topic, "--group-id", topic+"-group",
		"--group-instance-id", "one", "--max-messages", "2000", "--session-timeout", "10000").ok()
	if err != nil {
		return err
	}
	consumed := 0
	for _, line := range lines(out) {
		var event struct {
			Name    string `json:"name"`
			Count   int    `json:"count"`
			Success *bool  `json:"success"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		switch {
		case event.Name == "records_consumed":
			consumed += event.Count
		case event.Success != nil && !*event.Success:
			return errors.New(line)
		}
	}
	if err := errors.Join(equal("records consumed", consumed, 2000), wants(out, `"name":"offsets_committed"`)); err != nil {
		return err
	}
	got, err := b.committed(ctx, &group{name: topic + "-group"})
	return errors.Join(err, equal("committed", got[0]+got[1], 2000))
}

func endToEndLatency(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	out, err := b.tool(ctx, "org.apache.kafka.tools.EndToEndLatency", "--topic", topic, "--num-records", "500",
		"--producer-acks", "all", "--record-size", "100").ok()
	if err != nil {
		return err
	}
	sum, err := b.total(ctx, topic)
	return errors.Join(err, equal("records", sum, 500), wants(out, "Avg latency:", "99.9th"))
}

func clientCompatibility(ctx context.Context, b *bench) error {
	topic, err := b.create(ctx, 1)
	if err != nil {
		return err
	}
	// The tool wants to be told what the broker can; of ACLs the broker itself says it.
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, b.cl)
	if err != nil {
		return err
	}
	acls := slices.ContainsFunc(versions.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		return k.ApiKey == int16(kmsg.DescribeACLs)
	})
	out := b.tool(ctx, "org.apache.kafka.tools.ClientCompatibilityTest", "--topic", topic, "--num-cluster-nodes", "1",
		"--offsets-for-times-supported", "true", "--cluster-id-supported", "true",
		"--expect-record-too-large-exception", "false", "--create-topics-supported", "true",
		"--describe-acls-supported", fmt.Sprint(acls), "--describe-configs-supported", "true",
		"--idempotent-producer-supported", "true")
	_, err = out.ok()
	return errors.Join(err, wants(out.out+out.err, "SUCCESS"))
}

// offsetsDecoder runs where the broker does: it reads the broker's files.
func offsetsDecoder(ctx context.Context, b *bench) error {
	g, err := b.join(ctx, 2)
	if err != nil {
		return err
	}
	defer g.leave()
	if err := g.commitAsMember(ctx, 4); err != nil {
		return err
	}
	dirs, err := b.adm.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return err
	}
	var decoded strings.Builder
	for _, broker := range dirs {
		for dir := range broker {
			if err := b.decodeOffsets(ctx, dir, &decoded); err != nil {
				return err
			}
		}
	}
	var keys, values int
	for _, line := range lines(decoded.String()) {
		if !strings.Contains(line, g.name) {
			continue
		}
		keys++
		if strings.Contains(line, `"offset":4`) || strings.Contains(line, `"protocol":"range"`) {
			values++
		}
	}
	if keys == 0 || values < 2 {
		return fmt.Errorf("the decoder shows %d records of %s, %d of an offset or a generation:\n%s", keys, g.name, values, decoded.String())
	}
	for _, bad := range []string{"Could not decode", "UNKNOWN", "Exception", "isvalid: false"} {
		if strings.Contains(decoded.String(), bad) {
			return fmt.Errorf("the decoder says %q:\n%s", bad, decoded.String())
		}
	}
	return nil
}

// decodeOffsets decodes copies of the offsets topic's logs: the tool must not
// meet a log that grows, nor touch one of the broker's.
func (b *bench) decodeOffsets(ctx context.Context, dir string, into *strings.Builder) error {
	logs, err := filepath.Glob(filepath.Join(dir, "__consumer_offsets-*", "*.log"))
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return fmt.Errorf("%s: %w: no log of the offsets topic", dir, fs.ErrNotExist)
	}
	var copies []string
	for _, log := range logs {
		content, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if len(content) == 0 {
			continue
		}
		// The tool reads the base offset from the name.
		path := filepath.Join(b.dir, filepath.Base(filepath.Dir(log)), filepath.Base(log))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		copies = append(copies, path)
	}
	out, err := b.java(ctx, "", "org.apache.kafka.tools.DumpLogSegments", "--offsets-decoder", "--print-data-log",
		"--files", strings.Join(copies, ",")).ok()
	into.WriteString(out)
	return err
}
