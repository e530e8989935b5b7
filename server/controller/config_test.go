package controller_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"moldau/server/controller"
	"moldau/server/metadata"
)

// The texts are those of Apache Kafka 4.3.1, but for the last two.
func TestAlterConfigsRefused(t *testing.T) {
	c := open(t, &memory{}, options(1))
	create(t, c, topic("t", 1))
	op := func(r controller.ResourceChange, op controller.ConfigOp) controller.ResourceChange {
		r.Changes[0].Op = op
		return r
	}
	for _, r := range []struct {
		name   string
		change controller.ResourceChange
		kind   error
		text   string
	}{
		{"fine", set("t", "retention.ms", "5"), nil, ""},
		{"delete what is not set", op(set("t", "foo", ""), controller.DeleteConfig), nil, ""},
		{"broker", setBroker("1", "log.retention.ms", "5"), nil, ""},
		{"all brokers", setBroker("", "log.retention.ms", "5"), nil, ""},
		{"bad value", set("t", "retention.ms", "x"), controller.ErrInvalidConfig, "Invalid value x for configuration retention.ms: Not a number of type LONG"},
		{"append to a number", op(set("t", "retention.ms", "1"), controller.AppendConfig), controller.ErrInvalidConfig,
			"Can't APPEND to key retention.ms because its type is not LIST."},
		{"subtract from the unknown", op(set("t", "foo", "1"), controller.SubtractConfig), controller.ErrInvalidConfig,
			"Can't SUBTRACT to key foo because its type is not LIST."},
		{"unknown operation", op(set("t", "retention.ms", "1"), 4), controller.ErrInvalidRequest, "Unknown operations type 4"},
		{"unknown topic", set("nope", "retention.ms", "1"), controller.ErrUnknownTopic, "The topic 'nope' does not exist."},
		{"bad topic name", set("a/b", "retention.ms", "1"), controller.ErrInvalidTopic,
			"Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
		{"no topic name", set("", "retention.ms", "1"), controller.ErrInvalidRequest, "Default topic resources are not allowed."},
		{"other broker", setBroker("2", "log.retention.ms", "1"), controller.ErrInvalidRequest, "Unexpected broker id, expected 1, but received 2"},
		{"other spelling", setBroker("01", "log.retention.ms", "1"), controller.ErrInvalidRequest, "Unexpected broker id, expected 1, but received 01"},
		{"no broker id", setBroker("x", "log.retention.ms", "1"), controller.ErrInvalidRequest, "Node id must be an integer, but it is: x"},
		{"read-only", setBroker("1", "num.partitions", "1"), controller.ErrInvalidRequest, "Cannot update these configs dynamically: [num.partitions]"},
		{"bad broker value", setBroker("", "message.max.bytes", "-1"), controller.ErrInvalidRequest,
			"Invalid value -1 for configuration message.max.bytes: Value must be at least 0"},
		{"unknown broker config", setBroker("", "foo.bar", "1"), controller.ErrInvalidRequest, "Unknown broker config name: foo.bar"},
		{"another resource", controller.ResourceChange{Resource: 32, Name: "g"}, controller.ErrInvalidRequest, "Unknown resource type 32"},
	} {
		before := state(c.Image())
		err := c.AlterConfigs(context.Background(), []controller.ResourceChange{r.change}, true)[0]
		refused(t, r.name, err, r.kind, r.text)
		if state(c.Image()) != before {
			t.Errorf("%s: changed by validation only", r.name)
		}
	}
}

func TestAlterConfigs(t *testing.T) {
	c := open(t, &memory{}, options(1))
	create(t, c, topic("t", 1), topic("u", 1))
	check := func(step string, want map[string]string) {
		t.Helper()
		if got, _ := c.Image().Topic("t"); !maps.Equal(got.Configs, want) {
			t.Fatalf("%s: configs are %v, want %v", step, got.Configs, want)
		}
	}
	change := func(replace bool, changes ...controller.ConfigChange) {
		t.Helper()
		if err := alter(c, controller.ResourceChange{Resource: metadata.ResourceTopic, Name: "t", Changes: changes, Replace: replace}); err != nil {
			t.Fatal(err)
		}
	}
	change(false, controller.ConfigChange{Key: "retention.ms", Value: "5"}, controller.ConfigChange{Key: "segment.ms", Value: "6"})
	check("set", map[string]string{"retention.ms": "5", "segment.ms": "6"})
	change(false, controller.ConfigChange{Key: "cleanup.policy", Op: controller.AppendConfig, Value: "compact"})
	check("append", map[string]string{"retention.ms": "5", "segment.ms": "6", "cleanup.policy": "delete,compact"})
	change(false, controller.ConfigChange{Key: "cleanup.policy", Op: controller.SubtractConfig, Value: "delete"},
		controller.ConfigChange{Key: "segment.ms", Op: controller.DeleteConfig})
	check("subtract and delete", map[string]string{"retention.ms": "5", "cleanup.policy": "compact"})
	change(true, controller.ConfigChange{Key: "segment.ms", Value: "7"})
	check("replace", map[string]string{"segment.ms": "7"})

	offset := c.Image().Offset()
	change(false, controller.ConfigChange{Key: "segment.ms", Value: "7"})
	if c.Image().Offset() != offset {
		t.Error("a config set to what it was is a record")
	}
	// Resources stand for themselves; the changes of one do not.
	errs := c.AlterConfigs(context.Background(), []controller.ResourceChange{
		{Resource: metadata.ResourceTopic, Name: "t", Changes: []controller.ConfigChange{{Key: "retention.ms", Value: "9"}, {Key: "segment.ms", Value: "x"}}},
		set("u", "retention.ms", "9"),
	}, false)
	if errs[0] == nil || errs[1] != nil {
		t.Errorf("errors are %v", errs)
	}
	check("refused", map[string]string{"segment.ms": "7"})
	if u, _ := c.Image().Topic("u"); u.Configs["retention.ms"] != "9" {
		t.Errorf("the other topic has %v", u.Configs)
	}
}

// A config is in force once the call returns, from whichever layer it comes.
func TestLogConfig(t *testing.T) {
	o := options(1)
	o.Static = map[string]string{"log.retention.hours": "1"}
	c := open(t, &memory{}, o)
	create(t, c, topic("t", 1))
	retention := func() int64 {
		t.Helper()
		img := c.Image()
		topic, _ := img.Topic("t")
		config, err := c.LogConfig(img, topic)
		if err != nil {
			t.Fatal(err)
		}
		return config.RetentionMs
	}
	for _, step := range []struct {
		change *controller.ResourceChange
		want   int64
	}{
		{nil, 3_600_000},
		{ptr(setBroker("", "log.retention.ms", "4")), 4},
		{ptr(setBroker("1", "log.retention.ms", "3")), 3},
		{ptr(set("t", "retention.ms", "2")), 2},
	} {
		if step.change != nil {
			if err := alter(c, *step.change); err != nil {
				t.Fatal(err)
			}
		}
		if got := retention(); got != step.want {
			t.Errorf("retention is %d ms, want %d", got, step.want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestStaticConfigIsChecked(t *testing.T) {
	o := options(1)
	o.Static = map[string]string{"num.partitions": "zero"}
	o.Journal = &memory{}
	_, err := controller.Open(o)
	if err == nil || !strings.Contains(err.Error(), "num.partitions") {
		t.Errorf("a bad static config gives %v", err)
	}
}
