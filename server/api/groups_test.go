package api_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/servertest"
)

// noDelay has groups begin with their first member.
var noDelay = map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "5"}

// startGroups runs a broker with a topic t of three partitions and the topic
// that groups are kept in.
func startGroups(t *testing.T, properties map[string]string) (*servertest.Broker, *servertest.Client, [16]byte) {
	t.Helper()
	b := start(t, properties)
	c := b.Dial()
	id := createTopic(c, t, "t", 3)
	findGroup(t, c, "g")
	return b, c, id
}

func findGroup(t *testing.T, c *servertest.Client, group string) {
	t.Helper()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.Version, req.CoordinatorKeys = 4, []string{group}
	at := c.Request(req).(*kmsg.FindCoordinatorResponse).Coordinators[0]
	if at.ErrorCode != 0 || at.NodeID != 1 {
		t.Fatalf("coordinator of %s: %+v", group, at)
	}
}

func joinRequest(version int16, group, member string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID = version, group, member
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 10_000, 10_000, "consumer"
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte("said by "+group)
	req.Protocols = append(req.Protocols, p)
	return req
}

// mustJoin joins, with the id it is given where one is needed.
func mustJoin(t *testing.T, c *servertest.Client, version int16, group string) *kmsg.JoinGroupResponse {
	t.Helper()
	j := c.Request(joinRequest(version, group, "")).(*kmsg.JoinGroupResponse)
	if wants := version >= 4; wants != (j.ErrorCode == kerr.MemberIDRequired.Code) {
		t.Fatalf("version %d: error code %d for a member without id", version, j.ErrorCode)
	}
	if version >= 4 {
		j = c.Request(joinRequest(version, group, j.MemberID)).(*kmsg.JoinGroupResponse)
	}
	if j.ErrorCode != 0 {
		t.Fatalf("version %d: join: error code %d", version, j.ErrorCode)
	}
	return j
}

func syncRequest(version int16, group string, j *kmsg.JoinGroupResponse, share []byte) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = version, group, j.MemberID, j.Generation
	if version >= 5 {
		kind := "consumer"
		req.ProtocolType, req.Protocol = &kind, j.Protocol
	}
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	a.MemberID, a.MemberAssignment = j.MemberID, share
	req.GroupAssignment = append(req.GroupAssignment, a)
	return req
}

func commitRequest(version int16, group, topic string, id [16]byte, partition int32, offset int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation, req.RetentionTimeMillis = version, group, -1, -1
	tp := kmsg.NewOffsetCommitRequestTopic()
	tp.Topic, tp.TopicID = topic, id
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch = partition, offset, 3
	metadata := "metadata of " + topic
	p.Metadata = &metadata
	tp.Partitions = append(tp.Partitions, p)
	req.Topics = append(req.Topics, tp)
	return req
}

func commitCode(c *servertest.Client, req *kmsg.OffsetCommitRequest) int16 {
	return c.Request(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
}

// fetchOffsetRequest asks in any version; a nil partitions asks for all topics.
func fetchOffsetRequest(version int16, group, topic string, id [16]byte, partitions []int32) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = version
	if version < 8 {
		req.Group = group
		if partitions != nil {
			req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: partitions}}
		}
		return req
	}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	if partitions != nil {
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, TopicID: id, Partitions: partitions}}
	}
	req.Groups = append(req.Groups, g)
	return req
}

// fetchedOffsets are the answers of the first topic, and the code for all.
func fetchedOffsets(c *servertest.Client, req *kmsg.OffsetFetchRequest) (code int16, all []kmsg.OffsetFetchResponseTopicPartition) {
	resp := c.Request(req).(*kmsg.OffsetFetchResponse)
	if req.Version < 8 {
		if len(resp.Topics) > 0 {
			all = resp.Topics[0].Partitions
		}
		return resp.ErrorCode, all
	}
	g := resp.Groups[0]
	if len(g.Topics) > 0 {
		for _, p := range g.Topics[0].Partitions {
			all = append(all, kmsg.OffsetFetchResponseTopicPartition(p))
		}
	}
	return g.ErrorCode, all
}

