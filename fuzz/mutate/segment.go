package mutate

import (
	"encoding/binary"

	"moldau/logstore/record"
)

// Segment makes batches of any bytes, edits them as a program says, and puts them
// into a row: each has true length, magic and CRC, and begins where the one before
// ends, unless the program wants otherwise. At the end it may damage what is there,
// as disks do.
func Segment(data []byte, base int64, p *Program) []byte {
	r := row{all: split(data)}
	shape := p.Byte()
	steps, damages := shape%16, max(int(shape>>4)%8-4, 0)
	for range steps {
		if !p.More() || len(r.all) == 0 {
			break
		}
		r.edit(p)
	}
	next := base
	var out []byte
	for _, b := range r.all {
		b.header.SetBaseOffset(next + b.shift)
		sealed := b.seal(p)
		next = record.Batch(sealed).LastOffset() + 1
		if len(out)+len(sealed) > 2*BytesMax {
			break
		}
		out = append(out, sealed...)
	}
	for range damages {
		out = Rot(out, p)
	}
	return out
}

// rowBatchesMax bounds the batches of a segment.
const rowBatchesMax = 48

// row is the batches of a segment.
type row struct{ all []placed }

// placed is a batch that begins by so much behind where the one before ends.
type placed struct {
	*batch
	shift int64
}

// split cuts bytes into batches by their length fields. What is left is one more.
func split(data []byte) (all []placed) {
	data = data[:min(len(data), BytesMax)]
	for len(data) > 0 && len(all) < rowBatchesMax {
		size := len(data)
		if len(data) >= record.HeaderBytes {
			if n := int64(binary.BigEndian.Uint32(data[lengthAt:])) + lengthEnd; n >= record.HeaderBytes && n < int64(size) {
				size = int(n)
			}
		}
		all = append(all, placed{batch: batchOf(data[:size])})
		data = data[size:]
	}
	return all
}

func (r *row) edit(p *Program) {
	i := p.Below(len(r.all))
	switch p.Byte() % 16 {
	case 0, 1, 2, 3, 4, 5:
		edits := p.Below(4) + 1
		for range edits {
			r.all[i].edit(p)
		}
	case 6, 7:
		if len(r.all) < rowBatchesMax {
			twin := *r.all[i].batch
			twin.header = append(record.Batch(nil), twin.header...)
			twin.stored = append([]byte(nil), twin.stored...)
			twin.plain = append([]byte(nil), twin.plain...)
			r.all = append(r.all, placed{&twin, r.all[i].shift})
		}
	case 8:
		r.all = append(r.all[:i:i], r.all[i+1:]...)
	case 9:
		j := p.Below(len(r.all))
		r.all[i], r.all[j] = r.all[j], r.all[i]
	case 10, 11: // a gap, as compaction leaves it
		r.all[i].shift = int64(p.Byte())
	case 12:
		r.all[i].shift = p.Int64()
	case 13, 14:
		r.producers(p)
	default:
		r.epochs(p)
	}
}

// producers makes batches those of one producer, with sequences that follow on.
func (r *row) producers(p *Program) {
	id, transactional := int64(p.Below(4)), p.One(2)
	sequence := uint32(p.Below(1000))
	for i := p.Below(len(r.all)); i < len(r.all); i++ {
		b := r.all[i].header
		if p.One(3) || b.Control() {
			continue
		}
		if transactional {
			b.SetAttributes(b.Attributes() | 0x10)
		}
		binary.BigEndian.PutUint64(b[43:], uint64(id))
		binary.BigEndian.PutUint16(b[51:], uint16(p.Below(2)))
		binary.BigEndian.PutUint32(b[53:], sequence)
		sequence += uint32(b.LastOffsetDelta() + 1)
	}
}

// epochs gives batches leader epochs that rise now and then.
func (r *row) epochs(p *Program) {
	epoch := int32(p.Below(8))
	for i := p.Below(len(r.all)); i < len(r.all); i++ {
		r.all[i].header.SetLeaderEpoch(epoch)
		epoch += int32(p.Byte() % 3)
	}
}

// Rot changes bytes as disks and crashes do: a flipped bit, a torn or a zeroed end,
// a sector of zeros, one in another's place, more behind the end.
func Rot(b []byte, p *Program) []byte {
	if len(b) == 0 {
		return append(b, p.Bytes(p.Below(100))...)
	}
	const sector = 512
	at := p.Below(len(b))
	switch p.Byte() % 8 {
	case 0, 1:
		b[at] ^= 1 << (p.Byte() % 8)
	case 2:
		b = b[:at]
	case 3:
		clear(b[at:])
	case 4:
		at -= at % sector
		clear(b[at:min(at+sector, len(b))])
	case 5:
		from := p.Below(len(b))
		copy(b[at-at%sector:], b[from-from%sector:min(from-from%sector+sector, len(b))])
	case 6:
		b = append(b, p.Bytes(p.Below(100))...)
	default:
		b = append(b, make([]byte, p.Below(200))...)
	}
	return b
}
