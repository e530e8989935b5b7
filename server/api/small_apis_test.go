package api_test

import (
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/server/servertest"
)

func deleteRecords(c *servertest.Client, version int16, topic string, partition int32, offset int64) kmsg.DeleteRecordsResponseTopicPartition {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version, req.TimeoutMillis = version, 10_000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = topic
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return c.Request(req).(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0]
}

func TestDeleteRecords(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	createTopic(c, t, "compacted", 1, "cleanup.policy", "compact")
	createTopic(c, t, "kept", 1, "cleanup.policy", "")
	for range 5 {
		mustProduce(c, t, "t", 0, batchOf(t, record.BuilderOptions{}, "a", "b"))
	}
	for _, r := range []struct {
		name   string
		topic  string
		part   int32
		offset int64
		code   int16
		start  int64
	}{
		{"some", "t", 0, 3, 0, 3},
		{"fewer than before", "t", 0, 1, 0, 3},
		{"none", "t", 0, 0, 0, 3},
		{"more than there are", "t", 0, 11, 1, -1},
		{"a negative offset", "t", 0, -2, 1, -1},
		{"an unknown topic", "nope", 0, 1, 3, -1},
		{"an unknown partition", "t", 1, 1, 3, -1},
		{"a topic that is only compacted", "compacted", 0, 0, 44, -1},
		{"a topic without cleanup policy", "kept", 0, 0, 0, 0},
	} {
		for version := int16(0); version <= 2; version++ {
			if p := deleteRecords(c, version, r.topic, r.part, r.offset); p.ErrorCode != r.code || p.LowWatermark != r.start {
				t.Errorf("%s, version %d: code %d, low watermark %d; want %d, %d", r.name, version, p.ErrorCode, p.LowWatermark, r.code, r.start)
			}
		}
	}
	if p := fetch(c, fetchFrom(12, "t", 0, 2)); p.ErrorCode != 1 {
		t.Errorf("fetch of a deleted record: error code %d", p.ErrorCode)
	}
	if p := fetch(c, fetchFrom(12, "t", 0, 3)); p.ErrorCode != 0 || p.LogStartOffset != 3 {
		t.Errorf("fetch of the first one left: %+v", p)
	}
	// It is durable once it is answered.
	b.LosePower()
	b.Restart()
	c = b.Dial()
	if p := c.Request(listOffsets(5, "t", 0, -2)).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]; p.Offset != 3 {
		t.Errorf("earliest offset after a power loss: %d, want 3", p.Offset)
	}
	if p := deleteRecords(c, 2, "t", 0, -1); p.ErrorCode != 0 || p.LowWatermark != 10 {
		t.Errorf("all: code %d, low watermark %d", p.ErrorCode, p.LowWatermark)
	}
}

