package record

const (
	varintBytesMax  = 5
	varlongBytesMax = 10
)

// uvarint decodes an unsigned varint of at most bits from the start of b. n is
// the number of bytes it took, 0 where b ends inside, and negative where the
// value overflows or is padded by a last byte of zero. encoding/binary's
// accepts padding, by which one batch would have many encodings.
func uvarint(b []byte, bits uint) (v uint64, n int) {
	var shift uint
	for i, c := range b {
		if shift+7 > bits && c>>(bits-shift) != 0 {
			return 0, -1
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if c == 0 && i > 0 {
				return 0, -1
			}
			return v, i + 1
		}
		shift += 7
		if shift >= bits {
			return 0, -1
		}
	}
	return 0, 0
}

func appendVarint(b []byte, v int32) []byte {
	return appendUvarint(b, uint64(uint32(v<<1)^uint32(v>>31)))
}

func appendVarlong(b []byte, v int64) []byte { return appendUvarint(b, uint64(v<<1)^uint64(v>>63)) }

func appendUvarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// varlongBytes is the length of v's encoding; that of a varint is the same.
func varlongBytes(v int64) int {
	n := 1
	for u := uint64(v<<1) ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
