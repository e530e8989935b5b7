package api_test

import (
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/servertest"
)

func metadataOf(version int16, create bool, names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.AllowAutoTopicCreation = version, create
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func metadata(c *servertest.Client, req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	return c.Request(req).(*kmsg.MetadataResponse)
}

func TestMetadataNamesTheBroker(t *testing.T) {
	b := start(t)
	c := b.Dial()
	for version := int16(0); version <= 13; version++ {
		resp := metadata(c, metadataOf(version, false, "t"))
		if len(resp.Brokers) != 1 {
			t.Fatalf("version %d: %d brokers", version, len(resp.Brokers))
		}
		node := resp.Brokers[0]
		if at := net.JoinHostPort(node.Host, itoa(node.Port)); at != b.Addr() || node.NodeID != 1 || node.Rack != nil {
			t.Errorf("version %d: broker %+v, want 1 at %s", version, node, b.Addr())
		}
		// Java's admin client waits for a controller as long as there is none.
		if version >= 1 && resp.ControllerID != 1 {
			t.Errorf("version %d: controller %d", version, resp.ControllerID)
		}
		if version >= 2 && (resp.ClusterID == nil || len(*resp.ClusterID) != 22) {
			t.Errorf("version %d: cluster %v", version, resp.ClusterID)
		}
	}
}

func TestAutoCreatedTopicWorksAtOnce(t *testing.T) {
	c := start(t).Dial()
	for version := int16(0); version <= 13; version++ {
		name := "made-by-" + itoa(int32(version))
		topic := metadata(c, metadataOf(version, true, name)).Topics[0]
		if topic.ErrorCode != 0 || len(topic.Partitions) != 1 || topic.Partitions[0].Leader != 1 || topic.Partitions[0].ErrorCode != 0 {
			t.Fatalf("version %d: %+v", version, topic)
		}
		if p := topic.Partitions[0]; !slices.Equal(p.ISR, []int32{1}) || !slices.Equal(p.Replicas, []int32{1}) {
			t.Errorf("version %d: replicas %v, in sync %v", version, p.Replicas, p.ISR)
		}
		if version >= 10 && topic.TopicID == [16]byte{} {
			t.Errorf("version %d: no topic id", version)
		}
		if offset := mustProduce(c, t, name, 0, plain(t)); offset != 0 {
			t.Errorf("version %d: the first record is at %d", version, offset)
		}
	}
}

func TestAutoCreateIsUpToBothSides(t *testing.T) {
	for _, r := range []struct {
		name    string
		config  string
		version int16
		ask     bool
		code    int16
	}{
		{"both say yes", "true", 12, true, 0},
		{"the client says no", "true", 12, false, 3},
		{"the broker says no", "false", 12, true, 3},
		{"a client that cannot say", "true", 3, false, 0},
		{"a client that cannot say, and the broker no", "false", 3, false, 3},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := start(t, map[string]string{"auto.create.topics.enable": r.config}).Dial()
			if topic := metadata(c, metadataOf(r.version, r.ask, "t")).Topics[0]; topic.ErrorCode != r.code {
				t.Errorf("error code %d, want %d", topic.ErrorCode, r.code)
			}
		})
	}
}

func TestAutoCreateChecksTheName(t *testing.T) {
	c := start(t).Dial()
	long := string(make([]byte, 250))
	names := []string{"", ".", "..", "a/b", "../up", "a b", "ä", "a\x00", long}
	for _, create := range []bool{true, false} {
		for n, topic := range metadata(c, metadataOf(12, create, names...)).Topics {
			if topic.ErrorCode != 17 {
				t.Errorf("%q, create %v: error code %d, want INVALID_TOPIC_EXCEPTION", names[n], create, topic.ErrorCode)
			}
		}
	}
}

