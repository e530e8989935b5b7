package metadata

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"github.com/google/btree"
)

// TopicID is Kafka's topic id, a UUID. The zero id means none.
type TopicID [16]byte

// String is Kafka's form of a UUID: URL-safe base64 without padding.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// DefaultBroker names the configs that hold for every broker of the cluster.
const DefaultBroker int32 = -1

// Broker is a registered broker.
type Broker struct {
	ID int32
	// Incarnation differs from one start of the broker's process to the next.
	Incarnation [16]byte
	// Epoch is the offset of the broker's registration: it rises with each start.
	Epoch     int64
	Listeners []Listener
	Rack      string // "" none
}

// Listener is an address at which clients reach a broker.
type Listener struct {
	Name string // listener name, as in "PLAINTEXT://..."
	Host string
	Port uint16
}

// Topic is a topic with its partitions. It is shared between images: read only.
type Topic struct {
	Name       string
	ID         TopicID
	Partitions []Partition       // index = partition number
	Configs    map[string]string // overrides of the broker's, never nil
	Internal   bool              // __consumer_offsets and its like
}

// Partition is a partition's replicas and who of them leads.
type Partition struct {
	Leader         int32 // broker id, -1 none
	LeaderEpoch    int32 // rises with each leadership, so with each start of the leader
	PartitionEpoch int32 // rises with each change of this struct
	Replicas       []int32
	ISR            []int32
}

// Image is the cluster at one offset of the metadata log. It is immutable and
// safe for concurrent use; what its methods return is shared and read only.
type Image struct {
	clusterID    string
	controllerID int32
	offset       int64
	nextProducer int64
	brokers      []*Broker                   // by id
	configs      map[int32]map[string]string // by broker id
	partitions   int

	byName *btree.BTreeG[named]
	byID   *btree.BTreeG[identified]
	// shapes holds the names with '.' or '_', all spelled with '_'.
	shapes *btree.BTreeG[shaped]
	// treeMu orders clones of the trees: btree's Clone writes to its receiver.
	// Lookups do not need it, they never look at what Clone writes.
	treeMu sync.Mutex

	changes *changes // since the image this one was made of

	listOnce sync.Once
	list     []*Topic // made by the first call of Topics
}

// Keys stand in the trees beside what they find, so that a lookup neither
// allocates a topic to compare with nor follows a pointer per comparison.
type (
	named struct {
		name  string
		topic *Topic
	}
	identified struct {
		id    TopicID
		topic *Topic
	}
	shaped struct{ shape, name string }
)

// shapeOf spells a name with '_' for '.', and tells whether it has either.
func shapeOf(name string) (string, bool) {
	return strings.ReplaceAll(name, ".", "_"), strings.ContainsAny(name, "._")
}

// treeDegree trades the depth of a lookup against what a change copies: a node
// holds up to 63 entries, 1.5 KiB of names.
const treeDegree = 32

// NewImage is a cluster without records.
func NewImage() *Image {
	return &Image{
		controllerID: -1,
		offset:       -1,
		configs:      map[int32]map[string]string{},
		byName:       btree.NewG(treeDegree, func(a, b named) bool { return a.name < b.name }),
		byID:         btree.NewG(treeDegree, func(a, b identified) bool { return bytes.Compare(a.id[:], b.id[:]) < 0 }),
		shapes: btree.NewG(treeDegree, func(a, b shaped) bool {
			return a.shape < b.shape || a.shape == b.shape && a.name < b.name
		}),
	}
}

// ClusterID is the cluster's id, "" before the first record.
func (i *Image) ClusterID() string { return i.clusterID }

// ControllerID is the broker that decides, -1 unknown. It comes from whoever
// runs the log, not from its records: a new leader must not need a write to be
// known.
func (i *Image) ControllerID() int32 { return i.controllerID }

// Offset is the metadata log's offset of the last applied record, -1 none.
func (i *Image) Offset() int64 { return i.offset }

// NextProducerID is the first producer id of which no block was handed out.
func (i *Image) NextProducerID() int64 { return i.nextProducer }

// Topic finds a topic by name.
func (i *Image) Topic(name string) (*Topic, bool) {
	e, ok := i.byName.Get(named{name: name})
	return e.topic, ok
}

// TopicByID finds a topic by id.
func (i *Image) TopicByID(id TopicID) (*Topic, bool) {
	e, ok := i.byID.Get(identified{id: id})
	return e.topic, ok
}

// Colliding finds a topic that differs from name in '.' and '_' only, or is
// called so. Apache Kafka's metrics cannot tell such topics apart, so it does
// not let the second one be created.
func (i *Image) Colliding(name string) (existing string, ok bool) {
	shape, may := shapeOf(name)
	if !may {
		return "", false
	}
	i.shapes.AscendGreaterOrEqual(shaped{shape: shape}, func(s shaped) bool {
		existing, ok = s.name, s.shape == shape
		return false
	})
	if !ok {
		return "", false
	}
	return existing, true
}

// TopicCount is how many topics there are.
func (i *Image) TopicCount() int { return i.byName.Len() }

// PartitionCount is how many partitions all topics have.
func (i *Image) PartitionCount() int { return i.partitions }

// Topics lists all topics, sorted by name.
func (i *Image) Topics() []*Topic {
	i.listOnce.Do(func() {
		i.list = make([]*Topic, 0, i.byName.Len())
		i.byName.Ascend(func(e named) bool {
			i.list = append(i.list, e.topic)
			return true
		})
	})
	return i.list
}

// forgetTopics drops the list that Topics made, of an image under construction.
func (i *Image) forgetTopics() { i.listOnce, i.list = sync.Once{}, nil }

// TopicsFrom calls yield for each topic whose name is not below from, sorted by
// name, until it returns false.
func (i *Image) TopicsFrom(from string, yield func(*Topic) bool) {
	i.byName.AscendGreaterOrEqual(named{name: from}, func(e named) bool { return yield(e.topic) })
}

// Broker finds a broker by id.
func (i *Image) Broker(id int32) (*Broker, bool) {
	n, ok := slices.BinarySearchFunc(i.brokers, id, func(b *Broker, id int32) int { return int(b.ID) - int(id) })
	if !ok {
		return nil, false
	}
	return i.brokers[n], true
}

// Brokers lists all brokers, sorted by id.
func (i *Image) Brokers() []*Broker { return i.brokers }

// BrokerConfig is what was set at run time for a broker, or with
// [DefaultBroker] for all of them; nil when nothing was.
func (i *Image) BrokerConfig(id int32) map[string]string { return i.configs[id] }

// WithController is the same image under another controller.
func (i *Image) WithController(id int32) *Image {
	next := i.clone()
	next.controllerID = id
	return next
}

// clone shares everything but the list of topics, which is made again.
func (i *Image) clone() *Image {
	return &Image{
		clusterID: i.clusterID, controllerID: i.controllerID, offset: i.offset, nextProducer: i.nextProducer,
		brokers: i.brokers, configs: i.configs, partitions: i.partitions, byName: i.byName, byID: i.byID, shapes: i.shapes,
		changes: i.changes,
	}
}

// Shape is a topic's name with '_' for '.': two topics of the same shape
// collide. See [Image.Colliding].
func Shape(name string) string {
	shape, _ := shapeOf(name)
	return shape
}
