package controller_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"moldau/server/controller"
	"moldau/server/metadata"
)

var errDisk = errors.New("disk on fire")

func TestClusterID(t *testing.T) {
	drawn, named := &memory{}, &memory{}
	o := options(1)
	id := open(t, drawn, o).Image().ClusterID()
	if len(id) != 22 {
		t.Errorf("drawn cluster id is %q", id)
	}
	o.ClusterID = "my-cluster"
	if got := open(t, named, o).Image().ClusterID(); got != "my-cluster" {
		t.Errorf("cluster id is %q", got)
	}
	if got := open(t, named, options(2)).Image().ClusterID(); got != "my-cluster" {
		t.Errorf("cluster id after a restart is %q", got)
	}
	o.Journal = drawn
	if _, err := controller.Open(o); err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "my-cluster") {
		t.Errorf("another cluster's metadata gives %v", err)
	}
}

// Each start is a new incarnation with a new epoch, and gives each leadership a
// new leader epoch.
func TestRegistration(t *testing.T) {
	journal := &memory{}
	o := options(1)
	o.Listeners = []metadata.Listener{{Name: "PLAINTEXT", Host: "h", Port: 9092}}
	o.Rack = "r"
	c := open(t, journal, o)
	create(t, c, topic("t", 2))
	first, ok := c.Image().Broker(1)
	if !ok || !slices.Equal(first.Listeners, o.Listeners) || first.Rack != "r" || c.Image().ControllerID() != 1 {
		t.Fatalf("broker is %+v, controller %d", first, c.Image().ControllerID())
	}
	for n := range int32(3) {
		c = open(t, journal, options(uint64(n)+2))
		got, _ := c.Image().Topic("t")
		if p := got.Partitions[1]; p.LeaderEpoch != n+1 || p.PartitionEpoch != n+1 {
			t.Errorf("after %d restarts the partition is %+v", n+1, p)
		}
		again, _ := c.Image().Broker(1)
		if again.Epoch <= first.Epoch || again.Incarnation == first.Incarnation {
			t.Errorf("after a restart the broker is %+v, was %+v", again, first)
		}
		first = again
	}
}

func TestProducerIDs(t *testing.T) {
	journal := &memory{}
	var next int64
	for seed := range uint64(3) {
		c := open(t, journal, options(seed))
		for range 2 {
			first, n, err := c.AllocateProducerIDs(context.Background())
			if err != nil || first != next || n != 1000 {
				t.Fatalf("block %d of %d, %v, want %d", first, n, err, next)
			}
			next += int64(n)
		}
	}
}

// Nobody sees a command before it is durable, or gets its answer before the
// subscribers did their part.
func TestOrderOfACommand(t *testing.T) {
	journal := &memory{}
	c := open(t, journal, options(1))
	var steps []string
	check := func(step string, topics int) {
		steps = append(steps, step)
		if got := c.Image().TopicCount(); got != topics {
			t.Errorf("%s: %d topics are visible, want %d", step, got, topics)
		}
	}
	journal.before = func() error { check("propose", 0); return nil }
	journal.after = func() error { check("durable", 0); return nil }
	if err := c.Subscribe(func(prev, next *metadata.Image) error {
		if prev.Offset() < 0 {
			check("subscribed", 0)
			return nil
		}
		check("apply", 0)
		if _, ok := next.Topic("t"); !ok {
			t.Error("the subscriber is not told of the topic")
		}
		return errDisk // changes nothing: it was decided
	}); err != nil {
		t.Fatal(err)
	}
	create(t, c, topic("t", 1))
	check("answer", 1)
	if want := []string{"subscribed", "propose", "durable", "apply", "answer"}; !slices.Equal(steps, want) {
		t.Errorf("steps are %v, want %v", steps, want)
	}
}

