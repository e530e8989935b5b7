package metadata

// Record is one change of the cluster, as the metadata log holds it: a pointer
// to one of the structs below. Their fields are FORMAT.md's.
type Record interface {
	kind() recordKind
	appendFields(dst []byte) []byte
	readFields(d *decoder)
	apply(e *edit, offset int64) error
}

type recordKind uint64

// Numbers are for ever: a number of a record that is gone is not used again.
const (
	kindCluster recordKind = 1 + iota
	kindBroker
	kindTopic
	kindPartitions
	kindRemoveTopic
	kindConfig
	kindProducerIDs
)

func newRecord(k recordKind) Record {
	switch k {
	case kindCluster:
		return new(ClusterRecord)
	case kindBroker:
		return new(BrokerRecord)
	case kindTopic:
		return new(TopicRecord)
	case kindPartitions:
		return new(PartitionsRecord)
	case kindRemoveTopic:
		return new(RemoveTopicRecord)
	case kindConfig:
		return new(ConfigRecord)
	case kindProducerIDs:
		return new(ProducerIDsRecord)
	}
	return nil
}

// ClusterRecord names the cluster. It is the first record of a log.
type ClusterRecord struct{ ClusterID string }

// BrokerRecord registers a start of a broker. Each partition it leads gets a
// new leader epoch by applying it: one record of a few bytes, where a record
// per partition would make every start of a large broker write megabytes.
type BrokerRecord struct {
	ID          int32
	Incarnation [16]byte
	Listeners   []Listener
	Rack        string
}

// TopicRecord creates a topic without partitions.
type TopicRecord struct {
	Name     string
	ID       TopicID
	Internal bool
}

// PartitionsRecord adds partitions First, First+1, ... to a topic.
type PartitionsRecord struct {
	TopicID    TopicID
	First      int32
	Partitions []Partition
}

// RemoveTopicRecord removes a topic with its partitions and configs.
type RemoveTopicRecord struct{ TopicID TopicID }

// Resource says what a config belongs to. Its numbers are Kafka's.
type Resource uint8

const (
	ResourceTopic  Resource = 2
	ResourceBroker Resource = 4
)

// ConfigRecord sets one config of a topic (by name) or of a broker (by id in
// decimal, "" for all brokers). A nil Value removes it.
type ConfigRecord struct {
	Resource Resource
	Name     string
	Key      string
	Value    *string
}

// ProducerIDsRecord says that all producer ids below Next were handed out to
// brokers, the newest block to Broker.
type ProducerIDsRecord struct {
	Broker int32
	Next   int64
}
