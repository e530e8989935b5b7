package controller_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/server/controller"
	"moldau/server/metadata"
)

// creation is a topic asked for, and how it is refused; an empty text is not.
type creation struct {
	name  string
	topic controller.NewTopic
	kind  error
	text  string
}

func validate(t *testing.T, c *controller.Controller, r creation) {
	t.Helper()
	result := c.CreateTopics(context.Background(), []controller.NewTopic{r.topic}, true)[0]
	refused(t, r.name, result.Err, r.kind, r.text)
	if (result.Topic != nil) != (r.text == "") {
		t.Errorf("%s: topic is %+v", r.name, result.Topic)
	}
}

func with(n controller.NewTopic, change func(*controller.NewTopic)) controller.NewTopic {
	change(&n)
	return n
}

// The texts are those of Apache Kafka 4.3.1.
func TestCreateTopicRefused(t *testing.T) {
	c := open(t, &memory{}, options(1))
	create(t, c, topic("exists", 1), topic("a_b.c", 1))
	config := func(kv ...string) controller.NewTopic {
		n := topic("t", 1)
		n.Configs = map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			n.Configs[kv[i]] = kv[i+1]
		}
		return n
	}
	long := strings.Repeat("x", 250)
	const illegal = "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	for _, r := range []creation{
		{"fine", topic("t", 3), nil, ""},
		{"longest name", topic(long[1:], 1), nil, ""},
		{"exists", topic("exists", 1), controller.ErrTopicExists, "Topic 'exists' already exists."},
		{"collides", topic("a.b_c", 1), controller.ErrInvalidTopic, "Topic 'a.b_c' collides with existing topic: a_b.c"},
		{"empty name", topic("", 1), controller.ErrInvalidTopic, "Topic name is invalid: the empty string is not allowed"},
		{"dot", topic(".", 1), controller.ErrInvalidTopic, "Topic name is invalid: '.' is not allowed"},
		{"dots", topic("..", 1), controller.ErrInvalidTopic, "Topic name is invalid: '..' is not allowed"},
		{"slash", topic("a/b", 1), controller.ErrInvalidTopic, "Topic name is invalid: 'a/b" + illegal},
		{"not ASCII", topic("ř", 1), controller.ErrInvalidTopic, "Topic name is invalid: 'ř" + illegal},
		{"long name", topic(long, 1), controller.ErrInvalidTopic, "Topic name is invalid: the length of '" + long + "' is longer than the max allowed length 249"},
		{"Kafka's metadata", topic("__cluster_metadata", 1), controller.ErrInvalidRequest, "Creation of internal topic __cluster_metadata is prohibited."},
		{"no partitions", topic("t", 0), controller.ErrInvalidPartitions, "Number of partitions was set to an invalid non-positive value."},
		{"negative partitions", topic("t", -2), controller.ErrInvalidPartitions, "Number of partitions was set to an invalid non-positive value."},
		{"10,001 partitions", topic("t", 10_001), controller.ErrPolicy, "Excessively large number of partitions per request."},
		{"no replicas", with(topic("t", 1), func(n *controller.NewTopic) { n.Replication = 0 }), controller.ErrInvalidReplication,
			"Replication factor must be larger than 0, or -1 to use the default value."},
		{"more replicas than brokers", with(topic("t", 1), func(n *controller.NewTopic) { n.Replication = 2 }), controller.ErrInvalidReplication,
			"Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because only 1 broker(s) are registered."},
		{"unknown config", config("nope", "1"), controller.ErrInvalidConfig, "Unknown topic config name: nope"},
		{"bad config", config("retention.ms", "abc"), controller.ErrInvalidConfig,
			"Invalid value abc for configuration retention.ms: Not a number of type LONG"},
	} {
		validate(t, c, r)
	}
	if img := c.Image(); img.TopicCount() != 2 {
		t.Errorf("%d topics after validation only", img.TopicCount())
	}
}

