package kraft

import (
	"encoding/binary"
	"maps"
	"slices"
)

func appendUvarint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

func appendString(dst []byte, s string) []byte {
	return append(appendUvarint(dst, uint64(len(s))+1), s...)
}

func appendInt16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }
func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }
func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

func appendInt32s(dst []byte, all []int32) []byte {
	dst = appendUvarint(dst, uint64(len(all))+1)
	for _, v := range all {
		dst = appendInt32(dst, v)
	}
	return dst
}

// noTags ends a record, or a struct in it.
const noTags = 0

func appendHead(dst []byte, kind, version uint64) []byte {
	return appendUvarint(appendUvarint(appendUvarint(dst, frameVersion), kind), version)
}

func appendFeatureLevel(dst []byte, name string, level int16) []byte {
	dst = appendHead(dst, typeFeatureLevel, 0)
	return append(appendInt16(appendString(dst, name), level), noTags)
}

func appendTopic(dst []byte, t *Topic) []byte {
	dst = appendHead(dst, typeTopic, 0)
	dst = append(appendString(dst, t.Name), t.ID[:]...)
	return append(dst, noTags)
}

// registerBrokerVersion is that with the directories of the broker.
const registerBrokerVersion = 3

// appendRegisterBroker writes the registration of a broker that is fenced: it is
// known, and not there.
func appendRegisterBroker(dst []byte, id int32, epoch int64, directory UUID) []byte {
	dst = appendHead(dst, typeRegisterBroker, registerBrokerVersion)
	dst = append(appendInt32(dst, id), 0)  // not migrating from ZooKeeper
	dst = append(dst, make([]byte, 16)...) // no incarnation
	dst = appendInt64(dst, epoch)
	dst = append(dst, 1, 1)                      // no endpoints, no features
	dst = append(dst, 0, 1, 0)                   // no rack, fenced, not shutting down
	dst = appendUvarint(append(dst, 1, 0), 1+16) // one tagged field, 0, of so many bytes
	return append(append(dst, 2), directory[:]...)
}

// partitionVersion is that with directories and eligible leader replicas, of
// which there are none.
const partitionVersion = 2

// appendPartition writes a partition whose replicas lie in directories that the
// brokers have yet to name.
func appendPartition(dst []byte, t *Topic, number int32) []byte {
	p := &t.Partitions[number]
	dst = appendHead(dst, typePartition, partitionVersion)
	dst = append(appendInt32(dst, number), t.ID[:]...)
	dst = appendInt32s(appendInt32s(dst, p.Replicas), p.ISR)
	dst = appendInt32s(appendInt32s(dst, nil), nil) // being removed, being added
	dst = appendInt32(appendInt32(appendInt32(dst, p.Leader), p.LeaderEpoch), p.PartitionEpoch)
	dst = appendUvarint(dst, uint64(len(p.Replicas))+1)
	for range p.Replicas {
		dst = append(dst, directoryUnassigned[:]...)
	}
	return append(dst, noTags)
}

func appendConfig(dst []byte, of Resource, key, value string) []byte {
	dst = appendHead(dst, typeConfig, 0)
	dst = appendString(append(dst, byte(of.Type)), of.Name)
	return append(appendString(appendString(dst, key), value), noTags)
}

func appendProducerIDs(dst []byte, next int64) []byte {
	dst = appendHead(dst, typeProducerIDs, 0)
	dst = appendInt64(appendInt32(dst, -1), -1) // of no broker any more
	return append(appendInt64(dst, next), noTags)
}

// metadataVersion is the feature that must come first: it says how to read the
// rest.
const metadataVersion = "metadata.version"

// forRecords encodes the records that describe an image, in an order in which
// they can be applied. The bytes are emit's only until it returns.
func (i *Image) forRecords(emit func(value []byte) error) error {
	var buf []byte
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(i.Features)), func(n string) bool { return n == metadataVersion })
	for _, name := range append([]string{metadataVersion}, names...) {
		if err := emit(appendFeatureLevel(buf[:0], name, i.Features[name])); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(i.Brokers)) {
		if err := emit(appendRegisterBroker(buf[:0], id, i.Brokers[id], i.Directories[id])); err != nil {
			return err
		}
	}
	for _, t := range i.Topics() {
		buf = appendTopic(buf[:0], t)
		if err := emit(buf); err != nil {
			return err
		}
		for n := range t.Partitions {
			buf = appendPartition(buf[:0], t, int32(n))
			if err := emit(buf); err != nil {
				return err
			}
		}
	}
	for _, of := range i.Resources() {
		for _, key := range slices.Sorted(maps.Keys(i.Configs[of])) {
			buf = appendConfig(buf[:0], of, key, i.Configs[of][key])
			if err := emit(buf); err != nil {
				return err
			}
		}
	}
	if i.NextProducerID > 0 {
		return emit(appendProducerIDs(buf[:0], i.NextProducerID))
	}
	return nil
}
