package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/wire"
)

// metadata answers which brokers and topics there are, and creates topics that
// are asked for if both sides allow it.
func (b *Broker) metadata(ctx context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrMetadataRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = r.Version
	resp.AuthorizedOperations = operationsOmitted
	if code := checkMetadataTopics(req); code != 0 {
		resp.ControllerID = b.controllerID()
		for i := range req.Topics {
			t := missingTopic(req.Topics[i].Topic, req.Topics[i].TopicID, code)
			resp.Topics = append(resp.Topics, t)
		}
		return wire.Reply{Response: resp}, nil
	}
	refused := b.autoCreate(ctx, req)
	// Looked at after the topics were created, so that they are in it.
	img := b.Controller.Image()
	resp.ClusterID = kmsg.StringPtr(img.ClusterID())
	resp.ControllerID = b.controllerID()
	if req.IncludeClusterAuthorizedOperations && r.Version <= 10 {
		resp.AuthorizedOperations = clusterOperations
	}
	for _, node := range img.Brokers() {
		at := b.endpoint(r.Conn, node)
		n := kmsg.NewMetadataResponseBroker()
		n.NodeID, n.Host, n.Port, n.Rack = node.ID, at.Host, at.Port, rack(node.Rack)
		resp.Brokers = append(resp.Brokers, n)
	}
	resp.Topics = metadataTopics(img, req, refused)
	if req.IncludeTopicAuthorizedOperations {
		for i := range resp.Topics {
			resp.Topics[i].AuthorizedOperations = topicOperations
		}
	}
	return wire.Reply{Response: resp}, nil
}

// everyTopic tells whether a request asks for all topics. In version 0 an empty
// list stands for that, later only null does and an empty list is just empty.
func everyTopic(req *kmsg.MetadataRequest) bool {
	return req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
}

// checkMetadataTopics refuses a request that names topics in a way its version
// has no meaning for.
func checkMetadataTopics(req *kmsg.MetadataRequest) int16 {
	for i := range req.Topics {
		t := &req.Topics[i]
		byID := t.TopicID != [16]byte{}
		if t.Topic == nil && (!byID || req.Version < 12) || byID && req.Version < 12 {
			return kerr.InvalidRequest.Code
		}
	}
	return 0
}

// metadataTopics is the topics asked for, each once, in the order of the
// request. As soon as one is named by id only those named by id count: that is
// Kafka's rule.
func metadataTopics(img *metadata.Image, req *kmsg.MetadataRequest, refused map[string]int16) []kmsg.MetadataResponseTopic {
	var topics []kmsg.MetadataResponseTopic
	if everyTopic(req) {
		all := img.Topics()
		topics = make([]kmsg.MetadataResponseTopic, 0, len(all))
		for _, t := range all {
			topics = append(topics, metadataTopic(t))
		}
		return topics
	}
	if ids := namedByID(req); len(ids) > 0 {
		for _, id := range ids {
			if t, ok := img.TopicByID(id); ok {
				topics = append(topics, metadataTopic(t))
			} else {
				topics = append(topics, missingTopic(nil, id, kerr.UnknownTopicID.Code))
			}
		}
		return topics
	}
	for _, name := range namesOnce(req) {
		t, ok := img.Topic(name)
		// A topic may be there and refused: created just now, without its logs.
		code, wasRefused := refused[name]
		if ok && !wasRefused {
			topics = append(topics, metadataTopic(t))
			continue
		}
		if !wasRefused {
			code = unknownTopicCode(name)
		}
		topics = append(topics, missingTopic(&name, [16]byte{}, code))
	}
	return topics
}

func metadataTopic(t *metadata.Topic) kmsg.MetadataResponseTopic {
	topic := kmsg.NewMetadataResponseTopic()
	topic.Topic, topic.TopicID, topic.IsInternal = &t.Name, t.ID, t.Internal
	topic.AuthorizedOperations = operationsOmitted
	topic.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for n := range t.Partitions {
		state := &t.Partitions[n]
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Replicas, p.ISR = int32(n), state.Replicas, state.ISR
		p.ErrorCode, p.Leader, p.LeaderEpoch = leadership(state)
		topic.Partitions[n] = p
	}
	return topic
}

// leadership is what a client is told about who leads. An unknown epoch is
// told as 0, with the error: at -1 Java drops what it knows, and any other
// guess strands librdkafka, which waits for a higher one.
func leadership(p *metadata.Partition) (code int16, leader, epoch int32) {
	if p.Leader < 0 {
		return kerr.LeaderNotAvailable.Code, -1, max(p.LeaderEpoch, 0)
	}
	return 0, p.Leader, max(p.LeaderEpoch, 0)
}

// missingTopic answers for a topic that is not there. Only from version 12 on
// may a response leave the name out.
func missingTopic(name *string, id [16]byte, code int16) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.ErrorCode = name, id, code
	t.AuthorizedOperations = operationsOmitted
	return t
}

// unknownTopicCode tells a name that no topic has from one that none can have.
func unknownTopicCode(name string) int16 {
	if controller.CheckTopicName(name) != nil {
		return kerr.InvalidTopicException.Code
	}
	return kerr.UnknownTopicOrPartition.Code
}

func namedByID(req *kmsg.MetadataRequest) []metadata.TopicID {
	var ids []metadata.TopicID
	seen := map[metadata.TopicID]bool{}
	for i := range req.Topics {
		id := metadata.TopicID(req.Topics[i].TopicID)
		if id != (metadata.TopicID{}) && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

func namesOnce(req *kmsg.MetadataRequest) []string {
	names := make([]string, 0, len(req.Topics))
	seen := make(map[string]bool, len(req.Topics))
	for i := range req.Topics {
		if name := req.Topics[i].Topic; name != nil && !seen[*name] {
			seen[*name] = true
			names = append(names, *name)
		}
	}
	return names
}