func TestOffsetForLeaderEpoch(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	mustProduce(b.Dial(), t, "t", 0, plain(t))
	b.Close()
	b.Restart()
	c := b.Dial()
	mustProduce(c, t, "t", 0, plain(t))
	for _, r := range []struct {
		name           string
		topic          string
		current, asked int32
		code           int16
		epoch          int32
		end            int64
	}{
		{"the first", "t", -1, 0, 0, 0, 1},
		{"the present", "t", -1, 1, 0, 1, 2},
		{"one to come", "t", -1, 2, 0, -1, -1},
		{"asked by one who is behind", "t", 0, 0, 74, -1, -1},
		{"asked by one who is ahead", "t", 9, 0, 75, -1, -1},
		{"an unknown topic", "nope", -1, 0, 3, -1, -1},
	} {
		for version := int16(2); version <= 4; version++ {
			req := kmsg.NewPtrOffsetForLeaderEpochRequest()
			req.Version, req.ReplicaID = version, -1
			topic := kmsg.NewOffsetForLeaderEpochRequestTopic()
			topic.Topic = r.topic
			p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			p.CurrentLeaderEpoch, p.LeaderEpoch = r.current, r.asked
			topic.Partitions = append(topic.Partitions, p)
			req.Topics = append(req.Topics, topic)
			got := c.Request(req).(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions[0]
			if got.ErrorCode != r.code || got.LeaderEpoch != r.epoch || got.EndOffset != r.end {
				t.Errorf("%s, version %d: %+v", r.name, version, got)
			}
		}
	}
}

func TestDescribeCluster(t *testing.T) {
	b := start(t)
	c := b.Dial()
	for version := int16(0); version <= 2; version++ {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version = version
		resp := c.Request(req).(*kmsg.DescribeClusterResponse)
		if resp.ErrorCode != 0 || resp.ControllerID != 1 || len(resp.ClusterID) != 22 || len(resp.Brokers) != 1 || resp.ClusterAuthorizedOperations != -1<<31 {
			t.Fatalf("version %d: %+v", version, resp)
		}
		if at := net.JoinHostPort(resp.Brokers[0].Host, itoa(resp.Brokers[0].Port)); at != b.Addr() {
			t.Errorf("version %d: the broker is at %s, not %s", version, at, b.Addr())
		}
		req.IncludeClusterAuthorizedOperations = true
		if resp := c.Request(req).(*kmsg.DescribeClusterResponse); resp.ClusterAuthorizedOperations != 8096 {
			t.Errorf("version %d: operations %d", version, resp.ClusterAuthorizedOperations)
		}
		req.EndpointType = 2
		if resp := c.Request(req).(*kmsg.DescribeClusterResponse); version >= 1 && resp.ErrorCode != 114 {
			t.Errorf("version %d, asked for controllers: error code %d", version, resp.ErrorCode)
		}
		req.EndpointType = 9
		if resp := c.Request(req).(*kmsg.DescribeClusterResponse); version >= 1 && resp.ErrorCode != 115 {
			t.Errorf("version %d, asked for what is not there: error code %d", version, resp.ErrorCode)
		}
	}
}

func TestDeleteRecordsAnswersAPartitionOnce(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 2)
	mustProduce(c, t, "t", 0, batchOf(t, record.BuilderOptions{}, "a", "b", "c"))
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version, req.TimeoutMillis = 2, 10_000
	for _, part := range []int32{0, 1, 0} {
		topic := kmsg.NewDeleteRecordsRequestTopic()
		topic.Topic = "t"
		p := kmsg.NewDeleteRecordsRequestTopicPartition()
		p.Partition, p.Offset = part, int64(len(req.Topics)) // the last mention counts
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	req.Topics[1].Partitions[0].Offset = 0
	got := c.Request(req).(*kmsg.DeleteRecordsResponse).Topics
	if len(got) != 2 || got[0].Partitions[0].LowWatermark != 2 || got[1].Partitions[0].Partition != 1 {
		t.Errorf("answered %+v", got)
	}
}

func TestDescribeLogDirs(t *testing.T) {
	b := servertest.Start(t) // on a disk, whose size is asked for
	c := b.Dial()
	createTopic(c, t, "a", 2)
	createTopic(c, t, "b", 1)
	batch := plain(t)
	mustProduce(c, t, "a", 1, batch)
	for version := int16(1); version <= 5; version++ {
		ask := func(topics ...kmsg.DescribeLogDirsRequestTopic) kmsg.DescribeLogDirsResponseDir {
			req := kmsg.NewPtrDescribeLogDirsRequest()
			req.Version, req.Topics = version, topics
			resp := c.Request(req).(*kmsg.DescribeLogDirsResponse)
			if len(resp.Dirs) != 1 {
				t.Fatalf("version %d: %+v", version, resp)
			}
			return resp.Dirs[0]
		}
		dir := ask()
		if !filepath.IsAbs(dir.Dir) || filepath.Base(dir.Dir) != "logs" {
			t.Errorf("version %d: directory %s", version, dir.Dir)
		}
		if len(dir.Topics) != 2 || len(dir.Topics[0].Partitions) != 2 || dir.Topics[0].Partitions[1].Size != int64(len(batch)) || dir.Topics[1].Topic != "b" {
			t.Errorf("version %d, all: %+v", version, dir.Topics)
		}
		asked := kmsg.NewDescribeLogDirsRequestTopic()
		asked.Topic, asked.Partitions = "a", []int32{1, 7, 1, -1}
		unknown := kmsg.NewDescribeLogDirsRequestTopic()
		unknown.Topic, unknown.Partitions = "nope", []int32{0}
		if got := ask(asked, unknown).Topics; len(got) != 1 || len(got[0].Partitions) != 1 || got[0].Partitions[0].Partition != 1 {
			t.Errorf("version %d, some: %+v", version, got)
		}
	}
}

func TestDescribeLogDirsOfNoTopics(t *testing.T) {
	c := servertest.Start(t).Dial()
	createTopic(c, t, "a", 1)
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.Version, req.Topics = 4, []kmsg.DescribeLogDirsRequestTopic{}
	if dir := c.Request(req).(*kmsg.DescribeLogDirsResponse).Dirs[0]; len(dir.Topics) != 0 {
		t.Errorf("%+v", dir.Topics)
	}
}

// page asks DescribeTopicPartitions and returns "topic:first-last" for each
// topic of the answer, and where to go on.
func page(t *testing.T, c *servertest.Client, limit int32, cursor *kmsg.DescribeTopicPartitionsResponseNextCursor, names ...string) (got []string, next *kmsg.DescribeTopicPartitionsResponseNextCursor) {
	t.Helper()
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = limit
	for _, name := range names {
		topic := kmsg.NewDescribeTopicPartitionsRequestTopic()
		topic.Topic = name
		req.Topics = append(req.Topics, topic)
	}
	if cursor != nil {
		from := kmsg.NewDescribeTopicPartitionsRequestCursor()
		from.Topic, from.Partition = cursor.Topic, cursor.Partition
		req.Cursor = &from
	}
	resp := c.Request(req).(*kmsg.DescribeTopicPartitionsResponse)
	for _, topic := range resp.Topics {
		if topic.ErrorCode != 0 {
			got = append(got, *topic.Topic+"!"+itoa(int32(topic.ErrorCode)))
			continue
		}
		last := len(topic.Partitions) - 1
		got = append(got, *topic.Topic+":"+itoa(topic.Partitions[0].Partition)+"-"+itoa(topic.Partitions[last].Partition))
	}
	return got, resp.NextCursor
}

func TestDescribeTopicPartitionsByPages(t *testing.T) {
	c := start(t, map[string]string{"max.request.partition.size.limit": "4"}).Dial()
	createTopic(c, t, "a", 3)
	createTopic(c, t, "b", 5)
	createTopic(c, t, "c", 1)
	for _, r := range []struct {
		name  string
		limit int32
		names []string
		want  [][]string
	}{
		{"all, three at a time", 3, nil, [][]string{{"a:0-2"}, {"b:0-2"}, {"b:3-4", "c:0-0"}}},
		{"the broker's limit is lower", 100, nil, [][]string{{"a:0-2", "b:0-0"}, {"b:1-4"}, {"c:0-0"}}},
		{"at least one", -5, []string{"c", "a"}, [][]string{{"a:0-0"}, {"a:1-1"}, {"a:2-2"}, {"c:0-0"}}},
		{"unknown and impossible names", 4, []string{"c", "nope", "b/d", "c"}, [][]string{{"b/d!17", "c:0-0", "nope!3"}}},
	} {
		t.Run(r.name, func(t *testing.T) {
			var cursor *kmsg.DescribeTopicPartitionsResponseNextCursor
			for n, want := range r.want {
				got, next := page(t, c, r.limit, cursor, r.names...)
				if !slices.Equal(got, want) {
					t.Errorf("page %d: %v, want %v", n, got, want)
				}
				if cursor = next; (cursor == nil) != (n == len(r.want)-1) {
					t.Fatalf("page %d: next is %v", n, cursor)
				}
			}
		})
	}
	for _, bad := range []kmsg.DescribeTopicPartitionsResponseNextCursor{{Topic: "b"}, {Topic: "a", Partition: -1}} {
		if got, _ := page(t, c, 10, &bad, "a"); !slices.Equal(got, []string{"a!42"}) {
			t.Errorf("cursor %v: %v", bad, got)
		}
	}
}
