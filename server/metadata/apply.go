package metadata

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
)

// ErrApply tells that a record contradicts the image it is applied to. Whoever
// decides checks first, so this is a damaged log or a bug, never a user's
// mistake.
var ErrApply = errors.New("metadata record does not fit the cluster")

// Apply is the image after the records of one command, of which the first has
// the offset base. It is all or nothing: with an error i is still the newest.
// i itself does not change.
func (i *Image) Apply(base int64, records []Record) (*Image, error) {
	if base <= i.offset {
		return nil, fmt.Errorf("%w: offset %d is applied after %d", ErrApply, base, i.offset)
	}
	e := newEdit(i)
	for n, r := range records {
		offset := base + int64(n)
		if err := r.apply(e, offset); err != nil {
			return nil, fmt.Errorf("%w: offset %d: %w", ErrApply, offset, err)
		}
		e.next.offset = offset
	}
	e.next.changes = e.changes(i)
	return e.next, nil
}

// edit is an image under construction: what it owns it may change.
type edit struct {
	next *Image

	brokersOwned bool
	configsOwned map[int32]bool // nil: not even the outer map
	topics       map[TopicID]*ownedTopic
	removed      []TopicID
}

// ownedTopic is a topic that no other image has seen yet.
type ownedTopic struct {
	*Topic
	partitionsOwned, configsOwned bool
}

func newEdit(i *Image) *edit {
	e := &edit{next: i.clone(), topics: map[TopicID]*ownedTopic{}}
	i.treeMu.Lock()
	defer i.treeMu.Unlock()
	e.next.byName, e.next.byID, e.next.shapes = i.byName.Clone(), i.byID.Clone(), i.shapes.Clone()
	return e
}

// insert puts a topic of this edit into the trees, in place of the one it was
// copied from.
func (e *edit) insert(t *ownedTopic) {
	e.topics[t.ID] = t
	e.next.byName.ReplaceOrInsert(named{t.Name, t.Topic})
	e.next.byID.ReplaceOrInsert(identified{t.ID, t.Topic})
}

// own makes a topic changeable: a copy of its struct, once per command.
func (e *edit) own(t *Topic) *ownedTopic {
	if o, ok := e.topics[t.ID]; ok {
		return o
	}
	copied := *t
	o := &ownedTopic{Topic: &copied}
	e.insert(o)
	return o
}

func (t *ownedTopic) changePartitions() []Partition {
	if !t.partitionsOwned {
		t.Partitions, t.partitionsOwned = slices.Clone(t.Partitions), true
	}
	return t.Partitions
}

func (r *ClusterRecord) apply(e *edit, _ int64) error {
	if r.ClusterID == "" {
		return errors.New("the cluster id is empty")
	}
	if e.next.clusterID != "" {
		return fmt.Errorf("cluster id %q was set to %q before", r.ClusterID, e.next.clusterID)
	}
	e.next.clusterID = r.ClusterID
	return nil
}

func (r *BrokerRecord) apply(e *edit, offset int64) error {
	if r.ID < 0 {
		return fmt.Errorf("broker id %d", r.ID)
	}
	if !e.brokersOwned {
		e.next.brokers, e.brokersOwned = slices.Clone(e.next.brokers), true
	}
	b := &Broker{ID: r.ID, Incarnation: r.Incarnation, Epoch: offset, Listeners: r.Listeners, Rack: r.Rack}
	at := sort.Search(len(e.next.brokers), func(n int) bool { return e.next.brokers[n].ID >= r.ID })
	if at < len(e.next.brokers) && e.next.brokers[at].ID == r.ID {
		e.next.brokers[at] = b
	} else {
		e.next.brokers = slices.Insert(e.next.brokers, at, b)
	}
	e.newLeadership(r.ID)
	return nil
}

// newLeadership gives each partition that the broker leads a new leader epoch:
// after a crash its log may hold other records at the offsets consumers know,
// and only the epoch tells them.
func (e *edit) newLeadership(broker int32) {
	leads := func(p Partition) bool { return p.Leader == broker }
	for _, t := range e.next.Topics() {
		first := slices.IndexFunc(t.Partitions, leads)
		if first < 0 {
			continue
		}
		partitions := e.own(t).changePartitions()
		for n := first; n < len(partitions); n++ {
			if leads(partitions[n]) {
				partitions[n].LeaderEpoch++
				partitions[n].PartitionEpoch++
			}
		}
	}
	e.next.forgetTopics()
}

