package configs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/server/metadata/configs"
)

// spell writes an entry as a line: value, source, settings.
func spell(e configs.Entry) string {
	value := e.Value
	if e.Unset {
		value = "null"
	}
	var settings []string
	for _, s := range e.Settings {
		settings = append(settings, fmt.Sprintf("%s:%s=%s", s.Source, s.Name, s.Value))
	}
	return fmt.Sprintf("%s %s [%s]", value, e.Source, strings.Join(settings, " "))
}

// The expectations are what Apache Kafka 4.3.1 answered, but for the two
// marked ones.
func TestDescribeTopic(t *testing.T) {
	for _, c := range []struct {
		name      string
		layers    configs.Layers
		overrides map[string]string
		key, want string
	}{
		{"default", configs.Layers{}, nil, "segment.bytes", "1073741824 DEFAULT_CONFIG [DEFAULT_CONFIG:log.segment.bytes=1073741824]"},
		{"default in another unit", configs.Layers{}, nil, "retention.ms", "604800000 DEFAULT_CONFIG []"},
		{"default of no broker config", configs.Layers{}, nil, "remote.storage.enable", "false DEFAULT_CONFIG []"},
		{"override", configs.Layers{}, map[string]string{"segment.bytes": " 2000000 "}, "segment.bytes",
			"2000000 DYNAMIC_TOPIC_CONFIG [DYNAMIC_TOPIC_CONFIG:segment.bytes=2000000 DEFAULT_CONFIG:log.segment.bytes=1073741824]"},
		{"list is brought into form", configs.Layers{}, map[string]string{"cleanup.policy": "compact , delete"}, "cleanup.policy",
			"compact,delete DYNAMIC_TOPIC_CONFIG [DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete DEFAULT_CONFIG:log.cleanup.policy=delete]"},
		{"run time, for this broker",
			configs.Layers{Broker: map[string]string{"log.segment.bytes": "3000000"}, Default: map[string]string{"log.segment.bytes": "4000000"}}, nil, "segment.bytes",
			"3000000 DYNAMIC_BROKER_CONFIG [DYNAMIC_BROKER_CONFIG:log.segment.bytes=3000000 DYNAMIC_DEFAULT_BROKER_CONFIG:log.segment.bytes=4000000 DEFAULT_CONFIG:log.segment.bytes=1073741824]"},
		{"run time, for all, over static minutes",
			configs.Layers{Default: map[string]string{"log.retention.ms": "222"}, Static: map[string]string{"log.retention.minutes": "10"}}, nil, "retention.ms",
			"222 DYNAMIC_DEFAULT_BROKER_CONFIG [DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=222 STATIC_BROKER_CONFIG:log.retention.minutes=10 DEFAULT_CONFIG:log.retention.hours=168]"},
		// Kafka: 600000 DEFAULT_CONFIG [], which is wrong about the source.
		{"static minutes", configs.Layers{Static: map[string]string{"log.retention.minutes": "10"}}, nil, "retention.ms",
			"600000 STATIC_BROKER_CONFIG [STATIC_BROKER_CONFIG:log.retention.minutes=10 DEFAULT_CONFIG:log.retention.hours=168]"},
		// Kafka: no setting below the topic's.
		{"static minutes below an override", configs.Layers{Static: map[string]string{"log.retention.minutes": "10"}}, map[string]string{"retention.ms": "5"}, "retention.ms",
			"5 DYNAMIC_TOPIC_CONFIG [DYNAMIC_TOPIC_CONFIG:retention.ms=5 STATIC_BROKER_CONFIG:log.retention.minutes=10 DEFAULT_CONFIG:log.retention.hours=168]"},
		{"unlimited minutes", configs.Layers{Static: map[string]string{"log.retention.minutes": "-5"}}, nil, "retention.ms",
			"-1 STATIC_BROKER_CONFIG [STATIC_BROKER_CONFIG:log.retention.minutes=-5 DEFAULT_CONFIG:log.retention.hours=168]"},
		{"finer unit wins", configs.Layers{Static: map[string]string{"log.roll.hours": "3", "log.roll.ms": "77"}}, nil, "segment.ms",
			"77 STATIC_BROKER_CONFIG [STATIC_BROKER_CONFIG:log.roll.ms=77 STATIC_BROKER_CONFIG:log.roll.hours=3 DEFAULT_CONFIG:log.roll.hours=168]"},
		{"hidden until set", configs.Layers{}, map[string]string{"internal.segment.bytes": "100"}, "internal.segment.bytes",
			"100 DYNAMIC_TOPIC_CONFIG [DYNAMIC_TOPIC_CONFIG:internal.segment.bytes=100]"},
	} {
		entries := c.layers.Topic(c.overrides, []string{c.key})
		if len(entries) != 1 {
			t.Errorf("%s: %d entries", c.name, len(entries))
			continue
		}
		if got := spell(entries[0]); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestDescribeTopicNames(t *testing.T) {
	var l configs.Layers
	if n := len(l.Topic(nil, []string{"retention.ms", "no.such.config"})); n != 1 {
		t.Errorf("%d entries for one known and one unknown name", n)
	}
	if all, empty := len(l.Topic(nil, nil)), len(l.Topic(nil, []string{})); all != 35 || empty != all {
		t.Errorf("%d entries for null, %d for no names, want all 35", all, empty)
	}
	if n := len(l.Topic(nil, []string{"internal.segment.bytes"})); n != 0 {
		t.Errorf("%d entries for a hidden config that is not set", n)
	}
}

func TestDescribeBroker(t *testing.T) {
	l := configs.Layers{
		Default: map[string]string{"log.retention.ms": "222222"},
		Broker:  map[string]string{"log.segment.bytes": "3000000"},
		Static:  map[string]string{"log.retention.minutes": "10000", "node.id": "1"},
	}
	for key, want := range map[string]string{
		"log.retention.ms":      "222222 DYNAMIC_DEFAULT_BROKER_CONFIG [DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=222222 STATIC_BROKER_CONFIG:log.retention.minutes=10000 DEFAULT_CONFIG:log.retention.hours=168]",
		"log.retention.minutes": "10000 STATIC_BROKER_CONFIG [STATIC_BROKER_CONFIG:log.retention.minutes=10000 DEFAULT_CONFIG:log.retention.hours=168]",
		"log.retention.hours":   "168 DEFAULT_CONFIG [DEFAULT_CONFIG:log.retention.hours=168]",
		"log.roll.ms":           "null DEFAULT_CONFIG []",
		"log.flush.interval.ms": "null DEFAULT_CONFIG []",
		"log.segment.bytes":     "3000000 DYNAMIC_BROKER_CONFIG [DYNAMIC_BROKER_CONFIG:log.segment.bytes=3000000 DEFAULT_CONFIG:log.segment.bytes=1073741824]",
		"node.id":               "1 STATIC_BROKER_CONFIG [STATIC_BROKER_CONFIG:node.id=1]",
		"num.partitions":        "1 DEFAULT_CONFIG [DEFAULT_CONFIG:num.partitions=1]",
	} {
		entries := l.BrokerEntries([]string{key})
		if len(entries) != 1 {
			t.Fatalf("%s: %d entries", key, len(entries))
		}
		if got := spell(entries[0]); got != want {
			t.Errorf("%s:\n got %s\nwant %s", key, got, want)
		}
	}
	entries := l.DefaultEntries(nil)
	if len(entries) != 1 || spell(entries[0]) != "222222 DYNAMIC_DEFAULT_BROKER_CONFIG [DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=222222]" {
		t.Errorf("defaults for all brokers are %v", entries)
	}
}

func TestValue(t *testing.T) {
	l := configs.Layers{Static: map[string]string{"num.partitions": "3"}, Broker: map[string]string{"message.max.bytes": "no number"}}
	if v, ok := l.Value("num.partitions"); !ok || v.Int != 3 {
		t.Errorf("num.partitions is %+v, %v", v, ok)
	}
	if v, ok := l.Value("message.max.bytes"); !ok || v.Int != 1048588 {
		t.Errorf("a value that does not parse gives %+v, %v, want the next layer's", v, ok)
	}
	if _, ok := l.Value("log.retention.ms"); ok {
		t.Error("log.retention.ms has a value without being set")
	}
	if v, ok := l.Value("auto.create.topics.enable"); !ok || !v.Bool() {
		t.Errorf("auto.create.topics.enable is %+v, %v", v, ok)
	}
	if _, ok := l.Value("no.such.config"); ok {
		t.Error("an unknown config has a value")
	}
}

func TestLog(t *testing.T) {
	type change func(*logstore.Config)
	for _, c := range []struct {
		name      string
		layers    configs.Layers
		overrides map[string]string
		want      change
	}{
		{"nothing set", configs.Layers{}, nil, func(*logstore.Config) {}},
		{"topic", configs.Layers{}, map[string]string{
			"cleanup.policy": "compact", "file.delete.delay.ms": "1", "flush.messages": "2", "flush.ms": "3", "index.interval.bytes": "4",
			"delete.retention.ms": "13", "min.compaction.lag.ms": "14", "max.compaction.lag.ms": "15", "min.cleanable.dirty.ratio": "0.25",
			"max.message.bytes": "5", "message.timestamp.after.max.ms": "6", "message.timestamp.before.max.ms": "7",
			"message.timestamp.type": "LogAppendTime", "moldau.durability": "os", "moldau.validation": "records",
			"retention.bytes": "8", "retention.ms": "9", "segment.bytes": "1048577", "segment.index.bytes": "10", "segment.jitter.ms": "11", "segment.ms": "12",
		}, func(c *logstore.Config) {
			c.Delete, c.Compact = false, true
			c.FileDeleteDelayMs, c.FlushMessages, c.FlushMs, c.IndexIntervalBytes, c.MaxMessageBytes = 1, 2, 3, 4, 5
			c.DeleteRetentionMs, c.MinCompactionLagMs, c.MaxCompactionLagMs, c.MinCleanableDirtyRatio = 13, 14, 15, 0.25
			c.TimestampAfterMaxMs, c.TimestampBeforeMaxMs, c.TimestampType = 6, 7, logstore.LogAppendTime
			c.Durability, c.Validation = logstore.OS, logstore.ValidateRecords
			c.RetentionBytes, c.RetentionMs, c.SegmentBytes, c.SegmentIndexBytes, c.SegmentJitterMs, c.SegmentMs = 8, 9, 1048577, 10, 11, 12
		}},
		{"neither deleted nor compacted", configs.Layers{}, map[string]string{"cleanup.policy": ""}, func(c *logstore.Config) { c.Delete = false }},
		{"negative is unlimited", configs.Layers{}, map[string]string{"retention.bytes": "-7"}, func(c *logstore.Config) { c.RetentionBytes = -1 }},
		{"layers in order", configs.Layers{
			Static:  map[string]string{"log.segment.bytes": "2000001", "log.retention.bytes": "1", "message.max.bytes": "1", "log.index.interval.bytes": "1"},
			Default: map[string]string{"log.segment.bytes": "2000002", "log.retention.bytes": "2", "message.max.bytes": "2"},
			Broker:  map[string]string{"log.segment.bytes": "2000003", "log.retention.bytes": "3"},
		}, map[string]string{"segment.bytes": "2000004"}, func(c *logstore.Config) {
			c.SegmentBytes, c.RetentionBytes, c.MaxMessageBytes, c.IndexIntervalBytes = 2000004, 3, 2, 1
		}},
		{"finer unit wins", configs.Layers{Static: map[string]string{"log.retention.hours": "1", "log.retention.minutes": "2"}}, nil,
			func(c *logstore.Config) { c.RetentionMs = 120_000 }},
		{"higher layer wins over the finer unit", configs.Layers{Static: map[string]string{"log.roll.ms": "5"}, Default: map[string]string{"log.roll.ms": "6"}}, nil,
			func(c *logstore.Config) { c.SegmentMs = 6 }},
		{"flush by the scheduler's name", configs.Layers{Static: map[string]string{"log.flush.scheduler.interval.ms": "5"}}, nil,
			func(c *logstore.Config) { c.FlushMs = 5 }},
		{"small segments", configs.Layers{}, map[string]string{"internal.segment.bytes": "100", "segment.bytes": "1048576"}, func(c *logstore.Config) { c.SegmentBytes = 100 }},
		{"without effect on the engine", configs.Layers{}, map[string]string{"min.insync.replicas": "2", "preallocate": "true"}, func(*logstore.Config) {}},
	} {
		want := logstore.DefaultConfig()
		c.want(&want)
		got, err := c.layers.Log(c.overrides)
		if err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.name, got, err, want)
		}
	}
	for _, overrides := range []map[string]string{{"no.such.config": "1"}, {"segment.ms": "x"}, {"internal.segment.bytes": "x"}} {
		if _, err := (configs.Layers{}).Log(overrides); !errors.Is(err, configs.ErrInvalid) {
			t.Errorf("%v gives %v", overrides, err)
		}
	}
	if _, err := (configs.Layers{Static: map[string]string{"log.roll.hours": "x"}}).Log(nil); !errors.Is(err, configs.ErrInvalid) {
		t.Errorf("a bad static value gives %v", err)
	}
}
