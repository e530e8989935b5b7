package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

// kafkaProperties let Kafka delete as fast as it is written: otherwise the
// machine's write-back becomes the benchmark.
var kafkaProperties = []string{"log.retention.check.interval.ms=2000", "log.segment.delete.delay.ms=1000"}

// system is one of the brokers that are compared.
type system struct {
	name    string
	moldau  bool
	options options
	broker  *broker.Broker
	admin   *kadm.Client
	topics  int
	filled  string // the topic that fetches read
}

// startSystems starts them all, each on its own directory and port. Both run
// through the whole comparison: an idle broker costs little, a JVM that is
// started again costs what it has to compile again.
func startSystems(ctx context.Context, o options, dir string) ([]*system, error) {
	launches := []broker.Launch{{Binary: o.moldau, Durability: "os"}}
	if !o.moldauOnly {
		launches = append(launches, broker.Launch{Properties: kafkaProperties})
	}
	var systems []*system
	for _, l := range launches {
		l.Dir, l.CPUs = filepath.Join(dir, l.Name()), o.brokerCPU
		s, err := startSystem(ctx, o, l)
		if err != nil {
			return systems, err
		}
		systems = append(systems, s)
	}
	return systems, nil
}

func startSystem(ctx context.Context, o options, l broker.Launch) (*system, error) {
	var err error
	if l.Port, err = broker.FreePort(); err != nil {
		return nil, err
	}
	b, err := broker.Start(ctx, l)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.Addr()))
	if err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return &system{name: l.Name(), moldau: l.Binary != "", options: o, broker: b, admin: kadm.NewClient(cl)}, nil
}

// create makes a topic and waits until it can be written.
func (s *system) create(ctx context.Context, r *row) (string, error) {
	s.topics++
	topic := fmt.Sprintf("bench-%d", s.topics)
	configs := map[string]*string{}
	for k, v := range r.configs(s.moldau) {
		configs[k] = &v
	}
	created, err := s.admin.CreateTopic(ctx, int32(r.partitions), 1, configs, topic)
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

func (s *system) delete(ctx context.Context, topic string) error {
	_, err := s.admin.DeleteTopics(ctx, topic)
	return err
}

// outcome is what one run of the replay client reports.
type outcome struct {
	Requests int64   `json:"requests"`
	Records  int64   `json:"records"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	P50Us    int64   `json:"p50Us"`
	P99Us    int64   `json:"p99Us"`
}

func (s *system) load(ctx context.Context, r *row, topic string) (outcome, error) {
	argv := append([]string{s.options.replay}, r.arguments(s.broker.Addr(), topic)...)
	if s.options.clientCPU != "" {
		argv = append([]string{"taskset", "-c", s.options.clientCPU}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return outcome{}, fmt.Errorf("replay against %s: %w", s.name, err)
	}
	var o outcome
	return o, json.Unmarshal(out, &o)
}

// fill makes the topic that fetches read: 1 GiB of 1 KiB records.
func (s *system) fill(ctx context.Context) error {
	if s.filled != "" {
		return nil
	}
	r := row{command: "produce", partitions: 6, bytes: gib}
	topic, err := s.create(ctx, &r)
	if err != nil {
		return err
	}
	s.filled = topic
	_, err = s.load(ctx, &r, topic)
	return err
}

// warmUp runs both directions until the JVM has compiled them.
func (s *system) warmUp(ctx context.Context, o options) error {
	if err := s.fill(ctx); err != nil {
		return err
	}
	r := row{command: "produce", partitions: 6, bytes: o.warmUpBytes}
	topic, err := s.create(ctx, &r)
	if err != nil {
		return err
	}
	if _, err := s.load(ctx, &r, topic); err != nil {
		return err
	}
	if err := s.delete(ctx, topic); err != nil {
		return err
	}
	r = row{command: "fetch", partitions: 6, bytes: o.warmUpBytes}
	_, err = s.load(ctx, &r, s.filled)
	return err
}
