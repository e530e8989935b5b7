package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/server/servertest"
)

const (
	topicResource   = kmsg.ConfigResourceTypeTopic
	brokerResource  = kmsg.ConfigResourceTypeBroker
	loggerResource  = kmsg.ConfigResourceTypeBrokerLogger
	metricsResource = kmsg.ConfigResourceTypeClientMetrics
	groupResource   = kmsg.ConfigResourceTypeGroupConfig
)

func describe(c *servertest.Client, version int16, kind kmsg.ConfigResourceType, name string, keys ...string) kmsg.DescribeConfigsResponseResource {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version, req.IncludeSynonyms, req.IncludeDocumentation = version, true, true
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName, resource.ConfigNames = kind, name, keys
	req.Resources = append(req.Resources, resource)
	return c.Request(req).(*kmsg.DescribeConfigsResponse).Resources[0]
}

// spell writes a config as a line: value, source, type, synonyms.
func spell(config kmsg.DescribeConfigsResponseResourceConfig) string {
	value := "null"
	if config.Value != nil {
		value = *config.Value
	}
	var synonyms []string
	for _, s := range config.ConfigSynonyms {
		synonyms = append(synonyms, fmt.Sprintf("%s:%s=%s", s.Source, s.Name, *s.Value))
	}
	return fmt.Sprintf("%s %s %s %v [%s]", value, config.Source, config.ConfigType, config.ReadOnly, strings.Join(synonyms, " "))
}

func TestDescribeConfigsInEveryVersion(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1, "retention.ms", "5000")
	for version := int16(1); version <= 4; version++ {
		got := describe(c, version, topicResource, "t", "retention.ms")
		if got.ErrorCode != 0 || got.ResourceName != "t" || got.ResourceType != topicResource || len(got.Configs) != 1 {
			t.Fatalf("version %d: %+v", version, got)
		}
		config := got.Configs[0]
		want := "5000 DYNAMIC_TOPIC_CONFIG LONG false [DYNAMIC_TOPIC_CONFIG:retention.ms=5000]"
		if version < 3 { // without type and documentation
			want = strings.Replace(want, "LONG", "UNKNOWN", 1)
		}
		if spelled := spell(config); spelled != want {
			t.Errorf("version %d: %s, want %s", version, spelled, want)
		}
		if documented := config.Documentation != nil && *config.Documentation != ""; documented != (version >= 3) {
			t.Errorf("version %d: documentation %v", version, config.Documentation)
		}
	}
}

// Kafka Connect refuses a broker that does not show its topics' cleanup.policy,
// and tools that show nothing of a topic are of no use: all is there.
func TestDescribeConfigsShowsEverything(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1, "cleanup.policy", "compact")
	got := describe(c, 4, topicResource, "t")
	if len(got.Configs) != 35 {
		t.Errorf("%d configs of a topic", len(got.Configs))
	}
	for _, config := range got.Configs {
		if config.Name == "cleanup.policy" && spell(config) != "compact DYNAMIC_TOPIC_CONFIG LIST false [DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact DEFAULT_CONFIG:log.cleanup.policy=delete]" {
			t.Errorf("cleanup.policy is %s", spell(config))
		}
	}
	broker := describe(c, 4, brokerResource, "1")
	shown := map[string]string{}
	for _, config := range broker.Configs {
		shown[config.Name] = spell(config)
	}
	for name, want := range map[string]string{
		"node.id":           "1 STATIC_BROKER_CONFIG INT true [STATIC_BROKER_CONFIG:node.id=1]",
		"broker.id":         "1 STATIC_BROKER_CONFIG INT true [STATIC_BROKER_CONFIG:broker.id=1 DEFAULT_CONFIG:broker.id=-1]",
		"log.retention.ms":  "null DEFAULT_CONFIG LONG false []",
		"moldau.durability": "synced DEFAULT_CONFIG STRING false [DEFAULT_CONFIG:moldau.durability=synced]",
	} {
		if shown[name] != want {
			t.Errorf("%s is %q, want %q", name, shown[name], want)
		}
	}
	if !strings.Contains(shown["log.dirs"], "logs STATIC_BROKER_CONFIG LIST true") {
		t.Errorf("log.dirs is %q", shown["log.dirs"])
	}
}

