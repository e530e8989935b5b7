package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

// newTopics asks for topics of one partition; change makes them others.
func newTopics(version int16, names []string, change func(*kmsg.CreateTopicsRequest)) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = version, 10_000
	for _, name := range names {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
		req.Topics = append(req.Topics, topic)
	}
	if change != nil {
		change(req)
	}
	return req
}

func createTopics(c *servertest.Client, req *kmsg.CreateTopicsRequest) []kmsg.CreateTopicsResponseTopic {
	return c.Request(req).(*kmsg.CreateTopicsResponse).Topics
}

// answered checks a code and its message, which Apache Kafka 4.3.1 gave for
// the same request. Where a version has no message, message is "".
func answered(t *testing.T, what string, code int16, message *string, want *kerr.Error, text string) {
	t.Helper()
	wantCode := int16(0)
	if want != nil {
		wantCode = want.Code
	}
	got := ""
	if message != nil {
		got = *message
	}
	if code != wantCode || got != text {
		t.Errorf("%s: answered %v %q, want %v %q", what, kerr.ErrorForCode(code), got, want, text)
	}
}

func TestCreateTopicsInEveryVersion(t *testing.T) {
	b := start(t)
	c := b.Dial()
	for version := int16(2); version <= 7; version++ {
		name := fmt.Sprintf("t%d", version)
		topics := createTopics(c, newTopics(version, []string{name}, func(req *kmsg.CreateTopicsRequest) {
			req.Topics[0].NumPartitions = 3
		}))
		if len(topics) != 1 || topics[0].Topic != name || topics[0].ErrorCode != 0 || topics[0].ErrorMessage != nil {
			t.Fatalf("version %d: %+v", version, topics)
		}
		got := topics[0]
		if version >= 5 && (got.NumPartitions != 3 || got.ReplicationFactor != 1 || len(got.Configs) != 35 || got.ConfigErrorCode != 0) {
			t.Errorf("version %d: %d partitions, %d replicas, %d configs", version, got.NumPartitions, got.ReplicationFactor, len(got.Configs))
		}
		if hasID := got.TopicID != [16]byte{}; hasID != (version >= 7) {
			t.Errorf("version %d: topic id %x", version, got.TopicID)
		}
		mustProduce(c, t, name, 2, plain(t)) // usable at once
	}
}

func TestCreatedTopicShowsItsConfigs(t *testing.T) {
	b := start(t, map[string]string{"log.retention.minutes": "10"})
	topics := createTopics(b.Dial(), newTopics(7, []string{"t"}, func(req *kmsg.CreateTopicsRequest) {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = "cleanup.policy", kmsg.StringPtr("compact, delete")
		req.Topics[0].Configs = append(req.Topics[0].Configs, config)
	}))
	const topicConfig, staticBroker, byDefault = 1, 4, 5
	for _, want := range []struct {
		name, value string
		source      int8
	}{{"cleanup.policy", "compact,delete", topicConfig}, {"retention.ms", "600000", staticBroker}, {"segment.bytes", "1073741824", byDefault}} {
		found := false
		for _, got := range topics[0].Configs {
			if got.Name != want.name {
				continue
			}
			found = true
			if got.Value == nil || *got.Value != want.value || got.Source != want.source || got.ReadOnly || got.IsSensitive {
				t.Errorf("%s is %+v, want %q of source %d", want.name, got, want.value, want.source)
			}
		}
		if !found {
			t.Errorf("%s is not shown", want.name)
		}
	}
}

func TestCreateTopicsValidatesOnly(t *testing.T) {
	c := start(t).Dial()
	topics := createTopics(c, newTopics(7, []string{"t"}, func(req *kmsg.CreateTopicsRequest) { req.ValidateOnly = true }))
	if topics[0].ErrorCode != 0 || topics[0].NumPartitions != 1 || len(topics[0].Configs) == 0 {
		t.Errorf("answered %+v", topics[0])
	}
	if n := len(metadata(c, metadataAll()).Topics); n != 0 {
		t.Errorf("%d topics after validation only", n)
	}
}

func metadataAll() *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	return req
}

