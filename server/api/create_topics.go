package api

import (
	"context"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
	"moldau/server/metadata/configs"
	"moldau/server/wire"
)

// administer bounds ctx by a request's timeout. What is under way when it ends
// goes on: the client is told that it does not know. A request without any time
// is over before it began, as in Kafka.
func administer(ctx context.Context, timeoutMs int32) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(timeoutMs)*time.Millisecond)
}

// createTopics creates topics. It answers once they can be used.
func (b *Broker) createTopics(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrCreateTopicsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	ctx, cancel := administer(ctx, req.TimeoutMillis)
	defer cancel()
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.Version = r.Version
	topics := make([]controller.NewTopic, 0, len(req.Topics))
	for i := range req.Topics {
		t, err := newTopic(&req.Topics[i])
		if err != nil {
			resp.Topics = append(resp.Topics, refusedTopic(req.Topics[i].Topic, err))
			continue
		}
		topics = append(topics, t)
	}
	results := b.Controller.CreateTopics(ctx, topics, req.ValidateOnly)
	layers := b.Controller.Layers(b.Controller.Image())
	answered := make(map[string]bool, len(results))
	for _, result := range results {
		if answered[result.Name] {
			continue // what is asked twice is refused once
		}
		answered[result.Name] = true
		if result.Err == nil && !req.ValidateOnly {
			result.Err = b.usable(result.Name)
		}
		if result.Err != nil {
			resp.Topics = append(resp.Topics, refusedTopic(result.Name, result.Err))
			continue
		}
		resp.Topics = append(resp.Topics, createdTopic(result, layers))
	}
	return wire.Reply{Response: resp}, nil
}

func newTopic(asked *kmsg.CreateTopicsRequestTopic) (controller.NewTopic, error) {
	t := controller.NewTopic{Name: asked.Topic, Partitions: asked.NumPartitions, Replication: asked.ReplicationFactor}
	for _, a := range asked.ReplicaAssignment {
		t.Assignment = append(t.Assignment, controller.ReplicaAssignment{Partition: a.Partition, Replicas: a.Replicas})
	}
	var null []string
	t.Configs = make(map[string]string, len(asked.Configs))
	for _, c := range asked.Configs {
		if c.Value == nil {
			null = append(null, c.Name)
			continue
		}
		t.Configs[c.Name] = *c.Value
	}
	if len(null) > 0 {
		return t, controller.Refuse(controller.ErrInvalidConfig, "Null value not supported for topic configs: %s", strings.Join(null, ","))
	}
	return t, nil
}

func refusedTopic(name string, err error) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic = name
	t.ErrorCode, t.ErrorMessage = errorCode(err), errorMessage(err)
	t.NumPartitions, t.ReplicationFactor = -1, -1
	// Empty, not null: null would say that the client may not see them.
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
	return t
}

func createdTopic(result controller.TopicResult, layers configs.Layers) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic, t.TopicID = result.Name, result.ID
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
	if result.Topic == nil { // deleted again before this answer
		t.NumPartitions, t.ReplicationFactor = -1, -1
		return t
	}
	t.NumPartitions = int32(len(result.Topic.Partitions))
	t.ReplicationFactor = int16(len(result.Topic.Partitions[0].Replicas))
	for _, e := range layers.Topic(result.Topic.Configs, nil) {
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.Value, c.Source, c.IsSensitive = e.Name, shown(&e), int8(e.Source), e.Sensitive()
		t.Configs = append(t.Configs, c)
	}
	return t
}

// shown is a config's value as clients see it.
func shown(e *configs.Entry) *string {
	if e.Unset || e.Sensitive() {
		return nil
	}
	return &e.Value
}
