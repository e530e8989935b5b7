package commits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/harness"
	"moldau/bench/system"
	"moldau/server/compat/broker"
	"moldau/server/compat/member"
	"moldau/server/compat/topics"
)

const (
	topic        = "commits"
	partitions   = 32
	offsetsTopic = "__consumer_offsets"
)

// brokers are those of the scenario, started when they are first needed and run to
// the end of the session: an idle broker costs little, a JVM that is started again
// costs what it has to compile again. They are not those of other scenarios: groups
// must not wait for further members, and where a commit is synced is the broker's
// own business.
type brokers struct {
	session *harness.Session
	pool    *system.Pool
	options *options
	running map[string]*server
}

// server is one of them, or a limit program.
type server struct {
	process
	bare   *system.System // the limit program, which has no groups; nil for a broker
	groups int            // so far, for their names
}

type process interface {
	Addr() string
	PID() int
}

// get returns a broker that runs and was warmed up.
func (b *brokers) get(ctx context.Context, name, durability string) (*server, error) {
	key := name + ", " + durability
	if s := b.running[key]; s != nil {
		return s, nil
	}
	if system.Limit(name) {
		s, err := b.pool.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		b.running[key] = &server{process: s, bare: s}
		_, err = b.running[key].measure(ctx, b.session.ClientCPUs, rows[len(rows)-1], b.options.block) // as warm as it gets
		return b.running[key], err
	}
	l := broker.Launch{CPUs: b.session.BrokerCPUs, Properties: []string{"group.initial.rebalance.delay.ms=0"}}
	var err error
	if name == system.Moldau {
		l.Durability = durability
		l.Binary, err = b.pool.Binary(ctx)
	}
	if err == nil {
		l.Dir, err = b.pool.Directory()
	}
	if err == nil {
		l.Port, err = broker.FreePort()
	}
	if err != nil {
		return nil, err
	}
	b.session.Say("starting %s for commits", key)
	started, err := broker.Start(ctx, l)
	if err != nil {
		return nil, err
	}
	b.session.OnClose(started.Stop)
	s := &server{process: started}
	if err := s.prepare(ctx, name == system.Kafka && durability == "synced"); err != nil {
		return nil, err
	}
	b.running[key] = s
	b.session.Say("warming %s up for %v", key, b.options.warmUp)
	_, err = s.measure(ctx, b.session.ClientCPUs, rows[len(rows)-1], b.options.warmUp)
	return s, err
}

// prepare makes the topic that is committed for and, by asking for a group's
// coordinator, the one that commits are kept in.
func (s *server) prepare(ctx context.Context, synced bool) error {
	if err := topics.Create(ctx, s.Addr(), topic, partitions, nil); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := member.Dial(limited, s.Addr(), topic)
	if err != nil {
		return err
	}
	if err := member.Coordinated(limited, conn, topic); err != nil || !synced {
		return err
	}
	return s.flushEveryCommit(ctx)
}

// flushEveryCommit has a real Kafka sync each write to the offsets topic before
// it answers, and makes sure that it took the setting.
func (s *server) flushEveryCommit(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	one := "1"
	altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "flush.messages", Value: &one}}, offsetsTopic)
	if err != nil {
		return err
	}
	for _, a := range altered {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		return err
	}
	// A broker applies a config some time after its controller took it.
	limited, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("%s does not get flush.messages=1", offsetsTopic))
	defer cancel()
	for {
		described, err := admin.DescribeTopicConfigs(limited, offsetsTopic)
		if err != nil {
			return errors.Join(err, context.Cause(limited))
		}
		config, err := described.On(offsetsTopic, nil)
		if err != nil {
			return err
		}
		for _, c := range config.Configs {
			if c.Key == "flush.messages" && c.MaybeValue() == one {
				return nil
			}
		}
	}
}