func TestCreateTopicsRefuses(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "exists", 1)
	config := func(name string, value *string) func(*kmsg.CreateTopicsRequestTopic) {
		return func(topic *kmsg.CreateTopicsRequestTopic) {
			config := kmsg.NewCreateTopicsRequestTopicConfig()
			config.Name, config.Value = name, value
			topic.Configs = append(topic.Configs, config)
		}
	}
	for _, r := range []struct {
		name   string
		change func(*kmsg.CreateTopicsRequestTopic)
		code   *kerr.Error
		text   string
	}{
		{"exists", nil, kerr.TopicAlreadyExists, "Topic 'exists' already exists."},
		{"a/b", nil, kerr.InvalidTopicException, "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
		{"t", func(topic *kmsg.CreateTopicsRequestTopic) { topic.NumPartitions = 0 }, kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."},
		{"t", func(topic *kmsg.CreateTopicsRequestTopic) { topic.ReplicationFactor = 3 }, kerr.InvalidReplicationFactor,
			"Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered."},
		{"t", config("retention.ms", kmsg.StringPtr("x")), kerr.InvalidConfig, "Invalid value x for configuration retention.ms: Not a number of type LONG"},
		{"t", config("retention.ms", nil), kerr.InvalidConfig, "Null value not supported for topic configs: retention.ms"},
		{"t", config("compression.type", kmsg.StringPtr("gzip")), kerr.InvalidConfig, `Invalid value gzip for configuration compression.type: Moldau supports "producer" only`},
		{"t", func(topic *kmsg.CreateTopicsRequestTopic) {
			topic.NumPartitions, topic.ReplicationFactor = -1, -1
			a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			a.Replicas = []int32{2}
			topic.ReplicaAssignment = append(topic.ReplicaAssignment, a)
		}, kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker 2, but no such broker is registered."},
		{"__cluster_metadata", nil, kerr.InvalidRequest, "Creation of internal topic __cluster_metadata is prohibited."},
	} {
		got := createTopics(c, newTopics(7, []string{r.name}, func(req *kmsg.CreateTopicsRequest) {
			if r.change != nil {
				r.change(&req.Topics[0])
			}
		}))[0]
		answered(t, r.name, got.ErrorCode, got.ErrorMessage, r.code, r.text)
		if got.NumPartitions != -1 || got.ReplicationFactor != -1 || got.Configs == nil || len(got.Configs) != 0 || got.TopicID != [16]byte{} {
			t.Errorf("%s: a refused topic is described as %+v", r.name, got)
		}
	}
	pair := createTopics(c, newTopics(7, []string{"p", "q", "p"}, nil))
	if len(pair) != 2 {
		t.Fatalf("%d answers for two names", len(pair))
	}
	for _, got := range pair {
		if got.Topic == "p" {
			answered(t, "a topic asked for twice", got.ErrorCode, got.ErrorMessage, kerr.InvalidRequest, "Duplicate topic name.")
		} else if got.ErrorCode != 0 {
			t.Errorf("q: %v", kerr.ErrorForCode(got.ErrorCode))
		}
	}
}

// A command that the disk does not take is a storage error, and the topic is
// not there.
func TestCreateTopicsOnAFailingDisk(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: fault})
	c := b.Dial()
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.Contains(op.Name, "__metadata") {
			return errors.New("the disk is gone")
		}
		return nil
	})
	got := createTopics(c, newTopics(7, []string{"t"}, nil))[0]
	if got.ErrorCode == 0 || got.ErrorMessage == nil {
		t.Errorf("answered %+v", got)
	}
	fault.SetHook(nil)
	if n := len(metadata(c, metadataAll()).Topics); n != 0 {
		t.Errorf("%d topics", n)
	}
}

// A request without any time is over before it began, in Kafka too.
func TestCreateTopicsWithoutTime(t *testing.T) {
	c := start(t).Dial()
	for _, ms := range []int32{0, -1} {
		got := createTopics(c, newTopics(7, []string{"t"}, func(req *kmsg.CreateTopicsRequest) { req.TimeoutMillis = ms }))[0]
		if got.ErrorCode != kerr.RequestTimedOut.Code {
			t.Errorf("timeout %d: error code %d", ms, got.ErrorCode)
		}
	}
	if n := len(metadata(c, metadataAll()).Topics); n != 0 {
		t.Errorf("%d topics", n)
	}
}

func TestDeleteTopicsInEveryVersion(t *testing.T) {
	c := start(t).Dial()
	for version := int16(1); version <= 6; version++ {
		id := createTopic(c, t, "t", 1)
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TimeoutMillis, req.TopicNames = version, 10_000, []string{"t"}
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = kmsg.StringPtr("t")
		req.Topics = append(req.Topics, topic)
		got := c.Request(req).(*kmsg.DeleteTopicsResponse).Topics
		if len(got) != 1 || got[0].ErrorCode != 0 || got[0].Topic == nil || *got[0].Topic != "t" || version >= 6 && got[0].TopicID != id {
			t.Fatalf("version %d: %+v", version, got)
		}
		if n := len(metadata(c, metadataAll()).Topics); n != 0 {
			t.Fatalf("version %d: %d topics left", version, n)
		}
	}
}

