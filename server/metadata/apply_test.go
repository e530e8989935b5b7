package metadata_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"moldau/server/metadata"
)

// apply applies one command behind img and fails the test if it cannot.
func apply(t testing.TB, img *metadata.Image, records ...metadata.Record) *metadata.Image {
	t.Helper()
	next, err := img.Apply(img.Offset()+1, records)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// dump writes down everything an image says, for comparing.
func dump(img *metadata.Image) string {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %q controller %d offset %d producers %d partitions %d topics %d\n",
		img.ClusterID(), img.ControllerID(), img.Offset(), img.NextProducerID(), img.PartitionCount(), img.TopicCount())
	for _, broker := range img.Brokers() {
		fmt.Fprintf(&b, "broker %+v config %v\n", *broker, img.BrokerConfig(broker.ID))
	}
	fmt.Fprintf(&b, "default config %v\n", img.BrokerConfig(metadata.DefaultBroker))
	for _, topic := range img.Topics() {
		byID, ok := img.TopicByID(topic.ID)
		fmt.Fprintf(&b, "topic %+v by id %v\n", *topic, ok && byID == topic)
	}
	return b.String()
}

func newTopic(name string, id byte, partitions int) []metadata.Record {
	p := &metadata.PartitionsRecord{TopicID: topicID(id)}
	for range partitions {
		p.Partitions = append(p.Partitions, partition(1, 0, 0, 1))
	}
	return []metadata.Record{&metadata.TopicRecord{Name: name, ID: topicID(id)}, p}
}

func TestApplyTopic(t *testing.T) {
	img := apply(t, metadata.NewImage(), newTopic("a", 1, 2)...)
	img = apply(t, img, &metadata.PartitionsRecord{TopicID: topicID(1), First: 2, Partitions: []metadata.Partition{partition(1, 0, 0, 1)}})
	img = apply(t, img, &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "a", Key: "k", Value: pointer("v")})
	topic, ok := img.Topic("a")
	if !ok || len(topic.Partitions) != 3 || topic.ID != topicID(1) || !maps.Equal(topic.Configs, map[string]string{"k": "v"}) {
		t.Fatalf("topic is %+v", topic)
	}
	img = apply(t, img, &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "a", Key: "k"})
	if topic, _ = img.Topic("a"); len(topic.Configs) != 0 {
		t.Errorf("config removed, but there is %v", topic.Configs)
	}
	img = apply(t, img, &metadata.RemoveTopicRecord{TopicID: topicID(1)})
	if _, ok := img.Topic("a"); ok || img.TopicCount() != 0 || img.PartitionCount() != 0 {
		t.Errorf("topic removed, but image is %s", dump(img))
	}
}

func TestRegistrationGivesNewLeaderEpochs(t *testing.T) {
	img := apply(t, metadata.NewImage(), &metadata.BrokerRecord{ID: 1})
	records := newTopic("a", 1, 0)
	records[1].(*metadata.PartitionsRecord).Partitions = []metadata.Partition{partition(1, 0, 0, 1), partition(2, 7, 9, 2), partition(1, 3, 4, 1, 2)}
	img = apply(t, img, records...)
	before, _ := img.Topic("a")
	next := apply(t, img, &metadata.BrokerRecord{ID: 1, Incarnation: topicID(9)})
	after, _ := next.Topic("a")
	want := []metadata.Partition{partition(1, 1, 1, 1), partition(2, 7, 9, 2), partition(1, 4, 5, 1, 2)}
	if !reflect.DeepEqual(after.Partitions, want) {
		t.Errorf("partitions are %+v, want %+v", after.Partitions, want)
	}
	if before.Partitions[0].LeaderEpoch != 0 {
		t.Error("the earlier image changed")
	}
	if b, _ := next.Broker(1); b.Epoch != next.Offset() || b.Incarnation != topicID(9) {
		t.Errorf("broker is %+v, offset %d", b, next.Offset())
	}
}

