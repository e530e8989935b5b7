package mutate

import "encoding/binary"

// span is where a record lies within the records of a batch.
type span struct{ from, to int }

// spans finds the records by their length fields, as far as these lead.
func spans(plain []byte) (all []span) {
	for at := 0; at < len(plain); {
		length, n := binary.Varint(plain[at:])
		end := int64(at) + int64(n) + length
		if n <= 0 || length < 0 || length > int64(len(plain)) || end > int64(len(plain)) {
			break
		}
		all = append(all, span{at, int(end)})
		at = int(end)
	}
	return all
}

// editRecords edits the records, and then sets the batch's count to what is there,
// and its last offset delta to what fits. Without an edit it only does the numbers.
func (b *batch) editRecords(p *Program, edit func([]byte, []span, *Program) []byte) {
	b.open()
	all := spans(b.plain)
	if edit != nil && len(b.plain) < BytesMax {
		b.plain = edit(b.plain, all, p)
		all = spans(b.plain)
	}
	last := int64(b.header.LastOffsetDelta())
	if n := int64(len(all)); last < n-1 || p.One(2) {
		last = max(n-1, 0)
	}
	binary.BigEndian.PutUint32(b.header[deltaAt:], uint32(last))
	binary.BigEndian.PutUint32(b.header[countAt:], uint32(len(all)))
}

// appendRecord adds a record that is sound, or nearly.
func appendRecord(plain []byte, all []span, p *Program) []byte {
	delta := int64(len(all))
	if p.One(4) {
		delta += p.Int64()
	}
	body := []byte{0}
	if p.One(8) {
		body[0] = p.Byte() // attributes, which nobody uses
	}
	timestamp := int64(p.Byte())
	if p.One(8) {
		timestamp = p.Int64()
	}
	body = binary.AppendVarint(body, timestamp)
	body = binary.AppendVarint(body, delta)
	body = appendSized(body, p)
	body = appendSized(body, p)
	headers := int64(p.Byte() % 4)
	body = binary.AppendVarint(body, headers)
	for range headers {
		body = appendSized(body, p)
		body = appendSized(body, p)
	}
	length := int64(len(body))
	if p.One(16) {
		length += p.Int64()
	}
	return append(binary.AppendVarint(plain, length), body...)
}

// appendSized adds a null or some bytes, behind their length.
func appendSized(to []byte, p *Program) []byte {
	n := int(p.Byte())
	switch {
	case n >= 240:
		return binary.AppendVarint(to, -1)
	case n >= 236:
		return binary.AppendVarint(to, p.Int64())
	case n >= 232: // a varint that is padded with zeros
		return append(to, 0x80, 0)
	}
	b := p.Bytes(n % 24)
	return append(binary.AppendVarint(to, int64(len(b))), b...)
}

func copyRecord(plain []byte, all []span, p *Program) []byte {
	if len(all) == 0 {
		return plain
	}
	s := all[p.Below(len(all))]
	return append(append([]byte(nil), plain...), plain[s.from:s.to]...)
}

func dropRecord(plain []byte, all []span, p *Program) []byte {
	if len(all) == 0 {
		return plain
	}
	s := all[p.Below(len(all))]
	return append(append([]byte(nil), plain[:s.from]...), plain[s.to:]...)
}