// A group by each version of JoinGroup, with the versions of the other APIs of
// its time: what the members say to each other comes back untouched.
func TestAGroupInEveryVersion(t *testing.T) {
	b, _, _ := startGroups(t, noDelay)
	for version := int16(0); version <= 9; version++ {
		c := b.Dial()
		group := "of version " + itoa(int32(version))
		j := mustJoin(t, c, version, group)
		if j.Generation != 1 || j.LeaderID != j.MemberID || *j.Protocol != "range" || len(j.Members) != 1 ||
			string(j.Members[0].ProtocolMetadata) != "said by "+group {
			t.Fatalf("version %d: %+v", version, j)
		}
		if version >= 7 && *j.ProtocolType != "consumer" || !strings.HasPrefix(j.MemberID, "servertest-") {
			t.Errorf("version %d: %+v", version, j)
		}
		low := min(version, 5)
		share := []byte{0, 1, 2, 0xff, byte(version)}
		sync := syncRequest(low, group, j, share)
		if version >= 5 {
			mute := *sync
			mute.ProtocolType = nil
			if s := c.Request(&mute).(*kmsg.SyncGroupResponse); s.ErrorCode != kerr.InconsistentGroupProtocol.Code {
				t.Errorf("version %d: sync without a protocol type: error code %d", version, s.ErrorCode)
			}
		}
		s := c.Request(sync).(*kmsg.SyncGroupResponse)
		if s.ErrorCode != 0 || !bytes.Equal(s.MemberAssignment, share) {
			t.Fatalf("version %d: sync: %+v", version, s)
		}
		h := kmsg.NewPtrHeartbeatRequest()
		h.Version, h.Group, h.MemberID, h.Generation = min(version, 4), group, j.MemberID, j.Generation
		if code := c.Request(h).(*kmsg.HeartbeatResponse).ErrorCode; code != 0 {
			t.Errorf("version %d: heartbeat: error code %d", version, code)
		}
		describeStable(t, c, min(version, 6), group, j.MemberID, share)
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group, leave.MemberID = low, group, j.MemberID
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = j.MemberID
		leave.Members = append(leave.Members, m)
		for _, want := range []int16{0, kerr.UnknownMemberID.Code} {
			l := c.Request(leave).(*kmsg.LeaveGroupResponse)
			code := l.ErrorCode
			if low >= 3 {
				code = max(code, l.Members[0].ErrorCode)
			}
			if code != want {
				t.Errorf("version %d: leave: error code %d, want %d", version, code, want)
			}
		}
	}
}

func describeStable(t *testing.T, c *servertest.Client, version int16, group, member string, share []byte) {
	t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups, req.IncludeAuthorizedOperations = version, []string{group, "never"}, true
	groups := c.Request(req).(*kmsg.DescribeGroupsResponse).Groups
	d := groups[0]
	if d.ErrorCode != 0 || d.State != "Stable" || d.ProtocolType != "consumer" || d.Protocol != "range" || len(d.Members) != 1 {
		t.Fatalf("version %d: %+v", version, d)
	}
	if m := d.Members[0]; m.MemberID != member || m.ClientID != "servertest" || m.ClientHost != "/127.0.0.1" ||
		!bytes.Equal(m.MemberAssignment, share) || string(m.ProtocolMetadata) != "said by "+group {
		t.Errorf("version %d: %+v", version, m)
	}
	if version >= 3 && d.AuthorizedOperations != 1<<3|1<<6|1<<8|1<<10|1<<11 {
		t.Errorf("version %d: operations %b", version, d.AuthorizedOperations)
	}
	// That a group is not there is an error from version 6 on.
	wantCode := int16(0)
	if version >= 6 {
		wantCode = kerr.GroupIDNotFound.Code
	}
	if n := groups[1]; n.State != "Dead" || n.ErrorCode != wantCode {
		t.Errorf("version %d: a group that is not there: %+v", version, n)
	}
}

