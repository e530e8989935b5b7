package mutate

import "encoding/binary"

// Entries edits a file of entries of one size, each a row of numbers that mostly rise
// from entry to entry, and makes its length a multiple of the size, unless the program
// wants otherwise.
func Entries(data []byte, size int, p *Program) []byte {
	b := append([]byte(nil), data[:min(len(data), BytesMax)]...)
	b = b[:len(b)/size*size]
	steps := p.Below(8)
	for range steps {
		switch p.Byte() % 8 {
		case 0, 1, 2, 3: // an entry that rises
			b = append(b, risen(b, size, p)...)
		case 4: // a number in one
			if len(b) >= size {
				at := p.Below(len(b)/size)*size + p.Below(size/4)*4
				if at+4 <= len(b) {
					binary.BigEndian.PutUint32(b[at:], uint32(p.Int64()))
				}
			}
		case 5:
			b = append(b, make([]byte, size*p.Below(4))...)
		case 6:
			b = Rot(b, p)
		default:
			if n := len(b) / size; n > 0 {
				b = b[:p.Below(n)*size]
			}
		}
	}
	if !p.One(8) {
		b = b[:len(b)/size*size]
	}
	return b
}

// risen is a copy of the last entry with its numbers a little higher.
func risen(b []byte, size int, p *Program) []byte {
	e := make([]byte, size)
	copy(e, b[max(len(b)-size, 0):])
	for at := size; at >= 8; at -= 8 {
		field := e[at-8 : at]
		if size == 8 || size == 12 && at == 12 { // two fields of four bytes
			field = e[at-4 : at]
			binary.BigEndian.PutUint32(field, binary.BigEndian.Uint32(field)+uint32(1+p.Below(8)))
			field = e[at-8 : at-4]
			if size == 8 {
				binary.BigEndian.PutUint32(field, binary.BigEndian.Uint32(field)+uint32(1+p.Below(8)))
				break
			}
			binary.BigEndian.PutUint64(e, binary.BigEndian.Uint64(e)+uint64(1+p.Below(8)))
			break
		}
		binary.BigEndian.PutUint64(field, binary.BigEndian.Uint64(field)+uint64(p.Below(8)))
	}
	return e
}
