package system

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

// System is a broker or a limit program that runs. It belongs to one goroutine.
type System struct {
	Name string
	process
	client *kgo.Client  // nil where Kafka's protocol is not spoken
	admin  *kadm.Client // as client
	topics int
	filled map[string]string // topics that fetches read, by what is in them
	// certificate is what a client by TLS trusts, a PEM file; empty: plaintext.
	certificate string
	// metrics is the URL of Moldau's listener for operators, empty elsewhere.
	metrics string
	// data is the directory that a limit program writes to, empty where it writes nothing.
	data string
	// beside are the processes of its pool's other systems, nil where there is none.
	beside func() []int
}

func start(ctx context.Context, name string, l broker.Launch) (*System, error) {
	b, err := broker.Start(ctx, l)
	if err != nil {
		return nil, err
	}
	s := &System{Name: name, process: b, filled: map[string]string{}, metrics: metricsOf(&l)}
	options := []kgo.Opt{kgo.SeedBrokers(l.Addr())}
	if l.TLS != nil {
		s.certificate = l.TLS.Certificate
		trusting, err := broker.Trusting(s.certificate)
		if err != nil {
			return nil, errors.Join(err, b.Stop())
		}
		options = append(options, kgo.DialTLSConfig(trusting))
	}
	if s.client, err = kgo.NewClient(options...); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	s.admin = kadm.NewClient(s.client)
	return s, nil
}

// Close stops it.
func (s *System) Close() error {
	if s.client != nil {
		s.client.Close()
	}
	return s.Stop()
}

// Broker is the process, nil where Kafka's protocol is not spoken.
func (s *System) Broker() *broker.Broker {
	b, _ := s.process.(*broker.Broker)
	return b
}

// Topic is what a new topic is like.
type Topic struct {
	Partitions int
	Synced     bool // every acknowledgement from stable storage
	// Begun has every partition hold enough for an index entry before it is measured:
	// see begin.
	Begun   bool
	Configs map[string]string
}

// configs are the topic's in this system's words. The default on all is the page
// cache.
func (s *System) configs(t Topic) map[string]*string {
	atOnce := "0"
	configs := map[string]*string{"file.delete.delay.ms": &atOnce}
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

// Create makes a topic and waits until it can be written. A limit program takes
// any.
func (s *System) Create(ctx context.Context, t Topic) (string, error) {
	s.topics++
	topic := fmt.Sprintf("bench-%d", s.topics)
	if s.admin == nil {
		return topic, nil
	}
	created, err := s.admin.CreateTopic(ctx, int32(t.Partitions), 1, s.configs(t), topic)
	if err = errors.Join(err, created.Err); err != nil {
		return "", err
	}
	// Metadata may name a leader before it accepts writes; ListOffsets does not.
	_, err = s.ends(ctx, []string{topic})
	return topic, err
}

// Delete deletes a topic and waits until its files are gone; a limit program's are
// all deleted. Where they stayed for a while, who is measured next would have to take
// memory for its pages that nobody has touched, which costs more than its work; who
// came later would find what they gave back.
func (s *System) Delete(ctx context.Context, topic string) error {
	if s.data != "" {
		return removeWritten(s.data)
	}
	if s.admin == nil {
		return nil
	}
	deleted, err := s.admin.DeleteTopics(ctx, topic)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return err
	}
	return gone(ctx, filepath.Join(s.Broker().LogDir(), topic+"-*"))
}