func TestCommittedOffsetsInEveryVersion(t *testing.T) {
	_, c, id := startGroups(t, noDelay)
	for version := int16(2); version <= 10; version++ {
		group := "of version " + itoa(int32(version))
		if code := commitCode(c, commitRequest(version, group, "t", id, 1, int64(version))); code != 0 {
			t.Fatalf("version %d: commit: error code %d", version, code)
		}
		for fetch := int16(1); fetch <= 10; fetch++ {
			code, got := fetchedOffsets(c, fetchOffsetRequest(fetch, group, "t", id, []int32{0, 1}))
			if code != 0 || len(got) != 2 || got[0].Offset != -1 || got[0].ErrorCode != 0 || *got[0].Metadata != "" {
				t.Fatalf("commit %d, fetch %d: code %d, %+v", version, fetch, code, got)
			}
			if got[1].Partition != 1 || got[1].Offset != int64(version) || *got[1].Metadata != "metadata of t" {
				t.Errorf("commit %d, fetch %d: %+v", version, fetch, got[1])
			}
			wantEpoch := int32(-1)
			if version >= 6 && fetch >= 5 {
				wantEpoch = 3
			}
			if fetch >= 5 && got[1].LeaderEpoch != wantEpoch {
				t.Errorf("commit %d, fetch %d: epoch %d, want %d", version, fetch, got[1].LeaderEpoch, wantEpoch)
			}
			if fetch < 2 {
				continue
			}
			if code, all := fetchedOffsets(c, fetchOffsetRequest(fetch, group, "", id, nil)); code != 0 || len(all) != 1 || all[0].Partition != 1 {
				t.Errorf("commit %d, fetch %d of all: code %d, %+v", version, fetch, code, all)
			}
		}
	}
}

// A consumer asks for its offsets before there is a group: no error.
func TestOffsetsOfAGroupThatIsNotThere(t *testing.T) {
	_, c, id := startGroups(t, noDelay)
	for version := int16(1); version <= 10; version++ {
		code, got := fetchedOffsets(c, fetchOffsetRequest(version, "never", "t", id, []int32{2}))
		if code != 0 || len(got) != 1 || got[0].Offset != -1 || got[0].ErrorCode != 0 {
			t.Errorf("version %d: code %d, %+v", version, code, got)
		}
	}
	// Nor does the question make one.
	list := kmsg.NewPtrListGroupsRequest()
	if groups := c.Request(list).(*kmsg.ListGroupsResponse).Groups; len(groups) != 0 {
		t.Errorf("groups: %+v", groups)
	}
}

func TestCommitsThatAreRefused(t *testing.T) {
	_, c, id := startGroups(t, map[string]string{"offset.metadata.max.bytes": "20", "offsets.topic.num.partitions": "1"})
	unknown := [16]byte{1}
	for _, r := range []struct {
		name string
		req  *kmsg.OffsetCommitRequest
		want *kerr.Error
	}{
		{"unknown topic", commitRequest(9, "g", "never", id, 0, 1), kerr.UnknownTopicOrPartition},
		{"unknown partition", commitRequest(9, "g", "t", id, 3, 1), kerr.UnknownTopicOrPartition},
		{"negative partition", commitRequest(9, "g", "t", id, -1, 1), kerr.UnknownTopicOrPartition},
		{"unknown topic id", commitRequest(10, "g", "", unknown, 0, 1), kerr.UnknownTopicID},
		{"generation of a group that is not there", func() *kmsg.OffsetCommitRequest {
			r := commitRequest(9, "g", "t", id, 0, 1)
			r.Generation, r.MemberID = 3, "m"
			return r
		}(), kerr.IllegalGeneration},
		{"too much metadata", func() *kmsg.OffsetCommitRequest {
			r := commitRequest(9, "g", "t", id, 0, 1)
			long := strings.Repeat("x", 21)
			r.Topics[0].Partitions[0].Metadata = &long
			return r
		}(), kerr.OffsetMetadataTooLarge},
	} {
		if code := commitCode(c, r.req); code != r.want.Code {
			t.Errorf("%s: error code %d, want %v", r.name, code, r.want)
		}
	}
	// One that is refused does not keep the others.
	req := commitRequest(9, "g", "t", id, 0, 7)
	bad := req.Topics[0].Partitions[0]
	bad.Partition = 9
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, bad)
	got := c.Request(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions
	if got[0].ErrorCode != 0 || got[1].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("%+v", got)
	}
	if _, got := fetchedOffsets(c, fetchOffsetRequest(7, "g", "t", id, []int32{0})); got[0].Offset != 7 {
		t.Errorf("offset %d", got[0].Offset)
	}
}

