package api

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// The codec's own encoding of the same response is what ours must equal. In
// the package, because a broker of one never has a leader to hint at.
func TestProduceResponseIsTheCodecs(t *testing.T) {
	message, rackName := "why", "r1"
	ours := produceResponse{
		topics: []producedTopic{
			{name: "t", id: [16]byte{1, 2}, partitions: []produced{
				{partition: 0, baseOffset: 1 << 40, appendTimeMs: -1, startOffset: 7},
				{partition: 5, code: 87, baseOffset: -1, appendTimeMs: 99, startOffset: -1, message: &message, refused: []refusedRecord{{3, "first"}, {9, ""}}},
				{partition: 6, code: 6, baseOffset: -1, appendTimeMs: -1, startOffset: -1, currentLeader: &wire.LeaderEpoch{LeaderID: 2, Epoch: 40}},
			}},
			{name: "", id: [16]byte{9}},
		},
		endpoints: []wire.NodeEndpoint{{NodeID: 2, Host: "h", Port: 9092, Rack: &rackName}, {NodeID: 3, Host: "i", Port: 1}},
	}
	for version := int16(3); version <= 13; version++ {
		for _, empty := range []bool{false, true} {
			ours := ours
			if empty {
				ours = produceResponse{}
			}
			ours.version = version
			want := codecs(&ours)
			if got := ours.AppendTo([]byte("before"))[6:]; !bytes.Equal(got, want.AppendTo(nil)) {
				t.Errorf("version %d:\n%x, want\n%x", version, got, want.AppendTo(nil))
			}
			if ours.Key() != want.Key() || ours.IsFlexible() != want.IsFlexible() {
				t.Errorf("version %d: key %d, flexible %v", version, ours.Key(), ours.IsFlexible())
			}
		}
	}
}

// codecs is the same response as the codec has it.
func codecs(r *produceResponse) *kmsg.ProduceResponse {
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = r.version
	for _, topic := range r.topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = topic.name, topic.id
		for _, p := range topic.partitions {
			a := kmsg.NewProduceResponseTopicPartition()
			a.Partition, a.ErrorCode, a.BaseOffset = p.partition, p.code, p.baseOffset
			a.LogAppendTime, a.LogStartOffset, a.ErrorMessage = p.appendTimeMs, p.startOffset, p.message
			for _, refused := range p.refused {
				e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
				e.RelativeOffset, e.ErrorMessage = refused.index, kmsg.StringPtr(refused.reason)
				a.ErrorRecords = append(a.ErrorRecords, e)
			}
			// The codec writes both hints in version 9 as well, where Kafka has none.
			if p.currentLeader != nil && r.version >= 10 {
				a.CurrentLeader.LeaderID, a.CurrentLeader.LeaderEpoch = p.currentLeader.LeaderID, p.currentLeader.Epoch
			}
			t.Partitions = append(t.Partitions, a)
		}
		resp.Topics = append(resp.Topics, t)
	}
	for _, e := range r.endpoints {
		if r.version < 10 {
			break
		}
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = e.NodeID, e.Host, e.Port, e.Rack
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}