func TestDeleteTopicsByIDAndName(t *testing.T) {
	c := start(t).Dial()
	a, b := createTopic(c, t, "a", 1), createTopic(c, t, "b", 1)
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis = 6, 10_000
	name := kmsg.StringPtr
	for _, topic := range []kmsg.DeleteTopicsRequestTopic{
		{TopicID: a}, {Topic: name("b")}, {TopicID: b}, {Topic: name("nope")}, {TopicID: [16]byte{9}},
		{}, {Topic: name("x"), TopicID: [16]byte{8}}, {Topic: name("twice")}, {Topic: name("twice")},
		{TopicID: [16]byte{7}}, {TopicID: [16]byte{7}}, {Topic: name("")},
	} {
		req.Topics = append(req.Topics, topic)
	}
	want := map[string]struct {
		code *kerr.Error
		text string
	}{
		key(name("a"), a):              {nil, ""},
		key(name("b"), b):              {nil, ""},
		key(nil, b):                    {kerr.InvalidRequest, "The provided topic name maps to an ID that was already supplied."},
		key(name("nope"), [16]byte{}):  {kerr.UnknownTopicOrPartition, "This server does not host this topic-partition."},
		key(nil, [16]byte{9}):          {kerr.UnknownTopicID, "This server does not host this topic ID."},
		key(nil, [16]byte{}):           {kerr.InvalidRequest, "Neither topic name nor id were specified."},
		key(name("x"), [16]byte{8}):    {kerr.InvalidRequest, "You may not specify both topic name and topic id."},
		key(name("twice"), [16]byte{}): {kerr.InvalidRequest, "Duplicate topic name."},
		key(nil, [16]byte{7}):          {kerr.InvalidRequest, "Duplicate topic id."},
		key(name(""), [16]byte{}):      {kerr.UnknownTopicOrPartition, "This server does not host this topic-partition."},
	}
	got := c.Request(req).(*kmsg.DeleteTopicsResponse).Topics
	for _, topic := range got {
		k := key(topic.Topic, topic.TopicID)
		expected, ok := want[k]
		if !ok {
			t.Errorf("unexpected answer %s: %v", k, kerr.ErrorForCode(topic.ErrorCode))
			continue
		}
		answered(t, k, topic.ErrorCode, topic.ErrorMessage, expected.code, expected.text)
		delete(want, k)
	}
	for k := range want {
		t.Errorf("no answer %s", k)
	}
}

func key(name *string, id [16]byte) string {
	if name == nil {
		return fmt.Sprintf("null %x", id)
	}
	return fmt.Sprintf("%q %x", *name, id)
}

func TestDeleteTopicsDisabled(t *testing.T) {
	c := start(t, map[string]string{"delete.topic.enable": "false"}).Dial()
	createTopic(c, t, "t", 1)
	for version, want := range map[int16]*kerr.Error{1: kerr.InvalidRequest, 3: kerr.TopicDeletionDisabled, 5: kerr.TopicDeletionDisabled} {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TimeoutMillis, req.TopicNames = version, 10_000, []string{"t"}
		got := c.Request(req).(*kmsg.DeleteTopicsResponse).Topics[0]
		text := ""
		if version >= 5 {
			text = "Topic deletion is disabled."
		}
		answered(t, fmt.Sprintf("version %d", version), got.ErrorCode, got.ErrorMessage, want, text)
	}
	if n := len(metadata(c, metadataAll()).Topics); n != 1 {
		t.Errorf("%d topics left", n)
	}
}

func TestCreatePartitions(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	ask := func(version int16, validateOnly bool, total int32, assignment ...[]int32) kmsg.CreatePartitionsResponseTopic {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.Version, req.TimeoutMillis, req.ValidateOnly = version, 10_000, validateOnly
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = "t", total
		for _, replicas := range assignment {
			topic.Assignment = append(topic.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
		}
		req.Topics = append(req.Topics, topic)
		return c.Request(req).(*kmsg.CreatePartitionsResponse).Topics[0]
	}
	for version := int16(0); version <= 3; version++ {
		total := int32(version) + 2
		if got := ask(version, true, total+5); got.ErrorCode != 0 {
			t.Fatalf("version %d, validating: %v", version, kerr.ErrorForCode(got.ErrorCode))
		}
		if got := ask(version, false, total); got.Topic != "t" || got.ErrorCode != 0 || got.ErrorMessage != nil {
			t.Fatalf("version %d: %+v", version, got)
		}
		mustProduce(c, t, "t", total-1, plain(t)) // usable at once
		if got := produce(c, produceTo(9, -1, "t", total, plain(t))); got.ErrorCode != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("version %d: a partition too many answers %v", version, kerr.ErrorForCode(got.ErrorCode))
		}
	}
	got := ask(3, false, 5)
	answered(t, "as many", got.ErrorCode, got.ErrorMessage, kerr.InvalidPartitions, "Topic already has 5 partition(s).")
	got = ask(3, false, 6, []int32{2})
	answered(t, "on an unknown broker", got.ErrorCode, got.ErrorMessage, kerr.InvalidReplicaAssignment,
		"The manual partition assignment includes broker 2, but no such broker is registered.")
	if got := ask(3, false, 6, []int32{1}); got.ErrorCode != 0 {
		t.Errorf("by hand: %v", kerr.ErrorForCode(got.ErrorCode))
	}
}