func TestApplyContradiction(t *testing.T) {
	img := apply(t, metadata.NewImage(), &metadata.ClusterRecord{ClusterID: "c"})
	img = apply(t, img, newTopic("a", 1, 1)...)
	img = apply(t, img, &metadata.ProducerIDsRecord{Broker: 1, Next: 1000})
	before := dump(img)
	for _, c := range []struct {
		reason string
		record metadata.Record
	}{
		{"was set to", &metadata.ClusterRecord{ClusterID: "d"}},
		{"is empty", &metadata.ClusterRecord{}},
		{"broker id -1", &metadata.BrokerRecord{ID: -1}},
		{`topic "a" exists`, &metadata.TopicRecord{Name: "a", ID: topicID(2)}},
		{`the id`, &metadata.TopicRecord{Name: "b", ID: topicID(1)}},
		{"has no id", &metadata.TopicRecord{Name: "b"}},
		{"unknown topic id", &metadata.PartitionsRecord{TopicID: topicID(3)}},
		{"has 1 partitions", &metadata.PartitionsRecord{TopicID: topicID(1), First: 2, Partitions: []metadata.Partition{partition(1, 0, 0, 1)}}},
		{"no replicas", &metadata.PartitionsRecord{TopicID: topicID(1), First: 1, Partitions: make([]metadata.Partition, 1)}},
		{"unknown topic id", &metadata.RemoveTopicRecord{TopicID: topicID(3)}},
		{"unknown topic", &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "b", Key: "k"}},
		{"without a name", &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "a"}},
		{"resource type 3", &metadata.ConfigRecord{Resource: 3, Name: "a", Key: "k"}},
		{`broker "x"`, &metadata.ConfigRecord{Resource: metadata.ResourceBroker, Name: "x", Key: "k"}},
		{`broker "-1"`, &metadata.ConfigRecord{Resource: metadata.ResourceBroker, Name: "-1", Key: "k"}},
		{`broker "01"`, &metadata.ConfigRecord{Resource: metadata.ResourceBroker, Name: "01", Key: "k"}},
		{"producer ids", &metadata.ProducerIDsRecord{Next: 1000}},
	} {
		// A good record before the bad one: nothing of the command may remain.
		next, err := img.Apply(img.Offset()+1, []metadata.Record{&metadata.TopicRecord{Name: "z", ID: topicID(9)}, c.record})
		if next != nil || !errors.Is(err, metadata.ErrApply) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%+v gives %v, want %q", c.record, err, c.reason)
		}
		if dump(img) != before {
			t.Fatalf("%+v changed the image it was refused by", c.record)
		}
	}
	if _, err := img.Apply(img.Offset(), nil); !errors.Is(err, metadata.ErrApply) {
		t.Errorf("an offset that was applied before gives %v", err)
	}
}

func TestColliding(t *testing.T) {
	img := metadata.NewImage()
	for n, name := range []string{"a.b_c", "ab", "x_y", "x_yz"} {
		img = apply(t, img, newTopic(name, byte(n+1), 1)...)
	}
	for name, want := range map[string]string{"a_b.c": "a.b_c", "a.b.c": "a.b_c", "a.b_c": "a.b_c", "x.y": "x_y", "ab": "", "a.b": "", "x": "", "x.y.": ""} {
		if got, ok := img.Colliding(name); got != want || ok != (want != "") {
			t.Errorf("%q collides with %q, %v, want %q", name, got, ok, want)
		}
	}
	img = apply(t, img, &metadata.RemoveTopicRecord{TopicID: topicID(1)})
	if got, ok := img.Colliding("a_b.c"); ok {
		t.Errorf("collides with %q, which is removed", got)
	}
}

func TestWithController(t *testing.T) {
	img := apply(t, metadata.NewImage(), newTopic("a", 1, 1)...)
	next := apply(t, img.WithController(7), newTopic("b", 2, 1)...)
	if img.ControllerID() != -1 || next.ControllerID() != 7 || next.TopicCount() != 2 {
		t.Errorf("controllers %d and %d, topics %d", img.ControllerID(), next.ControllerID(), next.TopicCount())
	}
}

// command draws one command that fits the image.
func command(t *rapid.T, img *metadata.Image, n int) []metadata.Record {
	id := func(k int) (id metadata.TopicID) {
		id[0], id[1], id[15] = byte(k), byte(k>>8), 1
		return id
	}
	topics := img.Topics()
	kinds := []string{"topic", "broker", "brokerConfig", "producers"}
	if len(topics) > 0 {
		kinds = append(kinds, "grow", "remove", "config", "replace")
	}
	pick := func() *metadata.Topic { return rapid.SampledFrom(topics).Draw(t, "topic") }
	value := func() *string {
		return rapid.Ptr(rapid.StringMatching(`[a-z]{0,3}`), true).Draw(t, "value")
	}
	some := func(first int32) []metadata.Partition {
		p := make([]metadata.Partition, rapid.IntRange(1, 4).Draw(t, "partitions"))
		for i := range p {
			p[i] = partition(rapid.Int32Range(1, 3).Draw(t, "leader"), 0, 0, 1, 2)
		}
		return p
	}
	fresh := func(name string) []metadata.Record {
		return []metadata.Record{&metadata.TopicRecord{Name: name, ID: id(n)}, &metadata.PartitionsRecord{TopicID: id(n), Partitions: some(0)}}
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "topic":
		return fresh(fmt.Sprintf("t.%d", n))
	case "broker":
		return []metadata.Record{&metadata.BrokerRecord{ID: rapid.Int32Range(1, 3).Draw(t, "broker"), Rack: fmt.Sprint(n)}}
	case "brokerConfig":
		return []metadata.Record{&metadata.ConfigRecord{Resource: metadata.ResourceBroker,
			Name: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "name"), Key: rapid.SampledFrom([]string{"k", "l"}).Draw(t, "key"), Value: value()}}
	case "producers":
		return []metadata.Record{&metadata.ProducerIDsRecord{Broker: 1, Next: img.NextProducerID() + 1}}
	case "grow":
		topic := pick()
		first := int32(len(topic.Partitions))
		return []metadata.Record{&metadata.PartitionsRecord{TopicID: topic.ID, First: first, Partitions: some(first)}}
	case "remove":
		return []metadata.Record{&metadata.RemoveTopicRecord{TopicID: pick().ID}}
	case "replace":
		topic := pick()
		return append([]metadata.Record{&metadata.RemoveTopicRecord{TopicID: topic.ID}}, fresh(topic.Name)...)
	}
	return []metadata.Record{&metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: pick().Name, Key: "k", Value: value()}}
}

