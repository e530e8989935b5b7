package replica_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/replica"
)

const node = 1

// fixture is a manager over a store, and the cluster that it follows.
type fixture struct {
	t       *testing.T
	fs      vfs.FS
	store   *logstore.Store
	manager *replica.Manager
	image   *metadata.Image
	log     bytes.Buffer
	now     time.Time
}

func (f *fixture) Now() time.Time { return f.now }

func start(t *testing.T) *fixture {
	f := &fixture{t: t, fs: vfs.NewMem(), image: metadata.NewImage()}
	f.open()
	return f
}

func (f *fixture) open() {
	f.t.Helper()
	store, err := logstore.Open("data", logstore.Options{FS: f.fs, Manual: true})
	if err != nil {
		f.t.Fatal(err)
	}
	f.store = store
	f.t.Cleanup(func() { _ = store.Close() })
	f.manager = replica.New(replica.Options{
		Store: store, NodeID: node,
		LogConfig: func(img *metadata.Image, t *metadata.Topic) (logstore.Config, error) {
			return configs.Layers{Default: img.BrokerConfig(metadata.DefaultBroker)}.Log(t.Configs)
		},
		Logger: slog.New(slog.NewTextHandler(&f.log, nil)),
		Clock:  f,
	})
}

// restart closes the store and opens it under a manager that knows nothing.
func (f *fixture) restart() {
	f.t.Helper()
	if err := f.store.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.log.Reset()
	f.open()
	if err := f.manager.Apply(metadata.NewImage(), f.image); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) apply(records ...metadata.Record) {
	f.t.Helper()
	next, err := f.image.Apply(f.image.Offset()+1, records)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.manager.Apply(f.image, next); err != nil {
		f.t.Fatal(err)
	}
	f.image = next
}

func (f *fixture) partition(topic string, n int32) *replica.Partition {
	f.t.Helper()
	t, ok := f.manager.Topic(topic)
	if !ok {
		f.t.Fatalf("no topic %s", topic)
	}
	p, ok := t.Partition(n)
	if !ok {
		f.t.Fatalf("no partition %d of %s", n, topic)
	}
	return p
}

func (f *fixture) append(topic string, n int32) logstore.Appended {
	f.t.Helper()
	a, _, err := f.partition(topic, n).Append(batch(f.t))
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func batch(t *testing.T) []byte {
	t.Helper()
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(1, nil, []byte("value"))
	finished, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return finished
}

func id(n byte) metadata.TopicID { return metadata.TopicID{n} }

func topic(name string, n byte) metadata.Record {
	return &metadata.TopicRecord{Name: name, ID: id(n)}
}

func led(leader int32, replicas ...int32) metadata.Partition {
	return metadata.Partition{Leader: leader, Replicas: replicas, ISR: replicas}
}

func partitions(n byte, first int32, p ...metadata.Partition) metadata.Record {
	return &metadata.PartitionsRecord{TopicID: id(n), First: first, Partitions: p}
}

func TestTopicWorksOnceApplied(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node), led(node, node)))
	byID, ok := f.manager.TopicByID(logstore.TopicID(id(7)))
	if byName, _ := f.manager.Topic("t"); !ok || byID != byName {
		t.Fatal("the topic is not the same by name and by id")
	}
	f.append("t", 1)
	log, _, err := f.partition("t", 1).Lead(replica.NoEpoch)
	if err != nil {
		t.Fatal(err)
	}
	if got := log.ID(); got != logstore.TopicID(id(7)) {
		t.Errorf("the log has topic id %s", got)
	}
	for _, n := range []int32{-1, 2} {
		if _, ok := byID.Partition(n); ok {
			t.Errorf("there is a partition %d", n)
		}
	}
}

func TestGrownTopicKeepsItsPartitions(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	f.append("t", 0)
	before := f.partition("t", 0)
	f.apply(partitions(7, 1, led(node, node)))
	if f.partition("t", 0) != before {
		t.Error("partition 0 was replaced")
	}
	f.append("t", 1)
}

func TestOnlyOwnReplicasAreServed(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(2, 2), led(2, node, 2), led(-1, node)))
	found, _ := f.manager.Topic("t")
	if _, ok := found.Partition(0); ok {
		t.Error("a partition without replica here is served")
	}
	if n := len(f.store.Logs()); n != 2 {
		t.Errorf("%d logs were made, want 2", n)
	}
	for _, n := range []int32{1, 2} {
		if _, _, err := f.partition("t", n).Append(batch(t)); !errors.Is(err, replica.ErrNotLeader) {
			t.Errorf("append to partition %d that is led elsewhere: %v", n, err)
		}
	}
}

func TestLeaderEpochFencesBothWays(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, metadata.Partition{Leader: node, LeaderEpoch: 4, Replicas: []int32{node}, ISR: []int32{node}}))
	p := f.partition("t", 0)
	for _, c := range []struct {
		epoch int32
		want  error
	}{{replica.NoEpoch, nil}, {4, nil}, {3, logstore.ErrFencedEpoch}, {0, logstore.ErrFencedEpoch}, {5, logstore.ErrUnknownEpoch}} {
		if _, epoch, err := p.Lead(c.epoch); !errors.Is(err, c.want) || epoch != 4 {
			t.Errorf("client at epoch %d: %v at epoch %d, want %v at 4", c.epoch, err, epoch, c.want)
		}
	}
}