func TestSubscribers(t *testing.T) {
	c := open(t, &memory{}, options(1))
	create(t, c, topic("before", 1))
	type change struct{ prev, next *metadata.Image }
	var seen []change
	if err := c.Subscribe(func(prev, next *metadata.Image) error {
		seen = append(seen, change{prev, next})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.Subscribe(func(*metadata.Image, *metadata.Image) error { return errDisk }); !errors.Is(err, errDisk) {
		t.Errorf("a subscriber's first error gives %v", err)
	}
	create(t, c, topic("a", 1))
	create(t, c, topic("b", 1))
	if len(seen) != 3 || seen[0].prev.Offset() != -1 || seen[0].next.TopicCount() != 1 {
		t.Fatalf("%d calls", len(seen))
	}
	for n := 1; n < len(seen); n++ {
		if seen[n].prev != seen[n-1].next {
			t.Errorf("call %d does not begin where call %d ended", n, n-1)
		}
	}
	if seen[2].next != c.Image() {
		t.Error("the last call was not told of the newest image")
	}
}

// The outcome of a command whose journal failed is unknown: it is answered so,
// not applied, and the next start finds out.
func TestCrashBetweenPersistAndApply(t *testing.T) {
	for _, kept := range []bool{false, true} {
		journal := &memory{}
		c := open(t, journal, options(1))
		fail := func() error { return errDisk }
		if kept {
			journal.after = fail
		} else {
			journal.before = fail
		}
		r := c.CreateTopics(context.Background(), []controller.NewTopic{topic("t", 1)}, false)[0]
		if !errors.Is(r.Err, controller.ErrUnavailable) || !errors.Is(r.Err, errDisk) || r.Topic != nil {
			t.Errorf("kept %v: result is %+v", kept, r)
		}
		if c.Image().TopicCount() != 0 {
			t.Errorf("kept %v: the topic is visible", kept)
		}
		journal.before, journal.after = nil, nil
		if _, ok := open(t, journal, options(2)).Image().Topic("t"); ok != kept {
			t.Errorf("kept %v: after a restart the topic is there: %v", kept, ok)
		}
	}
}

func TestPolicyOfTheJournal(t *testing.T) {
	journal := &memory{}
	c := open(t, journal, options(1))
	journal.before = func() error { return controller.Refuse(controller.ErrPolicy, "too much") }
	r := c.CreateTopics(context.Background(), []controller.NewTopic{topic("t", 1)}, false)[0]
	refused(t, "refused by the journal", r.Err, controller.ErrPolicy, "too much")
	journal.before = nil
	create(t, c, topic("t", 1)) // and nothing is broken by it
}

// A command that outlives its caller's patience goes on.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		c := open(t, journal, options(1))
		release := make(chan struct{})
		journal.before = func() error { <-release; return nil }
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan []controller.TopicResult)
		go func() { done <- c.CreateTopics(ctx, []controller.NewTopic{topic("t", 1)}, false) }()
		synctest.Wait() // the command is in the journal's hands
		waiting := make(chan error)
		go func() {
			_, _, err := c.AllocateProducerIDs(ctx)
			waiting <- err
		}()
		synctest.Wait()
		cancel()
		if r := (<-done)[0]; !errors.Is(r.Err, controller.ErrTimeout) || r.Name != "t" {
			t.Errorf("result is %+v", r)
		}
		if err := <-waiting; !errors.Is(err, controller.ErrTimeout) {
			t.Errorf("a command behind it gives %v", err)
		}
		close(release)
		synctest.Wait()
		if _, ok := c.Image().Topic("t"); !ok {
			t.Error("the command did not go on")
		}
		if c.Image().NextProducerID() != 0 {
			t.Error("a command that was given up before it began took effect")
		}
		_ = c.Close()
	})
}

func TestClose(t *testing.T) {
	c := open(t, &memory{}, options(1))
	create(t, c, topic("t", 1))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	ctx := context.Background()
	if r := c.CreateTopics(ctx, []controller.NewTopic{topic("u", 1)}, false)[0]; !errors.Is(r.Err, controller.ErrUnavailable) {
		t.Errorf("create gives %v", r.Err)
	}
	if err := alter(c, set("t", "retention.ms", "1")); !errors.Is(err, controller.ErrUnavailable) {
		t.Errorf("alter gives %v", err)
	}
	if _, _, err := c.AllocateProducerIDs(ctx); !errors.Is(err, controller.ErrUnavailable) {
		t.Errorf("allocate gives %v", err)
	}
	if err := c.Subscribe(func(_, _ *metadata.Image) error { return nil }); !errors.Is(err, controller.ErrUnavailable) {
		t.Errorf("subscribe gives %v", err)
	}
	if c.Image().TopicCount() != 1 {
		t.Error("the image is gone")
	}
}