// Applying is pure: no image changes once it is made, and the same records give
// the same image, one command at a time, all at once, and after going through
// their encoding.
func TestApplyIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		images := []*metadata.Image{metadata.NewImage()}
		dumps := []string{dump(images[0])}
		var all []metadata.Record
		for n := range rapid.IntRange(1, 30).Draw(t, "commands") {
			last := images[len(images)-1]
			records := command(t, last, n)
			next, err := last.Apply(last.Offset()+1, records)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := next.Offset(), last.Offset()+int64(len(records)); got != want {
				t.Fatalf("offset %d, want %d", got, want)
			}
			checkDiff(t, last, next)
			images, dumps = append(images, next), append(dumps, dump(next))
			for _, r := range records {
				decoded, err := metadata.DecodeRecord(metadata.AppendRecord(nil, r))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, decoded)
			}
		}
		for n, img := range images {
			if got := dump(img); got != dumps[n] {
				t.Fatalf("image %d became\n%swas\n%s", n, got, dumps[n])
			}
		}
		again, err := metadata.NewImage().Apply(0, all)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := dump(again), dumps[len(dumps)-1]; got != want {
			t.Fatalf("replay gives\n%swant\n%s", got, want)
		}
		first, last := images[0], images[len(images)-1]
		checkDiff(t, first, last)
	})
}

// checkDiff compares DiffOf with what a walk over both images finds.
func checkDiff(t *rapid.T, prev, next *metadata.Image) {
	var changed, removed []*metadata.Topic
	for _, topic := range next.Topics() {
		if old, ok := prev.TopicByID(topic.ID); !ok || old != topic {
			changed = append(changed, topic)
		}
	}
	for _, topic := range prev.Topics() {
		if _, ok := next.TopicByID(topic.ID); !ok {
			removed = append(removed, topic)
		}
	}
	var brokers []int32
	for id := metadata.DefaultBroker; id < 4; id++ {
		if !maps.Equal(prev.BrokerConfig(id), next.BrokerConfig(id)) {
			brokers = append(brokers, id)
		}
	}
	d := metadata.DiffOf(prev, next)
	if !slices.Equal(d.Changed, changed) || !slices.Equal(d.Removed, removed) || !slices.Equal(d.BrokerConfigs, brokers) {
		t.Fatalf("diff is %+v, want changed %v, removed %v, brokers %v", d, changed, removed, brokers)
	}
}

func TestTopicsFrom(t *testing.T) {
	img := metadata.NewImage()
	for n, name := range []string{"a", "c", "e", "d"} {
		img = apply(t, img, newTopic(name, byte(n+1), 1)...)
	}
	var got []string
	img.TopicsFrom("b", func(topic *metadata.Topic) bool {
		got = append(got, topic.Name)
		return len(got) < 2
	})
	if want := []string{"c", "d"}; !slices.Equal(got, want) {
		t.Errorf("from b, two at most: %v, want %v", got, want)
	}
}

// A lookup is on the path of every request of some APIs.
func TestLookupsDoNotAllocate(t *testing.T) {
	img := apply(t, metadata.NewImage(), newTopic("a.b", 1, 1)...)
	if n := testing.AllocsPerRun(100, func() {
		img.Topic("a.b")
		img.TopicByID(topicID(1))
		img.Broker(1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// One command of 10,000 topics, and a command on top of as many, cost what
// they touch.
func BenchmarkApply(b *testing.B) {
	var records []metadata.Record
	for n := range 10_000 {
		id := metadata.TopicID{byte(n), byte(n >> 8), 15: 1}
		records = append(records, &metadata.TopicRecord{Name: fmt.Sprintf("topic.%d", n), ID: id},
			&metadata.PartitionsRecord{TopicID: id, Partitions: []metadata.Partition{partition(1, 0, 0, 1)}})
	}
	img := apply(b, metadata.NewImage(), records...)
	b.Run("10000Topics", func(b *testing.B) {
		for b.Loop() {
			apply(b, metadata.NewImage(), records...)
		}
	})
	b.Run("1Config", func(b *testing.B) {
		for b.Loop() {
			apply(b, img, &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "topic.77", Key: "k", Value: pointer("v")})
		}
	})
	b.Run("Registration", func(b *testing.B) {
		for b.Loop() {
			apply(b, img, &metadata.BrokerRecord{ID: 1})
		}
	})
}