// Without a topic to keep groups in there is no coordinator; who asks for it
// first has the topic made, as Kafka's users know it.
func TestTheTopicOfGroups(t *testing.T) {
	b := start(t, map[string]string{"offsets.topic.num.partitions": "7", "offsets.topic.segment.bytes": "2097152"})
	c := b.Dial()
	id := createTopic(c, t, "t", 1)
	if j := c.Request(joinRequest(9, "g", "")).(*kmsg.JoinGroupResponse); j.ErrorCode != kerr.NotCoordinator.Code {
		t.Errorf("join without a topic: error code %d", j.ErrorCode)
	}
	if code := commitCode(c, commitRequest(9, "g", "t", id, 0, 1)); code != kerr.NotCoordinator.Code {
		t.Errorf("commit without a topic: error code %d", code)
	}
	findGroup(t, c, "g")
	topic := c.Request(metadataOf(12, false, "__consumer_offsets")).(*kmsg.MetadataResponse).Topics[0]
	if topic.ErrorCode != 0 || !topic.IsInternal || len(topic.Partitions) != 7 {
		t.Errorf("%+v", topic)
	}
	describe := kmsg.NewPtrDescribeConfigsRequest()
	describe.Version = 4
	describe.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "__consumer_offsets"}}
	got := map[string]string{}
	for _, x := range c.Request(describe).(*kmsg.DescribeConfigsResponse).Resources[0].Configs {
		if x.Value != nil {
			got[x.Name] = *x.Value
		}
	}
	if got["cleanup.policy"] != "compact" || got["segment.bytes"] != "2097152" {
		t.Errorf("configs: %v", got)
	}
	// A client may not write there, by whatever version.
	if p := produce(c, produceTo(9, -1, "__consumer_offsets", 0, plain(t))); p.ErrorCode != kerr.InvalidTopicException.Code {
		t.Errorf("produce to an internal topic: error code %d", p.ErrorCode)
	}
}

// Offsets and members outlive kill -9, and what was acknowledged the power.
func TestGroupsOutliveTheBroker(t *testing.T) {
	for name, end := range map[string]func(*servertest.Broker){
		"close": (*servertest.Broker).Close, "kill": (*servertest.Broker).Kill, "power loss": (*servertest.Broker).LosePower,
	} {
		t.Run(name, func(t *testing.T) {
			b, c, id := startGroups(t, noDelay)
			j := mustJoin(t, c, 9, "g")
			share := []byte("share")
			if s := c.Request(syncRequest(5, "g", j, share)).(*kmsg.SyncGroupResponse); s.ErrorCode != 0 {
				t.Fatalf("sync: error code %d", s.ErrorCode)
			}
			for offset := int64(1); offset <= 50; offset++ {
				req := commitRequest(9, "g", "t", id, 0, offset)
				req.MemberID, req.Generation = j.MemberID, j.Generation
				if code := commitCode(c, req); code != 0 {
					t.Fatalf("commit: error code %d", code)
				}
			}
			end(b)
			b.Restart()
			c = b.Dial()
			awaitLoaded(c, "g")
			if _, got := fetchedOffsets(c, fetchOffsetRequest(9, "g", "t", id, []int32{0})); got[0].Offset != 50 {
				t.Errorf("offset %d", got[0].Offset)
			}
			describeStable(t, c, 6, "g", j.MemberID, share)
		})
	}
}

