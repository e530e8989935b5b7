package commits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/child"
	"moldau/bench/result"
	"moldau/bench/yardstick"
	"moldau/server/compat/groups"
	"moldau/server/compat/member"
)

// committing is a client's task: to have new groups of a row commit for a while. The
// client is a process of its own, so that it can be pinned to other cores than the
// broker's.
type committing struct {
	Row     row
	Bare    bool // nothing is behind Addr but answers: no group, nothing to ask for
	Addr    string
	PID     int // of the broker, whose CPU time is taken while all commit and no longer
	First   int // number of the first group
	Seconds float64
}

var clientRole = child.NewRole("commit", false, commitForAWhile)

// Roles are what the children of the scenario do.
func Roles() []child.Role { return []child.Role{clientRole} }

// measure has a client commit.
func (s *server) measure(ctx context.Context, cpus string, r row, d time.Duration) (result.Block, error) {
	var under []string
	if cpus != "" {
		under = []string{"taskset", "-c", cpus}
	}
	task := committing{Row: r, Bare: s.bare != nil, Addr: s.Addr(), PID: s.PID(), First: s.groups + 1, Seconds: d.Seconds()}
	s.groups += r.Groups
	b, err := child.Ask[result.Block](ctx, clientRole, task, under...)
	if err == nil && s.bare != nil { // or what it wrote is written back in the block after
		err = s.bare.Delete(ctx, topic)
	}
	return b, err
}

func commitForAWhile(ctx context.Context, t committing) (b result.Block, err error) {
	var committers []*committer
	defer func() {
		for _, c := range committers {
			c.close()
		}
	}()
	for n := range t.Row.Groups {
		gathered, err := t.gather(ctx, fmt.Sprintf("commits-%d", t.First+n))
		committers = append(committers, gathered...)
		if err != nil {
			return b, err
		}
	}
	cpu, steal, err := yardstick.Times(t.PID)
	if err != nil {
		return b, err
	}
	perSecond, took, err := commit(committers, t.Row.InFlight, time.Duration(t.Seconds*float64(time.Second)))
	if err != nil {
		return b, err
	}
	cpuAfter, stealAfter, err := yardstick.Times(t.PID)
	if err != nil {
		return b, err
	}
	b = result.Block{StealSeconds: stealAfter - steal, Latency: took, Metrics: map[result.Metric]float64{
		result.RequestsPerSecond: perSecond,
		result.CPUPerRequest:     (cpuAfter - cpu) * 1e6 / float64(took.TotalCount()),
	}}
	took.Into(b.Metrics)
	for _, c := range committers {
		if !t.Bare {
			err = errors.Join(err, c.verify(ctx, t.Addr))
		}
	}
	return b, err
}

// gather has members join a group and waits until all are in one generation.
func (t committing) gather(ctx context.Context, group string) (committers []*committer, err error) {
	if t.Bare {
		return t.ungathered(ctx, group)
	}
	gathering := member.NewGathering(t.Row.Members)
	for i := range t.Row.Members {
		o := member.Options{
			Addr: t.Addr, Group: group, Name: fmt.Sprint(group, "-", i), Balancer: kgo.RangeBalancer(),
			Topics: map[string]int32{topic: partitions}, Session: 2 * time.Minute, Rebalance: 2 * time.Minute,
			Heartbeat: 3 * time.Second, History: groups.New(time.Now), Told: gathering.Told,
		}
		if t.Row.Members == 1 {
			o.Heartbeat = 30 * time.Second // nobody else comes
		}
		committers = append(committers, &committer{group: group, name: o.Name, partition: int32(i), member: member.Start(ctx, o)})
	}
	limited, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("group %s is not stable after a minute", group))
	defer cancel()
	seats, _, err := gathering.Wait(limited)
	if err != nil {
		return committers, err
	}
	for _, c := range committers {
		if err := c.dial(ctx, t.Addr, seats[c.name]); err != nil {
			return committers, err
		}
	}
	return committers, nil
}

// ungathered are committers of a group that nobody knows of.
func (t committing) ungathered(ctx context.Context, group string) (committers []*committer, err error) {
	for i := range t.Row.Members {
		c := &committer{group: group, name: fmt.Sprint(group, "-", i), partition: int32(i)}
		committers = append(committers, c)
		id := c.name + "-00000000-0000-0000-0000-000000000000" // as long as one that a broker gives
		if err := c.dial(ctx, t.Addr, member.Seat{ID: id, Generation: 1}); err != nil {
			return committers, err
		}
	}
	return committers, nil
}