func TestCreateTopicByHandRefused(t *testing.T) {
	c := open(t, &memory{}, options(1))
	hand := func(replicas ...[]int32) controller.NewTopic {
		n := topic("t", -1)
		for i, r := range replicas {
			n.Assignment = append(n.Assignment, controller.ReplicaAssignment{Partition: int32(i), Replicas: r})
		}
		return n
	}
	numbered := func(numbers ...int32) controller.NewTopic {
		n := topic("t", -1)
		for _, p := range numbers {
			n.Assignment = append(n.Assignment, controller.ReplicaAssignment{Partition: p, Replicas: []int32{1}})
		}
		return n
	}
	for _, r := range []creation{
		{"by hand", hand([]int32{1}, []int32{1}), nil, ""},
		{"by hand with a number", with(hand([]int32{1}), func(n *controller.NewTopic) { n.Partitions = 1 }), controller.ErrInvalidRequest,
			"A manual partition assignment was specified, but numPartitions was not set to -1."},
		{"by hand with a factor", with(hand([]int32{1}), func(n *controller.NewTopic) { n.Replication = 1 }), controller.ErrInvalidRequest,
			"A manual partition assignment was specified, but replication factor was not set to -1."},
		{"unknown broker", hand([]int32{2}), controller.ErrInvalidReplicaAssignment,
			"The manual partition assignment includes broker 2, but no such broker is registered."},
		{"same broker twice", hand([]int32{1, 1}), controller.ErrInvalidReplicaAssignment,
			"The manual partition assignment includes the broker 1 more than once."},
		{"empty replicas", hand([]int32{}), controller.ErrInvalidReplicaAssignment,
			"The manual partition assignment includes an empty replica list."},
		{"gap", numbered(0, 2), controller.ErrInvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence"},
		{"negative number", numbered(0, -1), controller.ErrInvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence"},
		{"number twice", numbered(0, 0), controller.ErrInvalidReplicaAssignment, "Found multiple manual partition assignments for partition 0"},
	} {
		validate(t, c, r)
	}
}

func TestCreateTopics(t *testing.T) {
	o := options(1)
	o.Static = map[string]string{"num.partitions": "3"}
	c := open(t, &memory{}, o)
	byDefault := controller.NewTopic{Name: "d", Partitions: -1, Replication: -1, Configs: map[string]string{"retention.ms": "5"}}
	results := c.CreateTopics(context.Background(), []controller.NewTopic{
		byDefault, topic("twice", 1), topic("x.y", 1), topic("twice", 1), topic("x_y", 1),
	}, false)
	refused(t, "first of a pair", results[1].Err, controller.ErrInvalidRequest, "Duplicate topic name.")
	refused(t, "second of a pair", results[3].Err, controller.ErrInvalidRequest, "Duplicate topic name.")
	refused(t, "collision in a request", results[4].Err, controller.ErrInvalidTopic, "Topic 'x_y' collides with another topic of the request")
	got, ok := c.Image().Topic("d")
	if !ok || results[0].Topic != got || results[0].ID != got.ID || got.ID == (metadata.TopicID{}) {
		t.Fatalf("topic is %+v, result %+v", got, results[0])
	}
	want := metadata.Partition{Leader: 1, Replicas: []int32{1}, ISR: []int32{1}}
	if len(got.Partitions) != 3 || !reflect.DeepEqual(got.Partitions[2], want) || got.Configs["retention.ms"] != "5" {
		t.Errorf("topic is %+v", got)
	}
	if c.Image().TopicCount() != 2 {
		t.Errorf("%d topics, want d and x.y", c.Image().TopicCount())
	}
}

func TestDefaultReplicationIsNotCutShort(t *testing.T) {
	o := options(1)
	o.Static = map[string]string{"default.replication.factor": "2"}
	c := open(t, &memory{}, o)
	r := c.CreateTopics(context.Background(), []controller.NewTopic{topic("t", 1)}, false)[0]
	refused(t, "by default", r.Err, controller.ErrInvalidReplication,
		"Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because only 1 broker(s) are registered.")
}

// What one request may create is Kafka's limit, in one topic or in many.
func TestCreateTenThousandPartitions(t *testing.T) {
	for _, topics := range []int{1, 10_000} {
		c := open(t, &memory{}, options(1))
		asked := make([]controller.NewTopic, topics)
		for n := range asked {
			asked[n] = topic(fmt.Sprintf("t.%d", n), int32(10_000/topics))
		}
		create(t, c, asked...)
		if img := c.Image(); img.TopicCount() != topics || img.PartitionCount() != 10_000 {
			t.Errorf("%d topics with %d partitions", img.TopicCount(), img.PartitionCount())
		}
		more := append([]controller.NewTopic{topic("one.more", 1)}, asked...)
		for n := range more[1:] {
			more[n+1].Name = fmt.Sprintf("u.%d", n)
		}
		for _, r := range c.CreateTopics(context.Background(), more, false) {
			if !errors.Is(r.Err, controller.ErrPolicy) {
				t.Fatalf("%s of 10,001 partitions: %v", r.Name, r.Err)
			}
		}
	}
}

func TestCreateTopicOnce(t *testing.T) {
	c := open(t, &memory{}, options(1))
	var created, existed atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch r := c.CreateTopics(context.Background(), []controller.NewTopic{topic("t", 1)}, false)[0]; {
			case r.Err == nil:
				created.Add(1)
			case errors.Is(r.Err, controller.ErrTopicExists):
				existed.Add(1)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 || existed.Load() != 15 {
		t.Errorf("created %d times, existed %d times", created.Load(), existed.Load())
	}
}

func TestDeleteTopics(t *testing.T) {
	c := open(t, &memory{}, options(1))
	results := create(t, c, topic("a", 1), topic("b", 1), topic("c", 1))
	unknown := metadata.TopicID{7}
	got := c.DeleteTopics(context.Background(), []controller.TopicRef{
		{Name: "a"}, {ID: results[1].ID}, {Name: "b"}, {Name: "nope"}, {ID: unknown}, {},
	})
	refused(t, "a", got[0].Err, nil, "")
	refused(t, "b", got[1].Err, nil, "")
	refused(t, "b again", got[2].Err, controller.ErrInvalidRequest, "The provided topic name maps to an ID that was already supplied.")
	refused(t, "nope", got[3].Err, controller.ErrUnknownTopic, "This server does not host this topic-partition.")
	refused(t, "unknown id", got[4].Err, controller.ErrUnknownTopicID, "This server does not host this topic ID.")
	refused(t, "empty name", got[5].Err, controller.ErrUnknownTopic, "This server does not host this topic-partition.")
	if got[0].ID != results[0].ID || got[1].Name != "b" || got[1].Topic != results[1].Topic || got[4].ID != unknown {
		t.Errorf("results are %+v", got)
	}
	if img := c.Image(); img.TopicCount() != 1 {
		t.Errorf("%d topics left", img.TopicCount())
	}
	// Created again it is another topic.
	if again := create(t, c, topic("a", 1))[0]; again.ID == results[0].ID {
		t.Error("a topic created again has the id of the one that was deleted")
	}
}

func TestCreatePartitions(t *testing.T) {
	c := open(t, &memory{}, options(1))
	create(t, c, topic("t", 3))
	for _, r := range []struct {
		name string
		ask  controller.NewPartitions
		kind error
		text string
	}{
		{"more", controller.NewPartitions{Topic: "t", Total: 5}, nil, ""},
		{"by hand", controller.NewPartitions{Topic: "t", Total: 4, Assignment: [][]int32{{1}}}, nil, ""},
		{"as many", controller.NewPartitions{Topic: "t", Total: 3}, controller.ErrInvalidPartitions, "Topic already has 3 partition(s)."},
		{"fewer", controller.NewPartitions{Topic: "t", Total: -1}, controller.ErrInvalidPartitions,
			"The topic t currently has 3 partition(s); -1 would not be an increase."},
		{"unknown", controller.NewPartitions{Topic: "nope", Total: 3}, controller.ErrUnknownTopic, "This server does not host this topic-partition."},
		{"too many", controller.NewPartitions{Topic: "t", Total: 10_004}, controller.ErrPolicy, "Excessively large number of partitions per request."},
		{"too few by hand", controller.NewPartitions{Topic: "t", Total: 5, Assignment: [][]int32{{1}}}, controller.ErrInvalidReplicaAssignment,
			"Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."},
		{"unknown broker", controller.NewPartitions{Topic: "t", Total: 4, Assignment: [][]int32{{2}}}, controller.ErrInvalidReplicaAssignment,
			"The manual partition assignment includes broker 2, but no such broker is registered."},
	} {
		result := c.CreatePartitions(context.Background(), []controller.NewPartitions{r.ask}, true)[0]
		refused(t, r.name, result.Err, r.kind, r.text)
		if r.text == "" && len(result.Topic.Partitions) != int(r.ask.Total) {
			t.Errorf("%s: would have %d partitions", r.name, len(result.Topic.Partitions))
		}
	}
	twice := c.CreatePartitions(context.Background(), []controller.NewPartitions{{Topic: "t", Total: 4}, {Topic: "t", Total: 5}}, false)
	refused(t, "twice", twice[1].Err, controller.ErrInvalidRequest, "Duplicate topic name.")
	if got, _ := c.Image().Topic("t"); len(got.Partitions) != 3 {
		t.Fatalf("%d partitions after validation only", len(got.Partitions))
	}
	c.CreatePartitions(context.Background(), []controller.NewPartitions{{Topic: "t", Total: 5}}, false)
	got, _ := c.Image().Topic("t")
	if len(got.Partitions) != 5 || got.Partitions[4].Leader != 1 {
		t.Errorf("partitions are %+v", got.Partitions)
	}
}