func TestDescribeConfigsWithoutExtras(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = topicResource, "t"
	req.Resources = append(req.Resources, resource)
	for _, config := range c.Request(req).(*kmsg.DescribeConfigsResponse).Resources[0].Configs {
		if len(config.ConfigSynonyms) != 0 || config.Documentation != nil {
			t.Fatalf("%s comes with synonyms or documentation that nobody asked for", config.Name)
		}
	}
}

func TestDescribeConfigsRefuses(t *testing.T) {
	c := start(t).Dial()
	for _, r := range []struct {
		kind kmsg.ConfigResourceType
		name string
		code *kerr.Error
		text string
	}{
		{topicResource, "nope", kerr.UnknownTopicOrPartition, ""},
		{topicResource, "a/b", kerr.InvalidTopicException, "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
		{topicResource, "", kerr.InvalidTopicException, "Topic name is invalid: the empty string is not allowed"},
		{brokerResource, "2", kerr.InvalidRequest, "Unexpected broker id, expected 1 or empty string, but received 2"},
		{brokerResource, "x", kerr.InvalidRequest, "Broker id must be an integer, but it is: x"},
		{brokerResource, "", nil, ""},
		{loggerResource, "", kerr.InvalidRequest, "Broker id must not be empty"},
		{loggerResource, "1", kerr.InvalidRequest, "Moldau has no loggers whose level can be set at run time."},
		{groupResource, "g", nil, ""},
		{groupResource, "", kerr.InvalidRequest, "Group name must not be empty"},
		{metricsResource, "m", nil, ""},
		{metricsResource, "", kerr.InvalidRequest, "Client metrics subscription name must not be empty"},
		{99, "x", kerr.InvalidRequest, "Unsupported resource type: 99"},
	} {
		got := describe(c, 4, r.kind, r.name)
		answered(t, fmt.Sprintf("%d %q", r.kind, r.name), got.ErrorCode, got.ErrorMessage, r.code, r.text)
		if len(got.Configs) != 0 {
			t.Errorf("%d %q: %d configs", r.kind, r.name, len(got.Configs))
		}
	}
}

// change is one change of one config; a nil value is null.
type change struct {
	key   string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

func setTo(key, value string) change { return change{key, kmsg.IncrementalAlterConfigOpSet, &value} }

func incremental(c *servertest.Client, version int16, validateOnly bool, kind kmsg.ConfigResourceType, name string, changes ...change) kmsg.IncrementalAlterConfigsResponseResource {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version, req.ValidateOnly = version, validateOnly
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kind, name
	for _, change := range changes {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Op, config.Value = change.key, change.op, change.value
		resource.Configs = append(resource.Configs, config)
	}
	req.Resources = append(req.Resources, resource)
	return c.Request(req).(*kmsg.IncrementalAlterConfigsResponse).Resources[0]
}

// value is a topic's config as described.
func value(t *testing.T, c *servertest.Client, name, key string) string {
	t.Helper()
	got := describe(c, 4, topicResource, name, key)
	if len(got.Configs) != 1 || got.Configs[0].Value == nil {
		t.Fatalf("%s of %s: %+v", key, name, got)
	}
	return *got.Configs[0].Value
}

func TestIncrementalAlterConfigs(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	for _, step := range []struct {
		name         string
		version      int16
		validateOnly bool
		change       change
		want         string
	}{
		{"validate", 1, true, setTo("cleanup.policy", "compact"), "delete"},
		{"append to the default", 0, false, change{"cleanup.policy", kmsg.IncrementalAlterConfigOpAppend, kmsg.StringPtr("compact")}, "delete,compact"},
		{"append what is there", 1, false, change{"cleanup.policy", kmsg.IncrementalAlterConfigOpAppend, kmsg.StringPtr("compact,delete")}, "delete,compact"},
		{"subtract", 1, false, change{"cleanup.policy", kmsg.IncrementalAlterConfigOpSubtract, kmsg.StringPtr("delete")}, "compact"},
		{"subtract the last", 1, false, change{"cleanup.policy", kmsg.IncrementalAlterConfigOpSubtract, kmsg.StringPtr("compact")}, ""},
		{"delete", 1, false, change{"cleanup.policy", kmsg.IncrementalAlterConfigOpDelete, nil}, "delete"},
		{"set", 1, false, setTo("cleanup.policy", " compact "), "compact"},
	} {
		got := incremental(c, step.version, step.validateOnly, topicResource, "t", step.change)
		if got.ErrorCode != 0 || got.ErrorMessage != nil || got.ResourceName != "t" || got.ResourceType != topicResource {
			t.Fatalf("%s: %+v", step.name, got)
		}
		if v := value(t, c, "t", "cleanup.policy"); v != step.want {
			t.Errorf("%s: cleanup.policy is %q, want %q", step.name, v, step.want)
		}
	}
}

func TestIncrementalAlterConfigsRefuses(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	for _, r := range []struct {
		kind    kmsg.ConfigResourceType
		name    string
		changes []change
		code    *kerr.Error
		text    string
	}{
		{topicResource, "nope", []change{setTo("retention.ms", "1")}, kerr.UnknownTopicOrPartition, "The topic 'nope' does not exist."},
		{topicResource, "", []change{setTo("retention.ms", "1")}, kerr.InvalidRequest, "Default topic resources are not allowed."},
		{topicResource, "t", []change{setTo("foo", "1")}, kerr.InvalidConfig, "Unknown topic config name: foo"},
		{topicResource, "t", []change{{"retention.ms", kmsg.IncrementalAlterConfigOpSet, nil}}, kerr.InvalidRequest, "Null value not supported for : retention.ms"},
		{topicResource, "t", []change{setTo("retention.ms", "1"), setTo("retention.ms", "2")}, kerr.InvalidRequest, "Error due to duplicate config keys"},
		{topicResource, "t", []change{{"retention.ms", 4, kmsg.StringPtr("1")}}, kerr.InvalidRequest, "Unknown operations type 4"},
		{brokerResource, "1", []change{setTo("num.partitions", "2")}, kerr.InvalidRequest, "Cannot update these configs dynamically: [num.partitions]"},
		{brokerResource, "2", []change{setTo("log.retention.ms", "2")}, kerr.InvalidRequest, "Unexpected broker id, expected 1, but received 2"},
		{loggerResource, "1", []change{setTo("root", "INFO")}, kerr.InvalidRequest, "Moldau has no loggers whose level can be set at run time."},
		{groupResource, "g", []change{setTo("nope", "1")}, kerr.InvalidConfig, "Unknown group config name: nope"},
		{metricsResource, "m", []change{setTo("nope", "1")}, kerr.InvalidRequest, "Unknown client metrics configuration: nope"},
		{99, "x", []change{setTo("nope", "1")}, kerr.InvalidRequest, "Unknown resource type 99"},
	} {
		got := incremental(c, 1, false, r.kind, r.name, r.changes...)
		answered(t, fmt.Sprintf("%d %q %v", r.kind, r.name, r.changes[0].key), got.ErrorCode, got.ErrorMessage, r.code, r.text)
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	for range 2 {
		resource := kmsg.NewIncrementalAlterConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = topicResource, "t"
		req.Resources = append(req.Resources, resource)
	}
	for _, got := range c.Request(req).(*kmsg.IncrementalAlterConfigsResponse).Resources {
		answered(t, "twice", got.ErrorCode, got.ErrorMessage, kerr.InvalidRequest, "Each resource must appear at most once.")
	}
}

func TestAlterConfigsReplaces(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1, "segment.ms", "77")
	ask := func(version int16, validateOnly bool, configs ...change) kmsg.AlterConfigsResponseResource {
		req := kmsg.NewPtrAlterConfigsRequest()
		req.Version, req.ValidateOnly = version, validateOnly
		resource := kmsg.NewAlterConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = topicResource, "t"
		for _, change := range configs {
			config := kmsg.NewAlterConfigsRequestResourceConfig()
			config.Name, config.Value = change.key, change.value
			resource.Configs = append(resource.Configs, config)
		}
		req.Resources = append(req.Resources, resource)
		return c.Request(req).(*kmsg.AlterConfigsResponse).Resources[0]
	}
	for version := int16(0); version <= 2; version++ {
		want := fmt.Sprint(5000 + int(version))
		if got := ask(version, true, setTo("retention.ms", "1")); got.ErrorCode != 0 || value(t, c, "t", "retention.ms") == "1" {
			t.Fatalf("version %d, validating: %+v", version, got)
		}
		if got := ask(version, false, setTo("retention.ms", want)); got.ErrorCode != 0 || got.ErrorMessage != nil {
			t.Fatalf("version %d: %+v", version, got)
		}
		if v := value(t, c, "t", "retention.ms"); v != want {
			t.Errorf("version %d: retention.ms is %s, want %s", version, v, want)
		}
		if v := value(t, c, "t", "segment.ms"); v != "604800000" {
			t.Errorf("version %d: segment.ms is %s, it was not replaced by the default", version, v)
		}
	}
	got := ask(2, false, change{"retention.ms", 0, nil})
	answered(t, "null", got.ErrorCode, got.ErrorMessage, kerr.InvalidRequest, "Null value not supported for : retention.ms")
}

// A config is in force for the request that follows its answer, whether it is
// the topic's own or the broker's.
func TestConfigsTakeEffectAtOnce(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	large := batchOf(t, record.BuilderOptions{}, strings.Repeat("x", 2000))
	tooLarge := func(want bool) {
		t.Helper()
		got := produce(c, produceTo(9, -1, "t", 0, large)).ErrorCode
		if (got == kerr.MessageTooLarge.Code) != want || !want && got != 0 {
			t.Errorf("a batch of 2 KB answers %v", kerr.ErrorForCode(got))
		}
	}
	for _, step := range []struct {
		kind     kmsg.ConfigResourceType
		name     string
		change   change
		tooLarge bool
	}{
		{topicResource, "t", setTo("max.message.bytes", "1000"), true},
		{topicResource, "t", change{"max.message.bytes", kmsg.IncrementalAlterConfigOpDelete, nil}, false},
		{brokerResource, "", setTo("message.max.bytes", "1000"), true},
		{brokerResource, "1", setTo("message.max.bytes", "3000"), false},
		{brokerResource, "1", change{"message.max.bytes", kmsg.IncrementalAlterConfigOpDelete, nil}, true},
	} {
		if got := incremental(c, 1, false, step.kind, step.name, step.change); got.ErrorCode != 0 {
			t.Fatalf("%s of %q: %v", step.change.key, step.name, kerr.ErrorForCode(got.ErrorCode))
		}
		tooLarge(step.tooLarge)
	}
	// And it is still in force after a restart.
	b.Close()
	b.Restart()
	c = b.Dial()
	tooLarge(true)
}

// An answer is a thousand times as large as its question: once is enough, also
// under the many spellings of a number.
func TestDescribeConfigsAnswersEachResourceOnce(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	for _, r := range []struct {
		kind kmsg.ConfigResourceType
		name string
	}{
		{kmsg.ConfigResourceTypeBroker, "1"}, {kmsg.ConfigResourceTypeBroker, "1"}, {kmsg.ConfigResourceTypeBroker, "001"},
		{kmsg.ConfigResourceTypeBroker, "+1"}, {kmsg.ConfigResourceTypeBroker, ""}, {kmsg.ConfigResourceTypeBroker, ""},
		{kmsg.ConfigResourceTypeTopic, "t"}, {kmsg.ConfigResourceTypeTopic, "nope"}, {kmsg.ConfigResourceTypeTopic, "t"},
	} {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = r.kind, r.name
		req.Resources = append(req.Resources, resource)
	}
	var got []string
	for _, r := range c.Request(req).(*kmsg.DescribeConfigsResponse).Resources {
		got = append(got, fmt.Sprintf("%d %q", r.ResourceType, r.ResourceName))
	}
	if want := `[4 "1" 4 "" 2 "t" 2 "nope"]`; fmt.Sprint(got) != want {
		t.Errorf("answered %v, want %v", got, want)
	}
}
