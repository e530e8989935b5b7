package api

import (
	"context"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/group"
	"moldau/server/replica"
	"moldau/server/wire"
)

// offsetCommit commits offsets of a group. Each partition is judged by itself;
// those that can be committed are, together, and the answer leaves when they
// are as durable as the offsets topic is.
func (b *Broker) offsetCommit(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrOffsetCommitRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	commit := &group.CommitRequest{Group: req.Group, MemberID: req.MemberID, Instance: text(req.InstanceID), Generation: req.Generation}
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.Version = r.Version
	resp.Topics = make([]kmsg.OffsetCommitResponseTopic, len(req.Topics))
	held := r.DecodedBytes()
	for i := range req.Topics {
		asked := &req.Topics[i]
		t := &resp.Topics[i]
		*t = kmsg.NewOffsetCommitResponseTopic()
		t.Topic, t.TopicID = asked.Topic, asked.TopicID
		t.Partitions = make([]kmsg.OffsetCommitResponseTopicPartition, len(asked.Partitions))
		held += int64(len(t.Partitions)) * int64(unsafe.Sizeof(t.Partitions[0])+unsafe.Sizeof(group.CommitOffset{}))
		topic, unknown := b.namedTopic(r.Version >= 10, asked.Topic, asked.TopicID)
		for j := range asked.Partitions {
			p := &asked.Partitions[j]
			t.Partitions[j].Partition = p.Partition
			t.Partitions[j].ErrorCode = b.admitOffset(topic, unknown, p)
			if t.Partitions[j].ErrorCode == 0 {
				commit.Offsets = append(commit.Offsets, offsetToCommit(req, topic, p))
			}
		}
	}
	if len(commit.Offsets) == 0 {
		return wire.Reply{Response: resp}, nil
	}
	a := newAnswer[error]()
	b.Groups.Commit(commit, a.say)
	return a.reply(r.Conn, held, b.OffsetsCommitTimeout, group.ErrCoordinatorUnavailable, func(err error) wire.Response {
		refuseCommits(resp, errorCode(err))
		return resp
	}), nil
}

// namedTopic finds a topic by id or by name, or says with what code to answer
// where there is none.
func (b *Broker) namedTopic(byID bool, name string, id [16]byte) (*replica.Topic, int16) {
	if byID {
		topic, ok := b.Replicas.TopicByID(id)
		if !ok {
			return nil, kerr.UnknownTopicID.Code
		}
		return topic, kerr.UnknownTopicOrPartition.Code
	}
	topic, _ := b.Replicas.Topic(name)
	return topic, kerr.UnknownTopicOrPartition.Code
}

func (b *Broker) admitOffset(topic *replica.Topic, unknown int16, p *kmsg.OffsetCommitRequestTopicPartition) int16 {
	if topic == nil {
		return unknown
	}
	if _, ok := topic.Partition(p.Partition); !ok {
		return kerr.UnknownTopicOrPartition.Code
	}
	if len(text(p.Metadata)) > b.Groups.MetadataBytesMax() {
		return kerr.OffsetMetadataTooLarge.Code
	}
	return 0
}

func offsetToCommit(req *kmsg.OffsetCommitRequest, topic *replica.Topic, p *kmsg.OffsetCommitRequestTopicPartition) group.CommitOffset {
	o := group.CommitOffset{
		Topic: topic.Name, Partition: p.Partition, Offset: p.Offset, LeaderEpoch: -1, Metadata: text(p.Metadata), RetentionMs: -1,
	}
	if req.Version >= 6 {
		o.LeaderEpoch = p.LeaderEpoch
	}
	if req.Version <= 4 {
		o.RetentionMs = req.RetentionTimeMillis
	}
	return o
}

// refuseCommits answers with a code where nothing was wrong before.
func refuseCommits(resp *kmsg.OffsetCommitResponse, code int16) {
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == 0 {
				p.ErrorCode = code
			}
		}
	}
}
