package group

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/coordinator"
)

// Records of __consumer_offsets are Kafka's. A key begins with its version as a
// 16-bit integer, which is its type as well:
//
//	0, 1  offset    group string, topic string, partition int32
//	2     group     group string
//
// and so does a value. Of an offset, versions 0 to 4 are read. Written is 4, or 1
// where the client asked for a retention of its own, or 3 where the topic has no
// id:
//
//	offset int64, leader epoch int32 (3, 4), metadata string, commit time int64, expiry time int64 (1)
//
// Version 4 has a compact string, and the id of the topic as tagged field 0.
//
// Of a group, 0 to 4 are read and 3 is written:
//
//	protocol type string, generation int32, protocol nullable string, leader nullable string,
//	time of the state int64, members: id string, instance nullable string, client id string,
//	client host string, rebalance timeout int32, session timeout int32, subscription bytes,
//	assignment bytes
//
// Integers are big-endian, strings have a 16-bit and bytes a 32-bit length. A
// record without value deletes what its key names.
const (
	offsetKeyVersion     = 1
	groupKeyVersion      = 2
	namedValueVersion    = 3
	expiringValueVersion = 1
	offsetValueVersion   = 4
	groupValueVersion    = 3
	valueVersionMax      = 4
)

var errRecord = errors.New("invalid record of a group coordinator")

// partition names a partition of a topic that is consumed.
type partition struct {
	topic  string
	number int32
}

// committed is a committed offset.
type committed struct {
	offset      int64
	leaderEpoch int32 // -1 unknown
	metadata    string
	atMs        int64
	expiresMs   int64 // -1: by the broker's retention
	topicID     [16]byte
}

func offsetKey(group string, p partition) []byte {
	k := kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: group, Topic: p.topic, Partition: p.number}
	return k.AppendTo(make([]byte, 0, 10+len(group)+len(p.topic)))
}

func offsetRecord(group string, p partition, c committed) coordinator.Record {
	v := kmsg.OffsetCommitValue{
		Version: offsetValueVersion, Offset: c.offset, LeaderEpoch: c.leaderEpoch, Metadata: c.metadata, CommitTimestamp: c.atMs,
		TopicID: c.topicID,
	}
	switch {
	case c.expiresMs >= 0:
		v.Version, v.ExpireTimestamp = expiringValueVersion, c.expiresMs
	case c.topicID == [16]byte{}:
		v.Version = namedValueVersion
	}
	value := v.AppendTo(make([]byte, 0, 48+len(c.metadata)))
	return coordinator.Record{Key: offsetKey(group, p), Value: value}
}

func offsetTombstone(group string, p partition) coordinator.Record {
	return coordinator.Record{Key: offsetKey(group, p)}
}

func groupKey(group string) []byte {
	k := kmsg.GroupMetadataKey{Version: groupKeyVersion, Group: group}
	return k.AppendTo(nil)
}

func groupTombstone(group string) coordinator.Record {
	return coordinator.Record{Key: groupKey(group)}
}

// record is the group as it is, with the given assignments; sinceMs is when it
// came to its state.
func (g *group) record(assignments map[string][]byte, sinceMs int64) coordinator.Record {
	v := kmsg.GroupMetadataValue{
		Version: groupValueVersion, ProtocolType: g.protocolType, Generation: g.generation, CurrentStateTimestamp: sinceMs,
	}
	if len(g.members) > 0 {
		v.Protocol, v.Leader = &g.protocol, &g.leader
	}
	for _, m := range g.members {
		r := kmsg.GroupMetadataValueMember{
			MemberID: m.id, InstanceID: optional(m.instance), ClientID: m.clientID, ClientHost: m.clientHost,
			RebalanceTimeoutMillis: m.rebalanceMs, SessionTimeoutMillis: m.sessionMs,
			Subscription: m.metadata(g.protocol), Assignment: assignments[m.id],
		}
		v.Members = append(v.Members, r)
	}
	return coordinator.Record{Key: groupKey(g.id), Value: v.AppendTo(nil)}
}

// optional is nil for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// decodeKey returns the key of an offset or of a group: the partition is nil
// for the second. known is false for a key that other parts of Kafka write.
func decodeKey(b []byte) (group string, p *partition, known bool, err error) {
	if len(b) < 2 {
		return "", nil, false, fmt.Errorf("%w: key of %d bytes", errRecord, len(b))
	}
	switch version := int16(binary.BigEndian.Uint16(b)); version {
	case 0, offsetKeyVersion:
		var k kmsg.OffsetCommitKey
		if err := k.ReadFrom(b); err != nil {
			return "", nil, false, fmt.Errorf("%w: key of an offset: %w", errRecord, err)
		}
		if k.Partition < 0 {
			return "", nil, false, fmt.Errorf("%w: partition %d", errRecord, k.Partition)
		}
		return k.Group, &partition{k.Topic, k.Partition}, true, nil
	case groupKeyVersion:
		var k kmsg.GroupMetadataKey
		if err := k.ReadFrom(b); err != nil {
			return "", nil, false, fmt.Errorf("%w: key of a group: %w", errRecord, err)
		}
		return k.Group, nil, true, nil
	}
	return "", nil, false, nil
}

func checkValueVersion(b []byte) error {
	if len(b) < 2 {
		return fmt.Errorf("%w: value of %d bytes", errRecord, len(b))
	}
	if v := int16(binary.BigEndian.Uint16(b)); v < 0 || v > valueVersionMax {
		return fmt.Errorf("%w: version %d of a value", errRecord, v)
	}
	return nil
}

func decodeOffset(b []byte) (committed, error) {
	if err := checkValueVersion(b); err != nil {
		return committed{}, err
	}
	if b[1] == valueVersionMax {
		if err := checkOffsetCounts(b); err != nil {
			return committed{}, err
		}
	}
	var v kmsg.OffsetCommitValue
	if err := v.ReadFrom(b); err != nil {
		return committed{}, fmt.Errorf("%w: offset: %w", errRecord, err)
	}
	c := committed{v.Offset, -1, v.Metadata, v.CommitTimestamp, -1, v.TopicID}
	if v.Version >= 3 {
		c.leaderEpoch = v.LeaderEpoch
	}
	if v.Version == expiringValueVersion {
		c.expiresMs = v.ExpireTimestamp
	}
	return c, nil
}

func decodeGroup(b []byte) (*kmsg.GroupMetadataValue, error) {
	if err := checkValueVersion(b); err != nil {
		return nil, err
	}
	if b[1] == valueVersionMax {
		if err := checkGroupCounts(b); err != nil {
			return nil, err
		}
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("%w: group: %w", errRecord, err)
	}
	if v.Generation < 0 {
		return nil, fmt.Errorf("%w: generation %d", errRecord, v.Generation)
	}
	return &v, nil
}
