package configs_test

import (
	"errors"
	"strings"
	"testing"

	"moldau/server/metadata/configs"
)

func checkRefusal(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != "" && (!errors.Is(err, configs.ErrInvalid) || !strings.HasPrefix(err.Error(), want)):
		t.Errorf("%s:\n got %v\nwant %s", what, err, want)
	}
}

// The messages are Apache Kafka's, but for configs of ours and for those with
// one value.
func TestValidateTopic(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"no.such.config", "1", "Unknown topic config name: no.such.config"},
		{"retention.ms", "abc", "Invalid value abc for configuration retention.ms: Not a number of type LONG"},
		{"retention.ms", "9223372036854775808", "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG"},
		{"retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"},
		{"retention.ms", " 5 ", ""},
		{"retention.bytes", "-3", ""},
		{"max.message.bytes", "2147483648", "Invalid value 2147483648 for configuration max.message.bytes: Not a number of type INT"},
		{"segment.bytes", "1048575", "Invalid value 1048575 for configuration segment.bytes: Value must be at least 1048576"},
		{"segment.bytes", "1048576", ""},
		{"internal.segment.bytes", "13", "Invalid value 13 for configuration internal.segment.bytes: Value must be at least 14"},
		{"cleanup.policy", "abc", "Invalid value abc for configuration cleanup.policy: String must be one of: compact, delete"},
		{"cleanup.policy", "compact,", "Invalid value compact, for configuration cleanup.policy: values must not be empty"},
		{"cleanup.policy", "", ""},
		{"cleanup.policy", "delete,delete", ""},
		{"compression.gzip.level", "0", "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
		{"compression.gzip.level", "-1", ""},
		{"compression.zstd.level", "23", "Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22"},
		{"compression.type", "rar", "Invalid value rar for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"},
		{"compression.type", "", "Invalid value  for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"},
		{"compression.type", "gzip", `Invalid value gzip for configuration compression.type: Moldau supports "producer" only`},
		{"compression.type", "producer", ""},
		{"min.cleanable.dirty.ratio", "-1", "Invalid value -1 for configuration min.cleanable.dirty.ratio: Value must be at least 0"},
		{"min.cleanable.dirty.ratio", "1.5", "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"},
		{"min.cleanable.dirty.ratio", "NaN", "Invalid value NaN for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"},
		{"min.cleanable.dirty.ratio", "1e-1", ""},
		{"preallocate", "yes", "Invalid value yes for configuration preallocate: Expected value to be either true or false"},
		{"preallocate", "TRUE", ""},
		{"message.timestamp.type", "logappendtime", "Invalid value logappendtime for configuration message.timestamp.type: String must be one of: CreateTime, LogAppendTime"},
		{"remote.storage.enable", "true", "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."},
		{"remote.storage.enable", "false", ""},
		{"leader.replication.throttled.replicas", "0:1,1:1", ""},
		{"leader.replication.throttled.replicas", "*", ""},
		{"leader.replication.throttled.replicas", "0:1:2", "Invalid value 0:1:2 for configuration leader.replication.throttled.replicas: must be the literal '*'"},
		{"moldau.durability", "os", ""},
		{"moldau.durability", "never", "Invalid value never for configuration moldau.durability: String must be one of: synced, os"},
		{"moldau.validation", "none", "Invalid value none for configuration moldau.validation: String must be one of: header, records"},
		{"leader.replication.throttled.replicas", strings.Repeat("0:1,", 10_000) + "0:1", "Invalid value for configuration leader.replication.throttled.replicas: it has 40003 bytes"},
	} {
		err := configs.Layers{}.ValidateTopic(map[string]string{c.key: c.value})
		checkRefusal(t, c.key+"="+c.value, err, c.want)
	}
	checkRefusal(t, "lags", configs.Layers{}.ValidateTopic(map[string]string{"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"}),
		"conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)")
	below := configs.Layers{Default: map[string]string{"log.cleaner.max.compaction.lag.ms": "5"}}
	checkRefusal(t, "lag over the broker's", below.ValidateTopic(map[string]string{"min.compaction.lag.ms": "10"}),
		"conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)")
}

func TestValidateDynamic(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"log.retention.ms", "12345", ""},
		{"log.retention.ms", "-2", ""},
		{"log.retention.ms", "0", "Invalid value 0 for configuration log.retention.ms: Value must be unlimited (-1) or at least 1"},
		{"log.retention.hours", "1", "Cannot update these configs dynamically: [log.retention.hours]"},
		{"num.partitions", "3", "Cannot update these configs dynamically: [num.partitions]"},
		{"log.segment.bytes", "1", "Invalid value 1 for configuration log.segment.bytes: Value must be at least 1048576"},
		{"message.max.bytes", "abc", "Invalid value abc for configuration message.max.bytes: Not a number of type INT"},
		{"min.insync.replicas", "0", "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"},
		{"log.cleanup.policy", "compact", ""},
		{"log.roll.ms", "0", "Invalid value 0 for configuration log.roll.ms: Value must be at least 1"},
		{"moldau.durability", "os", ""},
		{"num.io.threads", "6", "Config num.io.threads has no meaning here: it sizes thread pools"},
		{"foo.bar", "1", "Unknown broker config name: foo.bar"},
	} {
		checkRefusal(t, c.key+"="+c.value, configs.ValidateDynamic(map[string]string{c.key: c.value}), c.want)
	}
}

func TestValidateStatic(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"num.io.threads", "6", ""},
		{"num.partitions", "3", ""},
		{"num.partitions", "0", "Invalid value 0 for configuration num.partitions: Value must be at least 1"},
		{"process.roles", "broker", `Invalid value broker for configuration process.roles: Moldau supports "broker,controller" only`},
		{"authorizer.class.name", "kafka.Authorizer", "Invalid value kafka.Authorizer for configuration authorizer.class.name"},
	} {
		checkRefusal(t, c.key+"="+c.value, configs.ValidateStatic(map[string]string{c.key: c.value}), c.want)
	}
}

func TestLists(t *testing.T) {
	k, _ := configs.Topic("cleanup.policy")
	for _, c := range []struct {
		name          string
		change        func(string, bool, string) (string, bool)
		current       string
		unset         bool
		items, result string
	}{
		{"append to the default", k.Append, "", true, "compact", "delete,compact"},
		{"append what is there", k.Append, "delete,compact", false, "compact,delete", "delete,compact"},
		{"append to an empty list", k.Append, "", false, "compact", "compact"},
		{"subtract", k.Subtract, "delete,compact", false, "delete", "compact"},
		{"subtract the last", k.Subtract, "compact", false, "compact", ""},
		{"subtract from the default", k.Subtract, "", true, "delete", ""},
		{"subtract what is not there", k.Subtract, "delete", false, "compact", "delete"},
	} {
		if got, ok := c.change(c.current, c.unset, c.items); !ok || got != c.result {
			t.Errorf("%s: %q, %v, want %q", c.name, got, ok, c.result)
		}
	}
	number, _ := configs.Topic("retention.ms")
	if _, ok := number.Append("", true, "1"); ok {
		t.Error("appended to a number")
	}
	if _, ok := number.Subtract("", true, "1"); ok {
		t.Error("subtracted from a number")
	}
}
