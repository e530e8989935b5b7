package controller

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"moldau/server/metadata"
	"moldau/server/metadata/configs"
)

// ConfigOp is what happens to one config. Its numbers are Kafka's.
type ConfigOp int8

const (
	SetConfig      ConfigOp = 0
	DeleteConfig   ConfigOp = 1
	AppendConfig   ConfigOp = 2 // to a list
	SubtractConfig ConfigOp = 3 // from a list
)

// ConfigChange is a change of one config.
type ConfigChange struct {
	Key   string
	Op    ConfigOp
	Value string // not with DeleteConfig
}

// ResourceChange is what one topic or broker is to be changed in, all or
// nothing.
type ResourceChange struct {
	Resource metadata.Resource
	// Name is a topic's, or a broker's id, or "" for all brokers.
	Name    string
	Changes []ConfigChange
	// Replace removes what Changes do not set.
	Replace bool
}

// AlterConfigs changes configs and returns one error per resource:
// ErrUnknownTopic, ErrInvalidTopic, ErrInvalidConfig, ErrInvalidRequest,
// ErrTimeout, ErrUnavailable. Changed configs are in force on return.
func (c *Controller) AlterConfigs(ctx context.Context, resources []ResourceChange, validateOnly bool) []error {
	var errs []error
	_, err := c.execute(ctx, validateOnly, func(img *metadata.Image) (records []metadata.Record) {
		errs = make([]error, len(resources))
		for i := range resources {
			more, err := c.decideConfigs(img, &resources[i])
			if errs[i] = err; err == nil {
				records = append(records, more...)
			}
		}
		return records
	})
	if err != nil {
		failed := make([]error, len(resources))
		for i := range failed {
			failed[i] = err
		}
		return failed
	}
	return errs
}

func (c *Controller) decideConfigs(img *metadata.Image, r *ResourceChange) ([]metadata.Record, error) {
	before, err := c.configsOf(img, r)
	if err != nil {
		return nil, err
	}
	after, err := changedConfigs(before, r)
	if err != nil {
		return nil, err
	}
	switch r.Resource {
	case metadata.ResourceTopic:
		if err := c.Layers(img).ValidateTopic(after); err != nil {
			return nil, Refuse(ErrInvalidConfig, "%v", err)
		}
		if _, ok := img.Topic(r.Name); !ok {
			return nil, Refuse(ErrUnknownTopic, "The topic '%s' does not exist.", r.Name)
		}
	case metadata.ResourceBroker:
		// Kafka answers a bad broker config so, a bad topic config by INVALID_CONFIG
		// (KAFKA-13609): tools branch on it.
		if err := configs.ValidateDynamic(after); err != nil {
			return nil, Refuse(ErrInvalidRequest, "%v", err)
		}
	}
	return configRecords(r, before, after), nil
}

// configsOf is what the resource has set now; of a topic that does not exist,
// nothing.
func (c *Controller) configsOf(img *metadata.Image, r *ResourceChange) (map[string]string, error) {
	switch r.Resource {
	case metadata.ResourceTopic:
		if r.Name == "" {
			return nil, Refuse(ErrInvalidRequest, "Default topic resources are not allowed.")
		}
		if err := CheckTopicName(r.Name); err != nil {
			return nil, err
		}
		if t, ok := img.Topic(r.Name); ok {
			return t.Configs, nil
		}
		return nil, nil
	case metadata.ResourceBroker:
		if r.Name == "" {
			return img.BrokerConfig(metadata.DefaultBroker), nil
		}
		id, err := strconv.ParseInt(r.Name, 10, 32)
		if err != nil {
			return nil, Refuse(ErrInvalidRequest, "Node id must be an integer, but it is: %s", r.Name)
		}
		if int32(id) != c.o.NodeID || strconv.FormatInt(id, 10) != r.Name {
			return nil, Refuse(ErrInvalidRequest, "Unexpected broker id, expected %d, but received %s", c.o.NodeID, r.Name)
		}
		return img.BrokerConfig(c.o.NodeID), nil
	}
	return nil, Refuse(ErrInvalidRequest, "Unknown resource type %d", r.Resource)
}

func changedConfigs(before map[string]string, r *ResourceChange) (map[string]string, error) {
	after := map[string]string{}
	if !r.Replace {
		maps.Copy(after, before)
	}
	for _, change := range r.Changes {
		switch change.Op {
		case SetConfig:
			after[change.Key] = change.Value
		case DeleteConfig:
			delete(after, change.Key)
		case AppendConfig, SubtractConfig:
			value, ok := changedList(r.Resource, after, change)
			if !ok {
				return nil, Refuse(ErrInvalidConfig, "Can't %s to key %s because its type is not LIST.", change.Op, change.Key)
			}
			after[change.Key] = value
		default:
			return nil, Refuse(ErrInvalidRequest, "Unknown operations type %d", change.Op)
		}
	}
	return after, nil
}

func changedList(resource metadata.Resource, values map[string]string, change ConfigChange) (string, bool) {
	key, ok := configKey(resource, change.Key)
	if !ok {
		return "", false
	}
	current, set := values[change.Key]
	if change.Op == AppendConfig {
		return key.Append(current, !set, change.Value)
	}
	return key.Subtract(current, !set, change.Value)
}

func configKey(resource metadata.Resource, name string) (*configs.Key, bool) {
	if resource == metadata.ResourceTopic {
		t, ok := configs.Topic(name)
		if !ok {
			return nil, false
		}
		return &t.Key, true
	}
	return configs.Broker(name)
}

// configRecords are the records from one set of configs to another, by key.
func configRecords(r *ResourceChange, before, after map[string]string) []metadata.Record {
	var records []metadata.Record
	record := func(key string, value *string) {
		records = append(records, &metadata.ConfigRecord{Resource: r.Resource, Name: r.Name, Key: key, Value: value})
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		value := after[key]
		if old, ok := before[key]; !ok || old != value {
			record(key, &value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[key]; !ok {
			record(key, nil)
		}
	}
	return records
}

// String is the operation's name in Kafka's messages.
func (op ConfigOp) String() string {
	switch op {
	case SetConfig:
		return "SET"
	case DeleteConfig:
		return "DELETE"
	case AppendConfig:
		return "APPEND"
	case SubtractConfig:
		return "SUBTRACT"
	}
	return strconv.Itoa(int(op))
}
