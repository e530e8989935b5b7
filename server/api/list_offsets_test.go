package api_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
)

func listOffsets(version int16, topic string, partition int32, ms int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = version, -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, ms
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func TestListOffsets(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	createTopic(c, t, "empty", 1)
	base := now() - 1000
	for _, codec := range []record.Codec{record.None, record.Zstd} {
		builder := record.NewBuilder(record.BuilderOptions{Codec: codec})
		for n := range int64(3) {
			builder.Append(base+10*n, nil, []byte("x"))
		}
		batch, err := builder.Finish()
		if err != nil {
			t.Fatal(err)
		}
		mustProduce(c, t, "t", 0, batch)
		base += 100
	}
	base -= 200
	type answer struct {
		code   int16
		ms     int64
		offset int64
		epoch  int32
	}
	none := answer{0, -1, -1, -1}
	unsupported := answer{35, -1, -1, -1}
	for _, r := range []struct {
		name  string
		from  int16 // version
		to    int16
		topic string
		ms    int64
		want  answer
	}{
		{"latest", 1, 11, "t", -1, answer{0, -1, 6, 0}},
		{"earliest", 1, 11, "t", -2, answer{0, -1, 0, 0}},
		{"the latest time", 7, 11, "t", -3, answer{0, base + 120, 5, 0}},
		{"the latest time, before there was that", 1, 6, "t", -3, unsupported},
		{"earliest local", 8, 11, "t", -4, answer{0, -1, 0, 0}},
		{"earliest local, before there was that", 1, 7, "t", -4, unsupported},
		{"latest tiered", 9, 11, "t", -5, none},
		{"latest tiered, before there was that", 1, 8, "t", -5, unsupported},
		{"earliest pending tiering", 11, 11, "t", -6, none},
		{"earliest pending tiering, before there was that", 1, 10, "t", -6, unsupported},
		{"something to come", 1, 11, "t", -7, unsupported},
		{"the beginning of time", 1, 11, "t", 0, answer{0, base, 0, 0}},
		{"inside a batch", 1, 11, "t", base + 15, answer{0, base + 20, 2, 0}},
		{"between batches", 1, 11, "t", base + 21, answer{0, base + 100, 3, 0}},
		{"inside a compressed batch", 1, 11, "t", base + 110, answer{0, base + 110, 4, 0}},
		{"past the end", 1, 11, "t", base + 121, none},
		{"latest of nothing", 1, 11, "empty", -1, answer{0, -1, 0, 0}},
		{"earliest of nothing", 1, 11, "empty", -2, answer{0, -1, 0, 0}},
		{"the latest time of nothing", 7, 11, "empty", -3, none},
		{"a time in nothing", 1, 11, "empty", 5, none},
		{"an unknown topic", 1, 11, "nope", -1, answer{3, -1, -1, -1}},
	} {
		for version := r.from; version <= r.to; version++ {
			p := c.Request(listOffsets(version, r.topic, 0, r.ms)).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
			want := r.want
			if version < 4 {
				want.epoch = -1
			}
			if got := (answer{p.ErrorCode, p.Timestamp, p.Offset, p.LeaderEpoch}); got != want {
				t.Errorf("%s, version %d: %+v, want %+v", r.name, version, got, want)
			}
		}
	}
}

func TestListOffsetsChecksTheLeaderEpoch(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	b.Close()
	b.Restart()
	c := b.Dial()
	for epoch, want := range map[int32]int16{-1: 0, 0: 74, 99: 75} {
		req := listOffsets(4, "t", 0, -1)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
		if p := c.Request(req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]; p.ErrorCode != want {
			t.Errorf("epoch %d: error code %d, want %d", epoch, p.ErrorCode, want)
		}
	}
}

func TestListOffsetsOfOnePartitionTwice(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 2)
	req := listOffsets(5, "t", 0, -1)
	req.Topics = append(req.Topics, listOffsets(5, "t", 0, -2).Topics[0], listOffsets(5, "t", 1, -2).Topics[0])
	resp := c.Request(req).(*kmsg.ListOffsetsResponse)
	if len(resp.Topics) != 2 {
		t.Fatalf("%d answers", len(resp.Topics))
	}
	for n, want := range []int16{42, 0} {
		if code := resp.Topics[n].Partitions[0].ErrorCode; code != want {
			t.Errorf("answer %d: error code %d, want %d", n, code, want)
		}
	}
}