func TestManyClientsCreateTheSameTopic(t *testing.T) {
	b := start(t)
	var clients sync.WaitGroup
	ids := make([][16]byte, 8)
	conns := make([]*servertest.Client, len(ids))
	for n := range conns {
		conns[n] = b.Dial()
	}
	for n, c := range conns {
		clients.Go(func() {
			topic := metadata(c, metadataOf(12, true, "t")).Topics[0]
			if topic.ErrorCode != 0 {
				t.Errorf("error code %d", topic.ErrorCode)
			}
			ids[n] = topic.TopicID
		})
	}
	clients.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("two topics: %v and %v", id, ids[0])
		}
	}
}

// Version 0 asks for all topics by an empty list, later ones by null.
func TestMetadataOfAllTopics(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "a", 1)
	createTopic(c, t, "b", 2)
	for version := int16(0); version <= 13; version++ {
		empty := metadataOf(version, true)
		null := metadataOf(version, true)
		null.Topics = nil
		wantEmpty := 0
		if version == 0 {
			wantEmpty = 2
		}
		if n := len(metadata(c, empty).Topics); n != wantEmpty {
			t.Errorf("version %d, empty list: %d topics, want %d", version, n, wantEmpty)
		}
		if n := len(metadata(c, null).Topics); n != 2 {
			t.Errorf("version %d, null: %d topics", version, n)
		}
	}
}

func TestMetadataByTopicID(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 3)
	req := metadataOf(12, true)
	for _, want := range [][16]byte{id, {9}, id} {
		topic := kmsg.NewMetadataRequestTopic()
		topic.TopicID = want
		req.Topics = append(req.Topics, topic)
	}
	topics := metadata(c, req).Topics
	if len(topics) != 2 {
		t.Fatalf("%d topics, want each once", len(topics))
	}
	if topics[0].ErrorCode != 0 || *topics[0].Topic != "t" || len(topics[0].Partitions) != 3 {
		t.Errorf("the known one: %+v", topics[0])
	}
	if topics[1].ErrorCode != 100 || topics[1].Topic != nil {
		t.Errorf("the unknown one: %+v", topics[1])
	}
	// Before version 12 that has no meaning, nor has a topic without a name.
	for version := int16(10); version <= 13; version++ {
		nameless := metadataOf(version, true)
		nameless.Topics = append(nameless.Topics, kmsg.NewMetadataRequestTopic())
		if resp := metadata(c, nameless); resp.Topics[0].ErrorCode != 42 || resp.ControllerID < 0 {
			t.Errorf("version %d, neither name nor id: %+v", version, resp)
		}
		byID := metadataOf(version, true)
		byID.Topics = append(byID.Topics, req.Topics[0])
		if resp := metadata(c, byID); (resp.Topics[0].ErrorCode == 42) != (version < 12) {
			t.Errorf("version %d, by id: error code %d", version, resp.Topics[0].ErrorCode)
		}
	}
}

func TestMetadataAuthorizedOperations(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	for version := int16(8); version <= 13; version++ {
		req := metadataOf(version, false, "t")
		if resp := metadata(c, req); resp.Topics[0].AuthorizedOperations != -1<<31 {
			t.Errorf("version %d, not asked: %d", version, resp.Topics[0].AuthorizedOperations)
		}
		req.IncludeTopicAuthorizedOperations, req.IncludeClusterAuthorizedOperations = true, true
		resp := metadata(c, req)
		if resp.Topics[0].AuthorizedOperations != 3576 {
			t.Errorf("version %d, topic: %d", version, resp.Topics[0].AuthorizedOperations)
		}
		if version <= 10 && resp.AuthorizedOperations != 8096 {
			t.Errorf("version %d, cluster: %d", version, resp.AuthorizedOperations)
		}
	}
}

func TestLeaderEpochRisesWithEachStart(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	epoch := func() int32 { return metadata(b.Dial(), metadataOf(9, false, "t")).Topics[0].Partitions[0].LeaderEpoch }
	before := epoch()
	b.Close()
	b.Restart()
	if after := epoch(); after <= before {
		t.Errorf("epoch %d after a restart, was %d", after, before)
	}
}