func (r *TopicRecord) apply(e *edit, _ int64) error {
	if r.ID == (TopicID{}) {
		return fmt.Errorf("topic %q has no id", r.Name)
	}
	if _, ok := e.next.Topic(r.Name); ok {
		return fmt.Errorf("topic %q exists", r.Name)
	}
	if t, ok := e.next.TopicByID(r.ID); ok {
		return fmt.Errorf("topic %q has the id %s of topic %q", r.Name, r.ID, t.Name)
	}
	t := &Topic{Name: r.Name, ID: r.ID, Internal: r.Internal, Configs: map[string]string{}}
	e.insert(&ownedTopic{Topic: t, partitionsOwned: true, configsOwned: true})
	if shape, may := shapeOf(t.Name); may {
		e.next.shapes.ReplaceOrInsert(shaped{shape, t.Name})
	}
	return nil
}

func (r *PartitionsRecord) apply(e *edit, _ int64) error {
	t, ok := e.next.TopicByID(r.TopicID)
	if !ok {
		return fmt.Errorf("partitions of unknown topic id %s", r.TopicID)
	}
	if int(r.First) != len(t.Partitions) {
		return fmt.Errorf("topic %q has %d partitions, the next one is called %d", t.Name, len(t.Partitions), r.First)
	}
	for n, p := range r.Partitions {
		if len(p.Replicas) == 0 {
			return fmt.Errorf("partition %s-%d has no replicas", t.Name, int(r.First)+n)
		}
	}
	o := e.own(t)
	o.Partitions = append(o.changePartitions(), r.Partitions...)
	e.next.partitions += len(r.Partitions)
	return nil
}

func (r *RemoveTopicRecord) apply(e *edit, _ int64) error {
	t, ok := e.next.TopicByID(r.TopicID)
	if !ok {
		return fmt.Errorf("removal of unknown topic id %s", r.TopicID)
	}
	e.next.byName.Delete(named{name: t.Name})
	e.next.byID.Delete(identified{id: t.ID})
	if shape, may := shapeOf(t.Name); may {
		e.next.shapes.Delete(shaped{shape, t.Name})
	}
	e.next.partitions -= len(t.Partitions)
	delete(e.topics, t.ID)
	e.removed = append(e.removed, t.ID)
	return nil
}

func (r *ConfigRecord) apply(e *edit, _ int64) error {
	if r.Key == "" {
		return errors.New("config without a name")
	}
	switch r.Resource {
	case ResourceTopic:
		t, ok := e.next.Topic(r.Name)
		if !ok {
			return fmt.Errorf("config %q of unknown topic %q", r.Key, r.Name)
		}
		o := e.own(t)
		if !o.configsOwned {
			o.Configs, o.configsOwned = maps.Clone(o.Configs), true
		}
		r.change(o.Configs)
		return nil
	case ResourceBroker:
		id, err := brokerOfConfig(r.Name)
		if err != nil {
			return err
		}
		r.change(e.ownBrokerConfig(id))
		if len(e.next.configs[id]) == 0 {
			delete(e.next.configs, id)
			delete(e.configsOwned, id)
		}
		return nil
	}
	return fmt.Errorf("config %q of resource type %d", r.Key, r.Resource)
}

func (r *ConfigRecord) change(configs map[string]string) {
	if r.Value == nil {
		delete(configs, r.Key)
		return
	}
	configs[r.Key] = *r.Value
}

func brokerOfConfig(name string) (int32, error) {
	if name == "" {
		return DefaultBroker, nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil || id < 0 || strconv.FormatInt(id, 10) != name {
		return 0, fmt.Errorf("config of broker %q", name)
	}
	return int32(id), nil
}

func (e *edit) ownBrokerConfig(id int32) map[string]string {
	if e.configsOwned == nil {
		e.next.configs, e.configsOwned = maps.Clone(e.next.configs), map[int32]bool{}
	}
	if !e.configsOwned[id] {
		c := maps.Clone(e.next.configs[id])
		if c == nil {
			c = map[string]string{}
		}
		e.next.configs[id], e.configsOwned[id] = c, true
	}
	return e.next.configs[id]
}

func (r *ProducerIDsRecord) apply(e *edit, _ int64) error {
	if r.Next <= e.next.nextProducer {
		return fmt.Errorf("producer ids up to %d were handed out, up to %d now", e.next.nextProducer, r.Next)
	}
	e.next.nextProducer = r.Next
	return nil
}
