package controller

import (
	"context"
	"maps"
	"math"
	"slices"

	"moldau/server/metadata"
)

// partitionsPerRequestMax is Kafka's: what one request may create in all.
const partitionsPerRequestMax = 10_000

// NewTopic asks for a topic.
type NewTopic struct {
	Name string
	// Partitions is -1 for num.partitions, Replication for default.replication.factor.
	// Both are -1 with an Assignment.
	Partitions  int32
	Replication int16
	Assignment  []ReplicaAssignment
	Configs     map[string]string
	// Internal marks a topic of the broker's own. Those of Kafka's names are always
	// marked, whoever creates them.
	Internal bool
}

var internalTopics = []string{"__consumer_offsets", "__share_group_state", "__transaction_state"}

// IsInternal tells whether a topic of that name is one of the brokers' own,
// whoever creates it.
func IsInternal(name string) bool { return slices.Contains(internalTopics, name) }

// ReplicaAssignment places one partition by hand.
type ReplicaAssignment struct {
	Partition int32
	Replicas  []int32
}

// TopicResult answers for one topic of a command.
type TopicResult struct {
	Name string
	ID   metadata.TopicID
	// Topic is the topic as it is now, as it would be with validateOnly, or as it
	// was before its deletion; nil with an error.
	Topic *metadata.Topic
	Err   error
}

// TopicRef names a topic by name, or by id if the name is empty.
type TopicRef struct {
	Name string
	ID   metadata.TopicID
}

// topicDecision is what came of a command over topics: results in the order
// asked, and the records for those without error.
type topicDecision struct {
	results []TopicResult
	records []metadata.Record
}

// runTopics executes a decision over n topics; name is the result of the i-th
// before there is one.
func (c *Controller) runTopics(ctx context.Context, n int, validateOnly bool, name func(int) TopicResult,
	decide func(*metadata.Image) topicDecision,
) []TopicResult {
	var d topicDecision
	img, err := c.execute(ctx, validateOnly, func(now *metadata.Image) []metadata.Record {
		d = decide(now)
		return d.records
	})
	if err != nil {
		results := make([]TopicResult, n)
		for i := range results {
			results[i] = name(i)
			results[i].Err = err
		}
		return results
	}
	for i := range d.results {
		if r := &d.results[i]; r.Err == nil && r.Topic == nil {
			r.Topic, _ = img.TopicByID(r.ID)
		}
	}
	return d.results
}

// CreateTopics creates each topic or says why not: ErrTopicExists,
// ErrInvalidTopic, ErrInvalidPartitions, ErrInvalidReplication,
// ErrInvalidReplicaAssignment, ErrInvalidConfig, ErrInvalidRequest, ErrPolicy,
// ErrTimeout, ErrUnavailable. A topic without error is usable on return.
func (c *Controller) CreateTopics(ctx context.Context, topics []NewTopic, validateOnly bool) []TopicResult {
	return c.runTopics(ctx, len(topics), validateOnly,
		func(i int) TopicResult { return TopicResult{Name: topics[i].Name} },
		func(img *metadata.Image) topicDecision { return c.decideCreate(img, topics) })
}

func (c *Controller) decideCreate(img *metadata.Image, topics []NewTopic) topicDecision {
	d := topicDecision{results: make([]TopicResult, len(topics))}
	times := map[string]int{}
	for i := range topics {
		times[topics[i].Name]++
	}
	tooMany := c.countPartitions(img, topics) > partitionsPerRequestMax
	shapes := map[string]bool{}
	room := c.roomFor(img)
	for i := range topics {
		t, result := &topics[i], &d.results[i]
		result.Name = t.Name
		switch {
		case times[t.Name] > 1:
			result.Err = Refuse(ErrInvalidRequest, "Duplicate topic name.")
		case tooMany:
			result.Err = Refuse(ErrPolicy, "Excessively large number of partitions per request.")
		default:
			var partitions []metadata.Partition
			if partitions, result.Err = c.decideTopic(img, t, shapes); result.Err == nil {
				result.Err = room.take(len(partitions))
			}
			if result.Err == nil {
				result.ID = c.newID()
				d.records = append(d.records, topicRecords(t, result.ID, partitions)...)
			}
		}
	}
	return d
}

// countPartitions is what a request would create, as far as its numbers make
// sense.
func (c *Controller) countPartitions(img *metadata.Image, topics []NewTopic) int64 {
	var n int64
	for i := range topics {
		switch t := &topics[i]; {
		case len(t.Assignment) > 0:
			n += int64(len(t.Assignment))
		case t.Partitions == -1:
			n += int64(c.defaultPartitions(img))
		default:
			n += int64(max(t.Partitions, 0))
		}
	}
	return n
}

