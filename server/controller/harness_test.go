package controller_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/controller"
	"moldau/server/metadata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fixedClock struct{}

func (fixedClock) Now() time.Time { return time.UnixMilli(1_700_000_000_000) }

// seeded draws the same ids in each run, and others for each seed.
func seeded(seed uint64) func([]byte) {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	return func(b []byte) { _, _ = r.Read(b) }
}

// options are those of a broker 1 that logs nothing.
func options(seed uint64) controller.Options {
	return controller.Options{NodeID: 1, Clock: fixedClock{}, Rand: seeded(seed), Logger: slog.New(slog.DiscardHandler)}
}

// memory is a journal without a disk. Its hooks, where set, run before and
// after a command is kept.
type memory struct {
	mu            sync.Mutex
	records       []metadata.Record
	before, after func() error
}

func (m *memory) Replay(apply func(int64, []metadata.Record) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.records) == 0 {
		return nil
	}
	return apply(0, slices.Clone(m.records))
}

func (m *memory) Propose(records []metadata.Record) (int64, error) {
	if m.before != nil {
		if err := m.before(); err != nil {
			return 0, err
		}
	}
	m.mu.Lock()
	base := int64(len(m.records))
	m.records = append(m.records, records...)
	m.mu.Unlock()
	if m.after != nil {
		return base, m.after()
	}
	return base, nil
}

// open starts a controller over a journal, and closes it with the test.
func open(t testing.TB, j controller.Journal, o controller.Options) *controller.Controller {
	t.Helper()
	o.Journal = j
	c, err := controller.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// openStore opens a metadata store; close closes it.
func openStore(t testing.TB, fs vfs.FS) (s *logstore.Store, closeStore func()) {
	t.Helper()
	s, err := logstore.Open("metadata", logstore.Options{FS: fs, Clock: fixedClock{}, Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	return s, sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func topic(name string, partitions int32) controller.NewTopic {
	return controller.NewTopic{Name: name, Partitions: partitions, Replication: -1}
}

// create makes topics and fails the test if one is refused.
func create(t testing.TB, c *controller.Controller, topics ...controller.NewTopic) []controller.TopicResult {
	t.Helper()
	results := c.CreateTopics(context.Background(), topics, false)
	for _, r := range results {
		if r.Err != nil {
			t.Fatalf("create %s: %v", r.Name, r.Err)
		}
	}
	return results
}

func alter(c *controller.Controller, r controller.ResourceChange) error {
	return c.AlterConfigs(context.Background(), []controller.ResourceChange{r}, false)[0]
}

// set is an incremental change of one config of a topic.
func set(name, key, value string) controller.ResourceChange {
	return controller.ResourceChange{Resource: metadata.ResourceTopic, Name: name, Changes: []controller.ConfigChange{{Key: key, Value: value}}}
}

func setBroker(name, key, value string) controller.ResourceChange {
	r := set(name, key, value)
	r.Resource = metadata.ResourceBroker
	return r
}

// refused checks an error's kind and the text that clients see; an empty text
// wants no error.
func refused(t testing.TB, what string, err, kind error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case text != "" && (!errors.Is(err, kind) || err.Error() != text):
		t.Errorf("%s:\n got %v\nwant %s", what, err, text)
	}
}

// state writes down all topics and configs, without what a restart changes.
func state(img *metadata.Image) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s producers %d broker %v default %v\n",
		img.ClusterID(), img.NextProducerID(), img.BrokerConfig(1), img.BrokerConfig(metadata.DefaultBroker))
	for _, t := range img.Topics() {
		fmt.Fprintf(&b, "%s %s %v %v", t.Name, t.ID, t.Internal, t.Configs)
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, " %d:%v:%v", p.Leader, p.Replicas, p.ISR)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