// awaitLoaded asks until the group is loaded, as clients do.
func awaitLoaded(c *servertest.Client, group string) {
	for {
		code, _ := fetchedOffsets(c, fetchOffsetRequest(7, group, "t", [16]byte{}, []int32{0}))
		if code != kerr.CoordinatorLoadInProgress.Code {
			return
		}
	}
}

func TestListOfGroups(t *testing.T) {
	_, c, id := startGroups(t, noDelay)
	mustJoin(t, c, 9, "joined")
	if code := commitCode(c, commitRequest(9, "simple", "t", id, 0, 1)); code != 0 {
		t.Fatalf("commit: error code %d", code)
	}
	list := func(version int16, states, types []string) (ids []string) {
		req := kmsg.NewPtrListGroupsRequest()
		req.Version, req.StatesFilter, req.TypesFilter = version, states, types
		resp := c.Request(req).(*kmsg.ListGroupsResponse)
		if resp.ErrorCode != 0 {
			t.Fatalf("version %d: error code %d", version, resp.ErrorCode)
		}
		for _, g := range resp.Groups {
			id := g.Group + " " + g.ProtocolType
			if version >= 4 {
				id += " " + g.GroupState
			}
			if version >= 5 {
				id += " " + g.GroupType
			}
			ids = append(ids, id)
		}
		return ids
	}
	for _, r := range []struct {
		version       int16
		states, types []string
		want          []string
	}{
		{0, nil, nil, []string{"joined consumer", "simple "}},
		{3, nil, nil, []string{"joined consumer", "simple "}},
		{4, nil, nil, []string{"joined consumer CompletingRebalance", "simple  Empty"}},
		{4, []string{"empty"}, nil, []string{"simple  Empty"}},
		{5, []string{"Stable", "CompletingRebalance"}, nil, []string{"joined consumer CompletingRebalance classic"}},
		{5, nil, []string{"Classic"}, []string{"joined consumer CompletingRebalance classic", "simple  Empty classic"}},
		{5, nil, []string{"consumer"}, nil},
		{5, []string{"no state"}, nil, nil},
	} {
		if got := list(r.version, r.states, r.types); !slices.Equal(got, r.want) {
			t.Errorf("version %d, states %v, types %v: %q", r.version, r.states, r.types, got)
		}
	}
}

