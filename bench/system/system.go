package system

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

// System is a broker that runs. It belongs to one goroutine.
type System struct {
	Name   string
	broker *broker.Broker
	client *kgo.Client
	admin  *kadm.Client
	topics int
	filled map[string]string // topics that fetches read, by what is in them
}

func start(ctx context.Context, name string, l broker.Launch) (*System, error) {
	b, err := broker.Start(ctx, l)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(l.Addr()))
	if err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return &System{Name: name, broker: b, client: client, admin: kadm.NewClient(client), filled: map[string]string{}}, nil
}

// Close stops it.
func (s *System) Close() error {
	s.client.Close()
	return s.broker.Stop()
}

// Addr is where it listens, PID its process.
func (s *System) Addr() string { return s.broker.Addr() }
func (s *System) PID() int     { return s.broker.PID() }

// Broker is the process.
func (s *System) Broker() *broker.Broker { return s.broker }

// Topic is what a new topic is like.
type Topic struct {
	Partitions int
	Synced     bool // every acknowledgement from stable storage
	Configs    map[string]string
}

// configs are the topic's in this system's words. The default on all is the page
// cache.
func (s *System) configs(t Topic) map[string]*string {
	quickly := "1000"
	configs := map[string]*string{"file.delete.delay.ms": &quickly}
	for k, v := range t.Configs {
		configs[k] = &v
	}
	synced, one := "synced", "1"
	switch {
	case t.Synced && s.Name == Moldau:
		configs["moldau.durability"] = &synced
	case t.Synced:
		configs["flush.messages"] = &one
	}
	return configs
}

// Create makes a topic and waits until it can be written.
func (s *System) Create(ctx context.Context, t Topic) (string, error) {
	s.topics++
	topic := fmt.Sprintf("bench-%d", s.topics)
	created, err := s.admin.CreateTopic(ctx, int32(t.Partitions), 1, s.configs(t), topic)
	if err = errors.Join(err, created.Err); err != nil {
		return "", err
	}
	// Metadata may name a leader before it accepts writes; ListOffsets does not.
	for {
		listed, err := s.admin.ListEndOffsets(ctx, topic)
		if err == nil && listed.Error() == nil {
			return topic, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", errors.Join(context.Cause(ctx), err, listed.Error())
		}
	}
}

// Delete deletes a topic.
func (s *System) Delete(ctx context.Context, topic string) error {
	_, err := s.admin.DeleteTopics(ctx, topic)
	return err
}
