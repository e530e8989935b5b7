package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/groups"
	"moldau/server/compat/java"
	"moldau/server/compat/member"
)

// kind is one of the groups.
type kind struct {
	group    string
	balancer func() kgo.GroupBalancer
	members  int
	static   bool
	others   int // of the members, how many are franz-go's or Java's
	java     bool
}

var kinds = []kind{
	{"range", kgo.RangeBalancer, 4, false, 1, false},
	{"cooperative", kgo.CooperativeStickyBalancer, 4, false, 1, false},
	{"static", kgo.RoundRobinBalancer, 3, true, 0, false},
	{"static-cooperative", kgo.CooperativeStickyBalancer, 3, true, 0, false},
	{"alone", kgo.RangeBalancer, 1, false, 0, false},
	{"franz-go", kgo.CooperativeStickyBalancer, 3, false, 3, false},
	{"java", kgo.CooperativeStickyBalancer, 3, false, 1, true},
}

// crowd are the members of all groups.
type crowd struct {
	addr    string
	history *groups.History
	kafka   *java.Kafka
	members []seat
	started int
	err     error // of members that were replaced
}

// seat is a place in a group, and who has it.
type seat struct {
	kind   *kind
	number int
	member.Member
}

func gather(ctx context.Context, addr string, h *groups.History) (*crowd, error) {
	kafka, err := java.Install(ctx)
	if err != nil {
		return nil, err
	}
	c := &crowd{addr: addr, history: h, kafka: kafka}
	for i := range kinds {
		for n := range kinds[i].members {
			s := seat{kind: &kinds[i], number: n}
			if err := c.start(ctx, &s); err != nil {
				return nil, err
			}
			c.members = append(c.members, s)
		}
	}
	return c, nil
}

func (c *crowd) groups() (names []string) {
	for i := range kinds {
		names = append(names, kinds[i].group)
	}
	return names
}

func (c *crowd) start(ctx context.Context, s *seat) (err error) {
	c.started++
	k := s.kind
	o := member.Options{
		Addr: c.addr, Group: k.group, Name: fmt.Sprintf("%s-%d.%d", k.group, s.number, c.started), Balancer: k.balancer(),
		Topics: map[string]int32{topic: partitions}, Session: 6 * time.Second, Rebalance: 20 * time.Second,
		Heartbeat: 500 * time.Millisecond, Work: 50 * time.Millisecond, History: c.history,
	}
	if k.static {
		o.Instance = fmt.Sprintf("%s-%d", k.group, s.number)
	}
	switch {
	case s.number >= k.others:
		s.Member = member.Start(ctx, o)
	case k.java:
		s.Member, err = member.StartJava(ctx, c.kafka, o)
	default:
		s.Member, err = member.StartFranz(ctx, o)
	}
	return err
}

// change replaces a member now and then, so that the broker is killed during
// rebalances too.
func (c *crowd) change(ctx context.Context, random *rand.Rand) error {
	if random.IntN(2) == 0 {
		return nil
	}
	s := &c.members[random.IntN(len(c.members))]
	how := member.Leave
	// A killed static member comes back at once; another one would hold its group
	// up for its session.
	if s.kind.static {
		how = member.Kill
	}
	c.err = errors.Join(c.err, s.End(how))
	return c.start(ctx, s)
}

// end ends all and returns what they have to say against the broker.
func (c *crowd) end() error {
	for i := range c.members {
		c.err = errors.Join(c.err, c.members[i].End(member.Leave))
	}
	c.members = nil
	return c.err
}
