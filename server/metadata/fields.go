package metadata

import (
	"encoding/binary"
	"math"
	"slices"
)

func (*ClusterRecord) kind() recordKind     { return kindCluster }
func (*BrokerRecord) kind() recordKind      { return kindBroker }
func (*TopicRecord) kind() recordKind       { return kindTopic }
func (*PartitionsRecord) kind() recordKind  { return kindPartitions }
func (*RemoveTopicRecord) kind() recordKind { return kindRemoveTopic }
func (*ConfigRecord) kind() recordKind      { return kindConfig }
func (*ProducerIDsRecord) kind() recordKind { return kindProducerIDs }

func (r *ClusterRecord) appendFields(dst []byte) []byte { return appendString(dst, r.ClusterID) }
func (r *ClusterRecord) readFields(d *decoder)          { r.ClusterID = d.string() }

func (r *BrokerRecord) appendFields(dst []byte) []byte {
	dst = appendInt32(dst, r.ID)
	dst = append(dst, r.Incarnation[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(r.Listeners)))
	for _, l := range r.Listeners {
		dst = appendString(dst, l.Name)
		dst = appendString(dst, l.Host)
		dst = appendIndex(dst, int32(l.Port))
	}
	return appendString(dst, r.Rack)
}

func (r *BrokerRecord) readFields(d *decoder) {
	r.ID = d.int32()
	copy(r.Incarnation[:], d.bytes(16))
	if n := d.count(3); n > 0 {
		r.Listeners = make([]Listener, n)
	}
	for i := range r.Listeners {
		name, host, port := d.string(), d.string(), d.index()
		if port > math.MaxUint16 {
			d.fail("port %d", port)
		}
		r.Listeners[i] = Listener{Name: name, Host: host, Port: uint16(port)}
	}
	r.Rack = d.string()
}

const topicInternal = 1 << 0

func (r *TopicRecord) appendFields(dst []byte) []byte {
	dst = append(dst, r.ID[:]...)
	dst = appendString(dst, r.Name)
	var flags byte
	if r.Internal {
		flags |= topicInternal
	}
	return append(dst, flags)
}

func (r *TopicRecord) readFields(d *decoder) {
	copy(r.ID[:], d.bytes(16))
	r.Name = d.string()
	flags := d.byte()
	if flags&^topicInternal != 0 {
		d.fail("reserved flags %#x are set", flags)
	}
	r.Internal = flags&topicInternal != 0
}

func (r *PartitionsRecord) appendFields(dst []byte) []byte {
	dst = append(dst, r.TopicID[:]...)
	dst = appendIndex(dst, r.First)
	dst = binary.AppendUvarint(dst, uint64(len(r.Partitions)))
	for i := range r.Partitions {
		p := &r.Partitions[i]
		dst = appendInt32(dst, p.Leader)
		dst = appendIndex(dst, p.LeaderEpoch)
		dst = appendIndex(dst, p.PartitionEpoch)
		dst = appendInt32s(dst, p.Replicas)
		dst = appendInt32s(dst, p.ISR)
	}
	return dst
}

func (r *PartitionsRecord) readFields(d *decoder) {
	copy(r.TopicID[:], d.bytes(16))
	r.First = d.index()
	r.Partitions = make([]Partition, d.count(5))
	var before Partition
	for i := range r.Partitions {
		p := Partition{Leader: d.int32(), LeaderEpoch: d.index(), PartitionEpoch: d.index()}
		p.Replicas = d.int32s()
		p.ISR = d.int32s()
		// Neighbours mostly have the same replicas: a thousand partitions then
		// hold one list of them.
		if slices.Equal(p.Replicas, before.Replicas) {
			p.Replicas = before.Replicas
		}
		if slices.Equal(p.ISR, p.Replicas) {
			p.ISR = p.Replicas
		}
		r.Partitions[i], before = p, p
	}
}

func (r *RemoveTopicRecord) appendFields(dst []byte) []byte { return append(dst, r.TopicID[:]...) }
func (r *RemoveTopicRecord) readFields(d *decoder)          { copy(r.TopicID[:], d.bytes(16)) }

const (
	valueNull    = 0
	valuePresent = 1
)

func (r *ConfigRecord) appendFields(dst []byte) []byte {
	dst = append(dst, byte(r.Resource))
	dst = appendString(dst, r.Name)
	dst = appendString(dst, r.Key)
	if r.Value == nil {
		return append(dst, valueNull)
	}
	return appendString(append(dst, valuePresent), *r.Value)
}

func (r *ConfigRecord) readFields(d *decoder) {
	r.Resource = Resource(d.byte())
	r.Name = d.string()
	r.Key = d.string()
	switch b := d.byte(); b {
	case valueNull:
	case valuePresent:
		v := d.string()
		r.Value = &v
	default:
		d.fail("value marker %d", b)
	}
}

func (r *ProducerIDsRecord) appendFields(dst []byte) []byte {
	dst = appendInt32(dst, r.Broker)
	return binary.AppendUvarint(dst, uint64(r.Next))
}

func (r *ProducerIDsRecord) readFields(d *decoder) {
	r.Broker = d.int32()
	next := d.uvarint()
	if next > math.MaxInt64 {
		d.fail("producer id %d", next)
		return
	}
	r.Next = int64(next)
}
