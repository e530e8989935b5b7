package manifest

import (
	"errors"
	"math"
)

// The fewest bytes that an entry of a list takes: a count is believed only as
// far as the payload could hold that many.
const (
	epochBytesMin   = 2
	segmentBytesMin = 7
	rowBytesMin     = frameHeaderBytes + payloadBytesMin + 9 + 16 + 2
)

var errMalformed = errors.New("malformed frame")

// decoder takes fields off the front of a payload. After the first that is not
// there it only returns zeros, and bad is set.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() {
	d.b, d.bad = nil, true
}

// end is that all was there, and nothing else.
func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return errMalformed
	}
	return nil
}

// uvarint refuses padding, by which one state would have many encodings.
func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := uint64(d.b[0])
		d.b = d.b[1:]
		return v
	}
	var v uint64
	for i, c := range d.b {
		if i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 {
				break
			}
			d.b = d.b[i+1:]
			return v
		}
	}
	d.fail()
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) flag() bool {
	b := d.byte()
	if b > 1 {
		d.fail()
	}
	return b == 1
}

// name returns bytes of the payload, not a copy.
func (d *decoder) name() []byte {
	b := d.take(int(d.byte()))
	if len(b) == 0 {
		d.fail()
	}
	return b
}

// count returns a number of entries for which there are bytes.
func (d *decoder) count(entryBytesMin int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/entryBytesMin) {
		d.fail()
		return 0
	}
	return int(n)
}

// note decodes the scalars. Log is left to the caller, to copy or not.
func (d *decoder) note() (name []byte, n Note) {
	name = d.name()
	n.Incarnation = d.uvarint()
	if n.Incarnation == math.MaxUint64 {
		d.fail()
	}
	flags := d.byte()
	if flags > flagDirty|flagCleaned|flagQuarantined {
		d.fail()
	}
	n.Dirty, n.Quarantined = flags&flagDirty != 0, flags&flagQuarantined != 0
	n.Recovery = d.varint()
	n.Synced = n.Recovery + d.varint()
	n.Start = n.Recovery + d.varint()
	n.High = n.Recovery + d.varint()
	n.HolesBelow = n.Recovery + d.varint()
	if flags&flagCleaned != 0 {
		if n.Cleaned = n.Recovery + d.varint(); n.Cleaned == 0 {
			d.fail()
		}
	}
	return name, n
}

func (d *decoder) row() *Row {
	name, n := d.note()
	r := &Row{Log: string(name), Incarnation: n.Incarnation}
	r.apply(&n)
	copy(r.TopicID[:], d.take(len(r.TopicID)))
	r.Epochs = d.epochs()
	r.Segments = d.segments()
	return r
}

func (d *decoder) epochs() []Epoch {
	n := d.count(epochBytesMin)
	if n == 0 {
		return nil
	}
	epochs := make([]Epoch, n)
	var epoch, start int64
	for i := range epochs {
		epoch += d.varint()
		start += d.varint()
		if epoch != int64(int32(epoch)) {
			d.fail()
		}
		epochs[i] = Epoch{int32(epoch), start}
	}
	return epochs
}

func (d *decoder) segments() []Segment {
	n := d.count(segmentBytesMin)
	if n == 0 {
		return nil
	}
	segments := make([]Segment, n)
	var before Segment
	for i := range segments {
		s := &segments[i]
		s.Base = before.End + d.varint()
		s.End = s.Base + d.varint()
		s.Bytes = d.varint()
		s.OffsetsBytes = d.varint()
		s.TimesBytes = d.varint()
		s.TimestampMax = before.TimestampMax + d.varint()
		s.TimestampMaxOffset = s.Base + d.varint()
		before = *s
	}
	return segments
}

func (d *decoder) marker() Marker {
	return Marker{Inode: d.uvarint(), ModTimeNs: d.varint()}
}