func TestEachStartOfTheLeaderRaisesItsEpoch(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	p := f.partition("t", 0)
	_, before := p.Leader()
	f.append("t", 0)
	f.apply(&metadata.BrokerRecord{ID: node})
	leader, after := p.Leader()
	if leader != node || after <= before {
		t.Fatalf("leader %d at epoch %d after a start, was at %d", leader, after, before)
	}
	log, err := p.Local()
	if err != nil {
		t.Fatal(err)
	}
	// Nothing was written under the new epoch yet: it ends where the log ends.
	for _, c := range []struct {
		asked, epoch int32
		end          int64
	}{
		{before, before, 1}, {after, after, 1}, {after + 1, -1, -1}, {-1, -1, -1},
	} {
		if epoch, end := p.EpochEnd(log, c.asked); epoch != c.epoch || end != c.end {
			t.Errorf("end of epoch %d: %d, %d; want %d, %d", c.asked, epoch, end, c.epoch, c.end)
		}
	}
	if got := p.EpochOf(log, 0); got != before {
		t.Errorf("offset 0 is of epoch %d, want %d", got, before)
	}
	if got := p.EpochOf(log, 1); got != after {
		t.Errorf("the end is of epoch %d, want %d", got, after)
	}
	f.append("t", 0)
	if epoch, end := p.EpochEnd(log, before); epoch != before || end != 1 {
		t.Errorf("end of epoch %d: %d, %d; want it at 1", before, epoch, end)
	}
}

func TestEpochsNobodyWroteUnderEndAtTheLogsEnd(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	p := f.partition("t", 0)
	f.apply(&metadata.BrokerRecord{ID: node})
	_, empty := p.Leader()
	log, _ := p.Local()
	if epoch, end := p.EpochEnd(log, empty-1); epoch != empty-1 || end != 0 {
		t.Errorf("in an empty log: %d, %d", epoch, end)
	}
	f.append("t", 0)
	f.apply(&metadata.BrokerRecord{ID: node})
	f.apply(&metadata.BrokerRecord{ID: node})
	_, now := p.Leader()
	if epoch, end := p.EpochEnd(log, now-1); epoch != empty || end != 1 {
		t.Errorf("epoch %d without a batch: %d, %d; want %d, 1", now-1, epoch, end, empty)
	}
}

func TestDeletedTopicIsGoneAndItsNameIsFree(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	f.append("t", 0)
	old := f.partition("t", 0)
	f.apply(&metadata.RemoveTopicRecord{TopicID: id(7)})
	if _, ok := f.manager.Topic("t"); ok {
		t.Error("the topic is found by name")
	}
	if _, ok := f.manager.TopicByID(logstore.TopicID(id(7))); ok {
		t.Error("the topic is found by id")
	}
	if _, _, err := old.Append(batch(t)); !errors.Is(err, replica.ErrNotLeader) {
		t.Errorf("append to a deleted partition: %v", err)
	}
	f.apply(topic("t", 8), partitions(8, 0, led(node, node)))
	if a := f.append("t", 0); a.First != 0 {
		t.Errorf("the new topic begins at %d", a.First)
	}
}

func TestConfigsReachTheLog(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	retention := func() int64 {
		log, err := f.partition("t", 0).Local()
		if err != nil {
			t.Fatal(err)
		}
		return log.Config().RetentionMs
	}
	set := func(r metadata.Resource, name, key, value string) {
		f.apply(&metadata.ConfigRecord{Resource: r, Name: name, Key: key, Value: &value})
	}
	set(metadata.ResourceBroker, "", "log.retention.ms", "5000")
	if got := retention(); got != 5000 {
		t.Errorf("the brokers' retention.ms: %d", got)
	}
	set(metadata.ResourceTopic, "t", "retention.ms", "7000")
	if got := retention(); got != 7000 {
		t.Errorf("the topic's retention.ms: %d", got)
	}
	f.restart()
	if got := retention(); got != 7000 {
		t.Errorf("retention.ms after a restart: %d", got)
	}
	// What is not understood is reported, and changes nothing.
	set(metadata.ResourceTopic, "t", "retention.ms", "soon")
	if got := retention(); got != 7000 {
		t.Errorf("retention.ms after a bad value: %d", got)
	}
	if !strings.Contains(f.log.String(), "invalid configuration") {
		t.Errorf("the bad value is not reported: %s", f.log.String())
	}
}

func TestRestartFindsWhatIsThere(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	f.append("t", 0)
	f.restart()
	if a := f.append("t", 0); a.First != 1 {
		t.Errorf("the log goes on at %d", a.First)
	}
	if f.log.Len() > 0 {
		t.Errorf("reported: %s", f.log.String())
	}
}

func TestMissingLogIsMadeAgainAndReported(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	if err := f.store.Delete(logstore.TopicPartition{Topic: "t"}); err != nil {
		t.Fatal(err)
	}
	f.restart()
	f.append("t", 0)
	if !strings.Contains(f.log.String(), "level=ERROR msg=\"log is missing") {
		t.Errorf("the loss is not reported: %s", f.log.String())
	}
}

func TestLookupsDuringChanges(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if found, ok := f.manager.Topic("t"); ok {
					if _, ok := found.Partition(0); !ok {
						t.Error("the topic is published without its partition")
						return
					}
				}
			}
		})
	}
	for n := byte(8); n < 60; n++ {
		f.apply(&metadata.RemoveTopicRecord{TopicID: id(n - 1)})
		f.apply(topic("t", n), partitions(n, 0, led(node, node)))
	}
	close(stop)
	readers.Wait()
}

func TestLookupDoesNotAllocate(t *testing.T) {
	f := start(t)
	f.apply(topic("t", 7), partitions(7, 0, led(node, node)))
	name := strings.Clone("t")
	if n := testing.AllocsPerRun(100, func() {
		found, _ := f.manager.Topic(name)
		p, _ := found.Partition(0)
		if _, _, err := p.Lead(replica.NoEpoch); err != nil {
			t.Fatal(err)
		}
		if _, ok := f.manager.TopicByID(found.ID); !ok {
			t.Fatal("no topic")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
