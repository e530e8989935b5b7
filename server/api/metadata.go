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
		resp.Topics = make([]kmsg.MetadataResponseTopic, len(req.Topics))
		for i := range req.Topics {
			missTopic(&resp.Topics[i], req.Topics[i].Topic, req.Topics[i].TopicID, code)
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
	if everyTopic(req) {
		return allTopics(img)
	}
	if ids := namedByID(req); len(ids) > 0 {
		return topicsByID(img, ids)
	}
	return topicsByName(img, namesOnce(req), refused)
}

func allTopics(img *metadata.Image) []kmsg.MetadataResponseTopic {
	all := img.Topics()
	topics := make([]kmsg.MetadataResponseTopic, len(all))
	for i, t := range all {
		describeTopic(&topics[i], t)
	}
	return topics
}

func topicsByID(img *metadata.Image, ids []metadata.TopicID) []kmsg.MetadataResponseTopic {
	topics := make([]kmsg.MetadataResponseTopic, len(ids))
	for i, id := range ids {
		if t, ok := img.TopicByID(id); ok {
			describeTopic(&topics[i], t)
		} else {
			missTopic(&topics[i], nil, id, kerr.UnknownTopicID.Code)
		}
	}
	return topics
}

func topicsByName(img *metadata.Image, names []string, refused map[string]int16) []kmsg.MetadataResponseTopic {
	topics := make([]kmsg.MetadataResponseTopic, len(names))
	for i, name := range names {
		t, ok := img.Topic(name)
		// A topic may be there and refused: created just now, without its logs.
		code, wasRefused := refused[name]
		if ok && !wasRefused {
			describeTopic(&topics[i], t)
			continue
		}
		if !wasRefused {
			code = unknownTopicCode(name)
		}
		missTopic(&topics[i], &name, [16]byte{}, code)
	}
	return topics
}

// describeTopic fills in a zero topic where it lies, as all here do: to pass topics
// on as values takes so much stack that a connection that asked for metadata once
// would keep twice as much as without.
func describeTopic(topic *kmsg.MetadataResponseTopic, t *metadata.Topic) {
	topic.Default()
	topic.Topic, topic.TopicID, topic.IsInternal = &t.Name, t.ID, t.Internal
	topic.AuthorizedOperations = operationsOmitted
	topic.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for n := range t.Partitions {
		state, p := &t.Partitions[n], &topic.Partitions[n]
		p.Default()
		p.Partition, p.Replicas, p.ISR = int32(n), state.Replicas, state.ISR
		p.ErrorCode, p.Leader, p.LeaderEpoch = leadership(state)
	}
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

// missTopic answers for a topic that is not there. Only from version 12 on may a
// response leave the name out.
func missTopic(topic *kmsg.MetadataResponseTopic, name *string, id [16]byte, code int16) {
	topic.Default()
	topic.Topic, topic.TopicID, topic.ErrorCode = name, id, code
	topic.AuthorizedOperations = operationsOmitted
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