// decideTopic checks one new topic and places its partitions. shapes are the
// names of the request's topics that were accepted, with '_' for '.'.
func (c *Controller) decideTopic(img *metadata.Image, t *NewTopic, shapes map[string]bool) ([]metadata.Partition, error) {
	if t.Name == clusterMetadataTopic {
		return nil, Refuse(ErrInvalidRequest, "Creation of internal topic %s is prohibited.", clusterMetadataTopic)
	}
	if err := CheckTopicName(t.Name); err != nil {
		return nil, err
	}
	if _, ok := img.Topic(t.Name); ok {
		return nil, Refuse(ErrTopicExists, "Topic '%s' already exists.", t.Name)
	}
	if existing, ok := img.Colliding(t.Name); ok {
		return nil, Refuse(ErrInvalidTopic, "Topic '%s' collides with existing topic: %s", t.Name, existing)
	}
	// Kafka looks at existing topics only, and creates both of a pair that comes
	// in one request.
	shape := metadata.Shape(t.Name)
	if shapes[shape] {
		return nil, Refuse(ErrInvalidTopic, "Topic '%s' collides with another topic of the request", t.Name)
	}
	if err := c.Layers(img).ValidateTopic(t.Configs); err != nil {
		return nil, Refuse(ErrInvalidConfig, "%v", err)
	}
	partitions, err := c.placeTopic(img, t)
	if err == nil {
		shapes[shape] = true
	}
	return partitions, err
}

func (c *Controller) placeTopic(img *metadata.Image, t *NewTopic) ([]metadata.Partition, error) {
	if len(t.Assignment) > 0 {
		return placeTopicByHand(img, t)
	}
	if t.Replication < -1 || t.Replication == 0 {
		return nil, Refuse(ErrInvalidReplication, "Replication factor must be larger than 0, or -1 to use the default value.")
	}
	if t.Partitions < -1 || t.Partitions == 0 {
		return nil, Refuse(ErrInvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	n, replication := t.Partitions, t.Replication
	if n == -1 {
		n = c.defaultPartitions(img)
	}
	if replication == -1 {
		replication = c.defaultReplication(img)
	}
	return place(img, 0, n, replication)
}

func placeTopicByHand(img *metadata.Image, t *NewTopic) ([]metadata.Partition, error) {
	if t.Replication != -1 {
		return nil, Refuse(ErrInvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	}
	if t.Partitions != -1 {
		return nil, Refuse(ErrInvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	partitions := make([]metadata.Partition, len(t.Assignment))
	factor := 0
	gap := false
	seen := make(map[int32]bool, len(t.Assignment))
	for _, a := range t.Assignment {
		if seen[a.Partition] {
			return nil, Refuse(ErrInvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		seen[a.Partition] = true
		p, err := placeByHand(img, a.Replicas, factor)
		if err != nil {
			return nil, err
		}
		factor = len(a.Replicas)
		if a.Partition < 0 || int(a.Partition) >= len(partitions) {
			gap = true
			continue
		}
		partitions[a.Partition] = p
	}
	if gap {
		return nil, Refuse(ErrInvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
	}
	return partitions, nil
}

func topicRecords(t *NewTopic, id metadata.TopicID, partitions []metadata.Partition) []metadata.Record {
	internal := t.Internal || IsInternal(t.Name)
	records := []metadata.Record{&metadata.TopicRecord{Name: t.Name, ID: id, Internal: internal}}
	for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
		value := t.Configs[key]
		records = append(records, &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: t.Name, Key: key, Value: &value})
	}
	return append(records, &metadata.PartitionsRecord{TopicID: id, Partitions: partitions})
}

func (c *Controller) defaultPartitions(img *metadata.Image) int32 {
	v, _ := c.Layers(img).Value("num.partitions")
	return int32(max(v.Int, 1))
}

// defaultReplication may be more than the brokers can hold, and the topic is
// then refused: fewer replicas than configured would be found out too late.
func (c *Controller) defaultReplication(img *metadata.Image) int16 {
	v, _ := c.Layers(img).Value("default.replication.factor")
	return int16(min(max(v.Int, 1), math.MaxInt16))
}

// DeleteTopics deletes topics by name or id: ErrUnknownTopic,
// ErrUnknownTopicID, ErrInvalidRequest, ErrTimeout, ErrUnavailable.
func (c *Controller) DeleteTopics(ctx context.Context, topics []TopicRef) []TopicResult {
	return c.runTopics(ctx, len(topics), false,
		func(i int) TopicResult { return TopicResult{Name: topics[i].Name, ID: topics[i].ID} },
		func(img *metadata.Image) topicDecision { return decideDelete(img, topics) })
}

func decideDelete(img *metadata.Image, topics []TopicRef) topicDecision {
	d := topicDecision{results: make([]TopicResult, len(topics))}
	gone := map[metadata.TopicID]bool{}
	for i, ref := range topics {
		r := &d.results[i]
		r.Name, r.ID = ref.Name, ref.ID
		t, ok := find(img, ref)
		switch {
		case !ok && ref.Name == "" && ref.ID != (metadata.TopicID{}):
			r.Err = Refuse(ErrUnknownTopicID, "This server does not host this topic ID.")
		case !ok:
			r.Err = Refuse(ErrUnknownTopic, "This server does not host this topic-partition.")
		case gone[t.ID]:
			r.Err = Refuse(ErrInvalidRequest, "The provided topic name maps to an ID that was already supplied.")
		default:
			gone[t.ID] = true
			r.Name, r.ID, r.Topic = t.Name, t.ID, t
			d.records = append(d.records, &metadata.RemoveTopicRecord{TopicID: t.ID})
		}
	}
	return d
}

func find(img *metadata.Image, ref TopicRef) (*metadata.Topic, bool) {
	if ref.Name != "" || ref.ID == (metadata.TopicID{}) {
		return img.Topic(ref.Name)
	}
	return img.TopicByID(ref.ID)
}
