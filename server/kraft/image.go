package kraft

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Image is a cluster as its metadata describes it.
type Image struct {
	// End is the offset behind the last record, Epoch the last batch's.
	End   int64
	Epoch int32

	Features       map[string]int16
	Brokers        map[int32]int64 // broker epoch by id
	Directories    map[int32]UUID  // of brokers, to be written; not read
	NextProducerID int64
	Configs        map[Resource]map[string]string

	// By name, however many there are: Moldau has no use for more.
	Quotas, ScramUsers, DelegationTokens map[string]bool
	ACLs                                 map[UUID]string

	byName map[string]*Topic
	byID   map[UUID]*Topic
}

// Topic is a topic with its partitions.
type Topic struct {
	Name       string
	ID         UUID
	Partitions []Partition // index = partition number

	// ahead are partitions of which the one before is not known yet: a snapshot lists
	// them in no order. Invariant: none has the number len(Partitions) or less.
	ahead map[int32]*Partition
}

// Partition is where a partition's replicas are, and who of them leads.
type Partition struct {
	Leader         int32 // broker id, -1 none
	LeaderEpoch    int32
	PartitionEpoch int32
	Replicas       []int32
	ISR            []int32
	// ELR are replicas that have all that was acknowledged although they left the
	// ISR, as the last of them does at a clean close.
	ELR []int32
}

// InSync tells whether a broker's replica has all that was acknowledged.
func (p *Partition) InSync(broker int32) bool {
	return slices.Contains(p.ISR, broker) || slices.Contains(p.ELR, broker) || len(p.Replicas) == 1 && p.Replicas[0] == broker
}

// Resource is what configs belong to.
type Resource struct {
	Type int8
	Name string
}

// Types of resources, Kafka's numbers.
const (
	ResourceTopic        = 2
	ResourceBroker       = 4
	ResourceClientMetric = 16
	ResourceGroup        = 32
)

// String names the resource for people.
func (r Resource) String() string {
	switch r.Type {
	case ResourceTopic:
		return "topic " + r.Name
	case ResourceBroker:
		if r.Name == "" {
			return "all brokers"
		}
		return "broker " + r.Name
	case ResourceClientMetric:
		return "client metrics " + r.Name
	case ResourceGroup:
		return "group " + r.Name
	}
	return fmt.Sprintf("resource %q of type %d", r.Name, r.Type)
}

// NewImage is a cluster without records.
func NewImage() *Image {
	return &Image{
		Features: map[string]int16{}, Brokers: map[int32]int64{}, Directories: map[int32]UUID{}, Configs: map[Resource]map[string]string{},
		Quotas: map[string]bool{}, ScramUsers: map[string]bool{}, DelegationTokens: map[string]bool{}, ACLs: map[UUID]string{},
		byName: map[string]*Topic{}, byID: map[UUID]*Topic{},
	}
}

// Topics lists all topics by name.
func (i *Image) Topics() []*Topic {
	return slices.SortedFunc(maps.Values(i.byName), func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
}

// Topic finds a topic by name.
func (i *Image) Topic(name string) (*Topic, bool) {
	t, ok := i.byName[name]
	return t, ok
}

// Resources lists what has configs, topics first, each kind by name.
func (i *Image) Resources() []Resource {
	return slices.SortedFunc(maps.Keys(i.Configs), func(a, b Resource) int {
		if a.Type != b.Type {
			return int(a.Type) - int(b.Type)
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// AddTopic adds a topic with its partitions, for whoever builds an image.
func (i *Image) AddTopic(t *Topic) error {
	if err := i.addTopic(t.Name, t.ID); err != nil {
		return err
	}
	for n, p := range t.Partitions {
		if err := i.putPartition(t.ID, int32(n), p); err != nil {
			return err
		}
	}
	return nil
}

func (i *Image) addTopic(name string, id UUID) error {
	if other, ok := i.byName[name]; ok {
		return fmt.Errorf("topic %q, id %s, exists with id %s", name, id, other.ID)
	}
	if other, ok := i.byID[id]; ok {
		return fmt.Errorf("topic %q has the id of topic %q", name, other.Name)
	}
	t := &Topic{Name: name, ID: id}
	i.byName[name], i.byID[id] = t, t
	return nil
}

// removeTopic also forgets its configs: Kafka writes no records for that.
func (i *Image) removeTopic(id UUID) error {
	t, ok := i.byID[id]
	if !ok {
		return fmt.Errorf("removal of unknown topic id %s", id)
	}
	delete(i.byID, id)
	delete(i.byName, t.Name)
	delete(i.Configs, Resource{ResourceTopic, t.Name})
	return nil
}

func (i *Image) putPartition(topic UUID, number int32, p Partition) error {
	t, ok := i.byID[topic]
	if !ok {
		return fmt.Errorf("partition %d of unknown topic id %s", number, topic)
	}
	switch n := int(number); {
	case n < 0:
		return fmt.Errorf("partition %d of topic %q", number, t.Name)
	case n < len(t.Partitions):
		t.Partitions[n] = p
	case n > len(t.Partitions):
		if t.ahead == nil {
			t.ahead = map[int32]*Partition{}
		}
		t.ahead[number] = &p
	default:
		t.Partitions = append(t.Partitions, p)
		t.catchUp()
	}
	return nil
}

// catchUp takes partitions over that follow the last one now.
func (t *Topic) catchUp() {
	for {
		n := int32(len(t.Partitions))
		p, ok := t.ahead[n]
		if !ok {
			return
		}
		t.Partitions = append(t.Partitions, *p)
		delete(t.ahead, n)
	}
}

func (i *Image) partition(topic UUID, number int32) (*Partition, error) {
	t, ok := i.byID[topic]
	if !ok {
		return nil, fmt.Errorf("change of partition %d of unknown topic id %s", number, topic)
	}
	if number >= 0 && int(number) < len(t.Partitions) {
		return &t.Partitions[number], nil
	}
	if p, ok := t.ahead[number]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("change of partition %d of topic %q, which is unknown", number, t.Name)
}

func (i *Image) setConfig(of Resource, key string, value *string) {
	if value == nil {
		if delete(i.Configs[of], key); len(i.Configs[of]) == 0 {
			delete(i.Configs, of)
		}
		return
	}
	if i.Configs[of] == nil {
		i.Configs[of] = map[string]string{}
	}
	i.Configs[of][key] = *value
}

// SetConfig sets a config, for whoever builds an image.
func (i *Image) SetConfig(of Resource, key, value string) { i.setConfig(of, key, &value) }

// complete finds partitions that no record describes, although one with a higher
// number is there.
func (i *Image) complete() error {
	for _, t := range i.Topics() {
		if len(t.ahead) > 0 {
			return fmt.Errorf("topic %q has partition %d, and no record describes partition %d", t.Name, slices.Max(slices.Collect(maps.Keys(t.ahead))), len(t.Partitions))
		}
	}
	return nil
}
