package mutate

import (
	"encoding/binary"
	"hash/crc32"

	"moldau/logstore/record"
)

// Where the fields of a batch's header are, and how long.
var headerFields = [...]struct{ at, bytes int }{
	{0, 8},  // base offset
	{12, 4}, // leader epoch
	{21, 2}, // attributes
	{23, 4}, // last offset delta
	{27, 8}, // base timestamp
	{35, 8}, // max timestamp
	{43, 8}, // producer id
	{51, 2}, // producer epoch
	{53, 4}, // base sequence
	{57, 4}, // record count
}

const (
	lengthAt, lengthEnd = 8, 12
	magicAt             = 16
	crcAt, crcFrom      = 17, 21
	deltaAt             = 23
	countAt             = 57
	// unpackedMax bounds what a batch may unpack to, to be edited.
	unpackedMax = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// damage is what of a batch's checks a program breaks. All is drawn where the program
// asks for it: at its end there is nothing left to draw from.
type damage struct {
	crcAt, crcBits byte  // bits that are flipped in a byte of the CRC
	lengthBy       int64 // added to the true length
	length         int64 // in place of it, unless 0
	magicBy        byte  // added to the magic
}

// batch is a batch on the way. Its records are unpacked once, when they are first
// edited, and packed once, at the end: codecs cost more than all else.
type batch struct {
	header  record.Batch
	stored  []byte // as they lie in the batch
	plain   []byte // unpacked, where edited
	edited  bool
	codec   record.Codec // to pack them with, where edited
	renamed bool         // the attributes are to name codec
	damage  damage
}

// Batch makes a batch of any bytes and edits it as a program says. Unless the
// program wants otherwise its length, magic and CRC are true.
func Batch(data []byte, p *Program) []byte {
	b := batchOf(data)
	for steps := 0; p.More() && steps < 24; steps++ {
		b.edit(p)
	}
	return b.seal(p)
}

// batchOf is a copy of data, at least a header long.
func batchOf(data []byte) *batch {
	b := make([]byte, max(min(len(data), BytesMax), record.HeaderBytes))
	copy(b, data)
	return &batch{header: b[:record.HeaderBytes:record.HeaderBytes], stored: b[record.HeaderBytes:]}
}

// seal puts the batch together and makes length, magic and CRC true, but for what is
// to stay damaged.
func (b *batch) seal(p *Program) []byte {
	out := append(make([]byte, 0, record.HeaderBytes+len(b.stored)+len(b.plain)), b.header...)
	stored := b.stored
	if b.edited {
		packed, err := record.Compress(nil, b.codec, 0, b.plain)
		if err == nil && len(packed) <= 2*BytesMax {
			stored = packed
		}
		if b.renamed {
			record.Batch(out).SetAttributes(record.Batch(out).Attributes()&^7 | int16(b.codec))
		}
	}
	out = append(out, stored...)
	binary.BigEndian.PutUint32(out[lengthAt:], uint32(len(out)-lengthEnd))
	out[magicAt] = 2
	binary.BigEndian.PutUint32(out[crcAt:], crc32.Checksum(out[crcFrom:], castagnoli))
	out[crcAt+b.damage.crcAt] ^= b.damage.crcBits
	out[magicAt] += b.damage.magicBy
	if by := b.damage; by.lengthBy != 0 || by.length != 0 {
		length := by.length
		if length == 0 {
			length = int64(len(out)) - lengthEnd + by.lengthBy
		}
		binary.BigEndian.PutUint32(out[lengthAt:], uint32(length))
	}
	return out
}

// open unpacks the records. What cannot be unpacked is dropped: to write records in
// place of them finds more than to leave them.
func (b *batch) open() {
	if b.edited {
		return
	}
	b.edited, b.renamed, b.codec = true, true, b.header.Codec()
	plain, err := record.Decompress(nil, b.codec, b.stored, unpackedMax)
	if err != nil {
		plain, b.codec = nil, record.None
	}
	b.plain = plain
}

// codecs are drawn from this: those that cost most come up least.
var codecs = [...]record.Codec{0, 0, 0, 0, 0, 0, 2, 2, 2, 3, 3, 3, 3, 1, 4, 4}

// edit does one instruction. Header fields and records come up most often, damage
// to what checks them seldom.
func (b *batch) edit(p *Program) {
	switch op := p.Byte(); op % 32 {
	case 0, 1, 2, 3, 4, 5:
		b.setField(p)
	case 6, 7, 8:
		if at := b.bytes(); len(*at) > 0 {
			(*at)[p.Below(len(*at))] = p.Byte()
		}
	case 9, 10:
		at := b.bytes()
		*at = splice(*at, p.Below(len(*at)+1), 0, p.Bytes(1+p.Below(16)))
	case 11, 12:
		at := b.bytes()
		from := p.Below(len(*at) + 1)
		*at = splice(*at, from, min(1+p.Below(64), len(*at)-from), nil)
	case 13, 14, 15, 16:
		b.editRecords(p, appendRecord)
	case 17, 18:
		b.editRecords(p, copyRecord)
	case 19, 20:
		b.editRecords(p, dropRecord)
	case 21, 22, 23:
		b.editRecords(p, nil)
	case 24, 25, 26:
		b.open()
		b.codec = codecs[p.Below(len(codecs))]
	case 27: // attributes that lie about the codec
		b.renamed = false
	case 28:
		b.damage.crcAt, b.damage.crcBits = byte(p.Below(4)), p.Byte()
	case 29:
		if op > 128 {
			b.damage.lengthBy = int64(p.Below(5)) - 2
		} else {
			b.damage.length = p.Int64()
		}
	case 30:
		if op > 200 {
			b.damage.magicBy = p.Byte()
		}
	default: // numbers as a client writes them
		if n := uint32(b.header.Count()); n > 0 {
			binary.BigEndian.PutUint32(b.header[deltaAt:], n-1)
		}
	}
}

// bytes are those of the records: as stored, or, once they were edited, unpacked.
func (b *batch) bytes() *[]byte {
	if b.edited {
		return &b.plain
	}
	return &b.stored
}

func (b *batch) setField(p *Program) {
	f := headerFields[p.Below(len(headerFields))]
	v := p.Int64()
	for i := range f.bytes {
		b.header[f.at+i] = byte(v >> (8 * (f.bytes - 1 - i)))
	}
}

// splice replaces n bytes at at, unless there would be too many.
func splice(b []byte, at, n int, by []byte) []byte {
	if len(b)-n+len(by) > BytesMax {
		return b
	}
	out := make([]byte, 0, len(b)-n+len(by))
	out = append(append(out, b[:at]...), by...)
	return append(out, b[at+n:]...)
}
