package member

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/compat/groups"
)

// Error codes that a member acts on.
const (
	coordinatorLoading    = 14
	coordinatorNotThere   = 15
	notCoordinator        = 16
	illegalGeneration     = 22
	unknownMember         = 25
	rebalanceInProgress   = 27
	memberIDRequired      = 79
	fencedInstance        = 82
	unknownTopicPartition = 3
	leaderNotAvailable    = 5
	notLeader             = 6
)

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, context.Canceled)
}

// dial connects and asks for the coordinator, which is what makes Kafka create
// the offsets topic.
func (m *Light) dial() (*Conn, error) {
	conn, err := Dial(m.killed, m.o.Addr, m.o.Name)
	if err != nil {
		return nil, err
	}
	if err := Coordinated(m.leaving, conn, m.o.Group); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Coordinated waits until a group has a coordinator.
func Coordinated(ctx context.Context, conn *Conn, group string) error {
	for {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorKeys = []string{group}
		resp, err := conn.Do(req, answerWait)
		if err != nil {
			return err
		}
		found := resp.(*kmsg.FindCoordinatorResponse).Coordinators
		if len(found) != 1 {
			return fmt.Errorf("%d coordinators of one group", len(found))
		}
		if code := found[0].ErrorCode; code != coordinatorNotThere {
			return kerr.ErrorForCode(code)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// round joins until the member is in a generation and has its assignment. It
// returns early, and not joined, when the member is asked to end.
func (m *Light) round() error {
	defer context.AfterFunc(m.leaving, m.conn.Close)()
	if !m.o.Balancer.IsCooperative() {
		m.disown(m.tenant.Owned())
	}
	for m.leaving.Err() == nil {
		asked := m.o.History.Now()
		joined, err := m.join()
		if err != nil || joined == nil {
			if err != nil {
				return err
			}
			continue
		}
		m.tenant.Waited(asked, m.o.History.Now())
		again, err := m.sync(joined, asked)
		if err != nil || !again {
			return err
		}
	}
	return nil
}

// join asks once; without an answer that lets the member go on it is nil.
func (m *Light) join() (*kmsg.JoinGroupResponse, error) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID = m.o.Group, m.id, m.instance()
	req.SessionTimeoutMillis = int32(m.o.Session.Milliseconds())
	req.RebalanceTimeoutMillis = int32(m.o.Rebalance.Milliseconds())
	req.ProtocolType = "consumer"
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{
		Name:     m.o.Balancer.ProtocolName(),
		Metadata: m.o.Balancer.JoinGroupMetadata(m.topics(), m.assignment(), m.generation),
	}}
	answer, err := m.conn.Do(req, m.o.Rebalance+m.o.Session+answerWait)
	if err != nil {
		return nil, err
	}
	resp := answer.(*kmsg.JoinGroupResponse)
	if resp.ErrorCode == 0 {
		m.id, m.generation = resp.MemberID, resp.Generation
		return resp, nil
	}
	if resp.ErrorCode == memberIDRequired {
		m.id = resp.MemberID
		return nil, nil
	}
	_, err = m.told(resp.ErrorCode)
	return nil, err
}

// sync hands the leader's assignment in, or waits for it, and takes the
// member's part over. again asks for another round.
func (m *Light) sync(joined *kmsg.JoinGroupResponse, asked time.Time) (again bool, err error) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.o.Group, m.generation, m.id, m.instance()
	req.ProtocolType, req.Protocol = joined.ProtocolType, joined.Protocol
	if joined.LeaderID == m.id && !joined.SkipAssignment {
		if req.GroupAssignment, err = m.balance(joined.Members); err != nil {
			return false, err
		}
	}
	sent := m.o.History.Now()
	answer, err := m.conn.Do(req, m.o.Rebalance+m.o.Session+answerWait)
	if err != nil {
		return false, err
	}
	resp := answer.(*kmsg.SyncGroupResponse)
	if resp.ErrorCode != 0 {
		_, err := m.told(resp.ErrorCode)
		return true, err
	}
	assigned, err := m.o.Balancer.ParseSyncAssignment(resp.MemberAssignment)
	if err != nil {
		return false, fmt.Errorf("assignment: %w", err)
	}
	m.joined, m.known = true, true
	m.over, m.latest = m.latest, m.generation
	m.tenant.Alive(sent)
	m.heard = m.o.History.Now()
	if revoked := m.take(assigned, asked); revoked > 0 {
		// What a cooperative member gives up is given to others in the next round.
		m.joined = false
		return true, nil
	}
	if m.o.Told != nil {
		m.o.Told(m.o.Name, m.id, m.generation)
	}
	return false, nil
}

// balance is the leader's work.
func (m *Light) balance(members []kmsg.JoinGroupResponseMember) ([]kmsg.SyncGroupRequestGroupAssignment, error) {
	// As the balancers want them: by instance, then by member.
	slices.SortFunc(members, func(a, b kmsg.JoinGroupResponseMember) int {
		return cmp.Or(cmp.Compare(text(a.InstanceID), text(b.InstanceID)), cmp.Compare(a.MemberID, b.MemberID))
	})
	balancer, topics, err := m.o.Balancer.MemberBalancer(members)
	if err != nil {
		return nil, fmt.Errorf("metadata of %d members: %w", len(members), err)
	}
	counts := map[string]int32{}
	for topic := range topics {
		counts[topic] = m.o.Topics[topic]
	}
	if failing, ok := balancer.(kgo.GroupMemberBalancerOrError); ok {
		plan, err := failing.BalanceOrError(counts)
		if err != nil {
			return nil, fmt.Errorf("balancing %d members: %w", len(members), err)
		}
		return plan.IntoSyncAssignment(), nil
	}
	return balancer.Balance(counts).IntoSyncAssignment(), nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// take makes the assignment what the member owns. revoked is how many
// partitions it gave up.
func (m *Light) take(assigned map[string][]int32, asked time.Time) (revoked int) {
	var slots []groups.Slot
	for topic, partitions := range assigned {
		for _, p := range partitions {
			slots = append(slots, groups.Slot{Group: m.o.Group, Topic: topic, Partition: p})
		}
	}
	var gone []groups.Slot
	for slot := range m.owned {
		if !slices.Contains(slots, slot) {
			gone = append(gone, slot)
		}
	}
	m.disown(gone)
	m.tenant.Assigned(m.generation, asked, slots)
	for _, slot := range slots {
		if m.owned[slot] == nil {
			m.owned[slot] = &position{next: -1}
		}
	}
	return len(gone)
}

func (m *Light) disown(slots []groups.Slot) {
	m.tenant.Revoked(slots)
	for _, slot := range slots {
		delete(m.owned, slot)
	}
}

// told acts on an error code. again says that the member must join again.
func (m *Light) told(code int16) (again bool, err error) {
	switch code {
	case 0:
		return false, nil
	case rebalanceInProgress:
	case illegalGeneration, unknownMember:
		if code == unknownMember && m.known {
			m.tenant.Dropped()
		}
		m.disown(m.tenant.Owned())
		m.generation = -1
		if code == unknownMember {
			m.id, m.known = "", false
		}
	case fencedInstance:
		return false, errFenced
	case coordinatorLoading, coordinatorNotThere, notCoordinator:
		m.pause(20 * time.Millisecond)
		return false, nil
	default:
		return false, kerr.ErrorForCode(code)
	}
	m.joined = false
	return true, nil
}

// leave says goodbye, on a connection of its own if the old one was cut off.
func (m *Light) leave() error {
	if m.id == "" || m.o.Instance != "" {
		return nil
	}
	m.conn.Close()
	conn, err := Dial(m.killed, m.o.Addr, m.o.Name)
	if err != nil {
		return nil // a broker that is down hears nothing
	}
	defer conn.Close()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = m.o.Group
	who := kmsg.NewLeaveGroupRequestMember()
	who.MemberID = m.id
	req.Members = append(req.Members, who)
	if _, err := conn.Do(req, answerWait); err != nil && !Gone(err) {
		return fmt.Errorf("member %s leaves %s: %w", m.o.Name, m.o.Group, err)
	}
	return nil
}

func (m *Light) instance() *string {
	if m.o.Instance == "" {
		return nil
	}
	return &m.o.Instance
}

// topics are sorted, as the balancers want them.
func (m *Light) topics() []string {
	topics := make([]string, 0, len(m.o.Topics))
	for topic := range m.o.Topics {
		topics = append(topics, topic)
	}
	slices.Sort(topics)
	return topics
}

// assignment is what the member owns, in the balancers' form.
func (m *Light) assignment() map[string][]int32 {
	owned := map[string][]int32{}
	for slot := range m.owned {
		owned[slot.Topic] = append(owned[slot.Topic], slot.Partition)
	}
	for _, partitions := range owned {
		slices.Sort(partitions)
	}
	return owned
}
