package api

import (
	"encoding/binary"
	"unsafe"

	"moldau/server/wire"
)

// produceResponse is a Produce response, versions 3 to 13. It is written by
// hand: the codec compares every partition's tagged fields by reflection, which
// costs as much as the rest of a request.
type produceResponse struct {
	version   int16
	topics    []producedTopic
	endpoints []wire.NodeEndpoint // 10+, tagged, left out when empty
}

type producedTopic struct {
	name       string   // up to 12
	id         [16]byte // 13+
	partitions []produced
}

// produced answers for one partition.
type produced struct {
	partition     int32
	code          int16
	baseOffset    int64 // -1 where nothing was appended
	appendTimeMs  int64 // -1 unless the log sets timestamps
	startOffset   int64 // 5+, of the log, -1 unknown
	refused       []refusedRecord
	message       *string           // 8+
	currentLeader *wire.LeaderEpoch // 10+, tagged, nil for none
}

// refusedRecord names a record for which its batch was refused. 8+.
type refusedRecord struct {
	index  int32
	reason string
}

// heldBytes is what the response takes in memory, roughly.
func (r *produceResponse) heldBytes() int64 {
	var n int64
	for i := range r.topics {
		t := &r.topics[i]
		n += int64(unsafe.Sizeof(*t)) + int64(len(t.name)) + int64(len(t.partitions))*int64(unsafe.Sizeof(produced{}))
	}
	return n
}

func (r *produceResponse) Key() int16 { return 0 }

func (r *produceResponse) IsFlexible() bool { return r.version >= 9 }

func (r *produceResponse) AppendTo(dst []byte) []byte {
	dst = r.appendCount(dst, len(r.topics))
	for i := range r.topics {
		t := &r.topics[i]
		if r.version >= 13 {
			dst = append(dst, t.id[:]...)
		} else {
			dst = r.appendString(dst, t.name)
		}
		dst = r.appendCount(dst, len(t.partitions))
		for j := range t.partitions {
			dst = r.appendPartition(dst, &t.partitions[j])
		}
		dst = r.appendNoTags(dst)
	}
	dst = append(dst, 0, 0, 0, 0) // no throttling
	if r.version < 10 || len(r.endpoints) == 0 {
		return r.appendNoTags(dst)
	}
	return appendTag0(dst, r.appendEndpoints(nil))
}

func (r *produceResponse) appendPartition(dst []byte, p *produced) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.partition))
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.code))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.baseOffset))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.appendTimeMs))
	if r.version >= 5 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.startOffset))
	}
	if r.version >= 8 {
		dst = r.appendCount(dst, len(p.refused))
		for i := range p.refused {
			dst = binary.BigEndian.AppendUint32(dst, uint32(p.refused[i].index))
			dst = r.appendString(dst, p.refused[i].reason)
			dst = r.appendNoTags(dst)
		}
		dst = r.appendNullable(dst, p.message)
	}
	if r.version < 10 || p.currentLeader == nil {
		return r.appendNoTags(dst)
	}
	var leader []byte
	leader = binary.BigEndian.AppendUint32(leader, uint32(p.currentLeader.LeaderID))
	leader = binary.BigEndian.AppendUint32(leader, uint32(p.currentLeader.Epoch))
	return appendTag0(dst, append(leader, 0))
}

func (r *produceResponse) appendEndpoints(dst []byte) []byte {
	dst = r.appendCount(dst, len(r.endpoints))
	for i := range r.endpoints {
		e := &r.endpoints[i]
		dst = binary.BigEndian.AppendUint32(dst, uint32(e.NodeID))
		dst = r.appendString(dst, e.Host)
		dst = binary.BigEndian.AppendUint32(dst, uint32(e.Port))
		dst = r.appendNullable(dst, e.Rack)
		dst = r.appendNoTags(dst)
	}
	return dst
}

func (r *produceResponse) appendCount(dst []byte, n int) []byte {
	if r.version >= 9 {
		return binary.AppendUvarint(dst, uint64(n)+1)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

func (r *produceResponse) appendString(dst []byte, s string) []byte {
	if r.version >= 9 {
		dst = binary.AppendUvarint(dst, uint64(len(s))+1)
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	}
	return append(dst, s...)
}

func (r *produceResponse) appendNullable(dst []byte, s *string) []byte {
	switch {
	case s != nil:
		return r.appendString(dst, *s)
	case r.version >= 9:
		return append(dst, 0)
	}
	return append(dst, 0xff, 0xff)
}

func (r *produceResponse) appendNoTags(dst []byte) []byte {
	if r.version >= 9 {
		return append(dst, 0)
	}
	return dst
}

// appendTag0 appends a tag section that holds tag 0 alone.
func appendTag0(dst, content []byte) []byte {
	dst = append(dst, 1, 0)
	dst = binary.AppendUvarint(dst, uint64(len(content)))
	return append(dst, content...)
}