func TestDeletionOfGroupsAndOffsets(t *testing.T) {
	_, c, id := startGroups(t, noDelay)
	mustJoin(t, c, 9, "joined")
	commitCode(c, commitRequest(9, "simple", "t", id, 0, 1))
	commitCode(c, commitRequest(9, "simple", "t", id, 1, 1))

	drop := kmsg.NewPtrOffsetDeleteRequest()
	drop.Group = "simple"
	topic := kmsg.NewOffsetDeleteRequestTopic()
	topic.Topic = "t"
	for _, n := range []int32{1, 2, 9} {
		p := kmsg.NewOffsetDeleteRequestTopicPartition()
		p.Partition = n
		topic.Partitions = append(topic.Partitions, p)
	}
	drop.Topics = append(drop.Topics, topic)
	d := c.Request(drop).(*kmsg.OffsetDeleteResponse)
	if p := d.Topics[0].Partitions; d.ErrorCode != 0 || p[0].ErrorCode != 0 || p[1].ErrorCode != 0 || p[2].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("%+v", d)
	}
	drop.Group = "never"
	if d := c.Request(drop).(*kmsg.OffsetDeleteResponse); d.ErrorCode != kerr.GroupIDNotFound.Code {
		t.Errorf("%+v", d)
	}
	if _, all := fetchedOffsets(c, fetchOffsetRequest(7, "simple", "", id, nil)); len(all) != 1 || all[0].Partition != 0 {
		t.Errorf("left: %+v", all)
	}
	for version := int16(0); version <= 2; version++ {
		req := kmsg.NewPtrDeleteGroupsRequest()
		req.Version, req.Groups = version, []string{"joined", "simple", "never", "simple"}
		var codes []int16
		for _, g := range c.Request(req).(*kmsg.DeleteGroupsResponse).Groups {
			codes = append(codes, g.ErrorCode)
		}
		simple := kerr.GroupIDNotFound.Code
		if version == 0 {
			simple = 0
		}
		if want := []int16{kerr.NonEmptyGroup.Code, simple, kerr.GroupIDNotFound.Code}; !slices.Equal(codes, want) {
			t.Errorf("version %d: %v, want %v", version, codes, want)
		}
	}
	// The offsets of a deleted topic go with it.
	commitCode(c, commitRequest(9, "simple", "t", id, 0, 5))
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version, remove.TopicNames, remove.TimeoutMillis = 4, []string{"t"}, 10_000
	c.Request(remove)
	createTopic(c, t, "t", 1)
	if _, got := fetchedOffsets(c, fetchOffsetRequest(7, "simple", "t", id, []int32{0})); got[0].Offset != -1 {
		t.Errorf("offset of a deleted topic: %d", got[0].Offset)
	}
}

// A broker that closes does not keep those waiting who join: they are told to
// look for another coordinator.
func TestMembersThatWaitWhenTheBrokerCloses(t *testing.T) {
	b, c, _ := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "60000", "offsets.topic.num.partitions": "1"})
	req := joinRequest(3, "g", "")
	id := c.Send(req)
	// Served behind the join, on another connection, when the member is there.
	other := b.Dial()
	for describe := kmsg.NewPtrDescribeGroupsRequest(); ; {
		describe.Groups = []string{"g"}
		if other.Request(describe).(*kmsg.DescribeGroupsResponse).Groups[0].State == "PreparingRebalance" {
			break
		}
	}
	b.Close()
	if j := c.Receive(req, id).(*kmsg.JoinGroupResponse); j.ErrorCode != kerr.NotCoordinator.Code {
		t.Errorf("error code %d", j.ErrorCode)
	}
}

// What is asked for again and again is answered once: a few bytes must not
// fetch kilobytes each.
func TestOffsetsAskedForTwice(t *testing.T) {
	_, c, id := startGroups(t, noDelay)
	commitCode(c, commitRequest(9, "g", "t", id, 1, 5))
	for version := int16(1); version <= 10; version++ {
		req := fetchOffsetRequest(version, "g", "t", id, []int32{2, 1, 1, 2, 1})
		if version < 8 {
			req.Topics = append(req.Topics, req.Topics[0])
		} else {
			req.Groups[0].Topics = append(req.Groups[0].Topics, req.Groups[0].Topics[0])
			req.Groups = append(req.Groups, req.Groups[0])
		}
		resp := c.Request(req).(*kmsg.OffsetFetchResponse)
		if len(resp.Groups) > 1 || len(resp.Topics) > 1 || version >= 8 && len(resp.Groups[0].Topics) != 1 {
			t.Errorf("version %d: %+v", version, resp)
		}
		if _, got := fetchedOffsets(c, req); len(got) != 2 || got[0].Offset != 5 || got[1].Offset != -1 {
			t.Errorf("version %d: %+v", version, got)
		}
	}
	many := fetchOffsetRequest(7, "g", "t", id, make([]int32, 1<<20+1))
	c.Send(many)
	c.Closed()
}

func TestGroupsDescribedTwice(t *testing.T) {
	_, c, _ := startGroups(t, noDelay)
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups = 6, []string{"g", "h", "g", "g"}
	if groups := c.Request(req).(*kmsg.DescribeGroupsResponse).Groups; len(groups) != 2 {
		t.Errorf("%+v", groups)
	}
}
