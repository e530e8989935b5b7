package logstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// Kafka's producer snapshot: i16 version, u32 CRC32C of all from byte 6 on, i32
// count, then the entries. FORMAT.md draws it.
const (
	snapshotVersion     = 1
	snapshotHeaderBytes = 10
	snapshotEntryBytes  = 46
)

var (
	errSnapshot = errors.New("malformed producer snapshot")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

func (ps *producers) encode() []byte {
	ids := slices.Sorted(maps.Keys(ps.byID))
	b := make([]byte, snapshotHeaderBytes, snapshotHeaderBytes+len(ids)*snapshotEntryBytes)
	binary.BigEndian.PutUint16(b, snapshotVersion)
	binary.BigEndian.PutUint32(b[6:], uint32(len(ids)))
	for _, id := range ids {
		p := ps.byID[id]
		last := producerBatch{lastSequence: -1, lastOffset: -1}
		if p.count > 0 {
			last = *p.last()
		}
		b = binary.BigEndian.AppendUint64(b, uint64(id))
		b = binary.BigEndian.AppendUint16(b, uint16(p.epoch))
		b = binary.BigEndian.AppendUint32(b, uint32(last.lastSequence))
		b = binary.BigEndian.AppendUint64(b, uint64(last.lastOffset))
		b = binary.BigEndian.AppendUint32(b, uint32(last.offsetDelta))
		b = binary.BigEndian.AppendUint64(b, uint64(p.timestampMs)) // a marker's, if that came last
		b = binary.BigEndian.AppendUint32(b, uint32(p.coordinatorEpoch))
		b = binary.BigEndian.AppendUint64(b, uint64(p.txnFirst))
	}
	binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[6:], castagnoli))
	return b
}

// decodeSnapshot returns the producers as of end, with one batch each.
func decodeSnapshot(b []byte, end, expiryMs, nowMs int64) (*producers, error) {
	if len(b) < snapshotHeaderBytes {
		return nil, fmt.Errorf("%w: %d bytes", errSnapshot, len(b))
	}
	if v := binary.BigEndian.Uint16(b); v != snapshotVersion {
		return nil, fmt.Errorf("%w: version %d", errSnapshot, v)
	}
	if crc := crc32.Checksum(b[6:], castagnoli); crc != binary.BigEndian.Uint32(b[2:]) {
		return nil, fmt.Errorf("%w: checksum does not match", errSnapshot)
	}
	n := int64(binary.BigEndian.Uint32(b[6:]))
	if n*snapshotEntryBytes != int64(len(b)-snapshotHeaderBytes) {
		return nil, fmt.Errorf("%w: count %d does not fit %d bytes", errSnapshot, n, len(b))
	}
	ps := newProducers(expiryMs)
	ps.end = end
	if n > 0 {
		ps.partialAt = end
	}
	for e := b[snapshotHeaderBytes:]; len(e) > 0; e = e[snapshotEntryBytes:] {
		p := &producer{
			epoch:            int16(binary.BigEndian.Uint16(e[8:])),
			timestampMs:      int64(binary.BigEndian.Uint64(e[26:])),
			seenMs:           nowMs,
			coordinatorEpoch: int32(binary.BigEndian.Uint32(e[34:])),
			txnFirst:         int64(binary.BigEndian.Uint64(e[38:])),
		}
		last := producerBatch{
			lastSequence: int32(binary.BigEndian.Uint32(e[10:])),
			lastOffset:   int64(binary.BigEndian.Uint64(e[14:])),
			offsetDelta:  int32(binary.BigEndian.Uint32(e[22:])),
			timestampMs:  p.timestampMs,
		}
		if last.lastSequence >= 0 {
			last.firstSequence = sequenceBack(last.lastSequence, last.offsetDelta)
			p.push(last)
		}
		id := int64(binary.BigEndian.Uint64(e))
		ps.byID[id] = p
		if p.txnFirst >= 0 {
			ps.txns.begin(&transaction{producerID: id, first: p.txnFirst, beganMs: nowMs})
		}
	}
	return ps, nil
}

// sequenceBack is the sequence n before seq; sequences wrap from 2^31-1 to 0.
func sequenceBack(seq, n int32) int32 {
	if back := int64(seq) - int64(n); back >= 0 {
		return int32(back)
	} else {
		return int32(back + 1<<31)
	}
}
