package member

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"moldau/server/compat/groups"
)

// Franz is a member on franz-go's client.
type Franz struct {
	o      Options
	cl     *kgo.Client
	tenant *groups.Tenant
	cancel context.CancelFunc
	done   sync.WaitGroup
	// commits is the loop's.
	commits int

	mu sync.Mutex
	// fresh are partitions of which no record was given yet, and when they were
	// assigned.
	fresh map[groups.Slot]time.Time
	// heard is the last request that was answered. Only what the client does next
	// tells whether the answer was an error: it loses everything then.
	heard func()
}

// StartFranz starts a franz-go member.
func StartFranz(ctx context.Context, o Options) (*Franz, error) {
	m := &Franz{o: o, fresh: map[groups.Slot]time.Time{}}
	m.tenant = o.History.Joins(o.Group, o.Name, o.Instance, o.Session)
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Addr), kgo.ClientID(o.Name), kgo.MaxVersions(kversion.V4_0_0()),
		kgo.ConsumerGroup(o.Group), kgo.Balancers(o.Balancer),
		kgo.SessionTimeout(o.Session), kgo.RebalanceTimeout(o.Rebalance), kgo.HeartbeatInterval(o.Heartbeat),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(time.Second), kgo.WithHooks(m),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { m.revoked(gone) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { m.lost(gone) }),
	}
	for topic := range o.Topics {
		opts = append(opts, kgo.ConsumeTopics(topic))
	}
	if o.Instance != "" {
		opts = append(opts, kgo.InstanceID(o.Instance))
	}
	var err error
	if m.cl, err = kgo.NewClient(opts...); err != nil {
		return nil, err
	}
	ctx, m.cancel = context.WithCancel(ctx)
	m.done.Go(func() { m.poll(ctx) })
	return m, nil
}

// End implements Member.
func (m *Franz) End(End) error {
	m.cancel()
	m.done.Wait()
	m.cl.CloseAllowingRebalance()
	m.tenant.Lost()
	return nil
}

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (m *Franz) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	const commit, join, heartbeat, sync = 8, 11, 12, 14
	if e2e.Err() != nil || !slices.Contains([]int16{commit, join, heartbeat, sync}, key) {
		return
	}
	now := m.o.History.Now()
	sent := now.Add(-e2e.DurationE2E())
	m.mu.Lock()
	before := m.heard
	m.heard = func() { m.tenant.Alive(sent) }
	if key == join {
		m.heard = func() { m.tenant.Waited(sent, now) }
	}
	m.mu.Unlock()
	if before != nil {
		before()
	}
}

func (m *Franz) slots(of map[string][]int32) (slots []groups.Slot) {
	for topic, partitions := range of {
		for _, p := range partitions {
			slots = append(slots, groups.Slot{Group: m.o.Group, Topic: topic, Partition: p})
		}
	}
	return slots
}

// assigned is told only of what is new if the balancer is cooperative.
func (m *Franz) assigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	id, generation := cl.GroupMetadata()
	slots := m.slots(added)
	m.tenant.Assigned(generation, time.Time{}, slots)
	now := m.o.History.Now()
	m.mu.Lock()
	for _, slot := range slots {
		m.fresh[slot] = now
	}
	m.mu.Unlock()
	if m.o.Told != nil {
		m.o.Told(m.o.Name, id, generation)
	}
}

func (m *Franz) revoked(gone map[string][]int32) {
	slots := m.slots(gone)
	m.tenant.Revoked(slots)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, slot := range slots {
		delete(m.fresh, slot)
	}
}

func (m *Franz) lost(gone map[string][]int32) {
	m.mu.Lock()
	m.heard = nil // it was an error
	m.mu.Unlock()
	m.revoked(gone)
}

// poll consumes and commits. Between a poll and AllowRebalance the client gives
// nothing up.
func (m *Franz) poll(ctx context.Context) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		fetches := m.cl.PollRecords(limited, 1000)
		cancel()
		commits := map[string]map[int32]kgo.EpochOffset{}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				end := p.Records[len(p.Records)-1]
				m.given(groups.Slot{Group: m.o.Group, Topic: p.Topic, Partition: p.Partition}, p.Records[0].Offset, end.Offset+1)
				if commits[p.Topic] == nil {
					commits[p.Topic] = map[int32]kgo.EpochOffset{}
				}
				commits[p.Topic][p.Partition] = kgo.EpochOffset{Epoch: end.LeaderEpoch, Offset: end.Offset + 1}
			}
		})
		if len(commits) > 0 {
			m.commit(ctx, commits)
		}
		m.cl.AllowRebalance()
		select {
		case <-time.After(m.o.Work):
		case <-ctx.Done():
		}
	}
}

func (m *Franz) given(slot groups.Slot, from, to int64) {
	m.mu.Lock()
	since, first := m.fresh[slot]
	delete(m.fresh, slot)
	m.mu.Unlock()
	if first {
		m.o.History.ReadOffset(m.o.Name, slot, since, from)
	}
	m.o.History.Consumed(slot, from, to)
}

func (m *Franz) commit(ctx context.Context, commits map[string]map[int32]kgo.EpochOffset) {
	notes := map[groups.Slot]*groups.Commit{}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			t := &req.Topics[i]
			for j := range t.Partitions {
				p := &t.Partitions[j]
				m.commits++
				metadata := fmt.Sprintf("%s#%d", m.o.Name, m.commits)
				p.Metadata = &metadata
				slot := groups.Slot{Group: m.o.Group, Topic: t.Topic, Partition: p.Partition}
				notes[slot] = m.o.History.Commit(m.o.Name, slot, req.Generation, p.Offset, metadata)
			}
		}
		return nil
	})
	m.cl.CommitOffsetsSync(ctx, commits, func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil || resp == nil || len(resp.Topics) == 0 {
			return // unknown
		}
		_ = Outcomes(req, resp, func(slot groups.Slot, _ int64, code int16) {
			if note := notes[slot]; note != nil {
				note.Answered(code)
			}
		})
	})
}
