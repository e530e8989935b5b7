package wire

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kind is how a field lies on the wire.
type kind uint8

const (
	kindFixed    kind = iota // a number, a truth value, a UUID
	kindString               // length of 2 bytes, or compact
	kindBytes                // length of 4 bytes, or compact
	kindArray                // count of 4 bytes, or compact, then the elements
	kindStruct               // its fields, then its tagged fields if flexible
	kindNullable             // a byte, -1 for null, then as kindStruct
)

// field is what one version of a request has at one place.
type field struct {
	kind   kind
	tagged bool
	tag    uint32

	fixedBytes int     // kindFixed: on the wire
	heapBytes  int     // that decoding allocates: for one element of an array, or once
	elem       *field  // kindArray
	elemMin    int     // bytes that an element has at least on the wire
	fields     []field // kindStruct and kindNullable, tagged ones last
}

// bytesMin is the least that the field takes on the wire.
func (f *field) bytesMin(flexible bool) int {
	if f.kind == kindFixed {
		return f.fixedBytes
	}
	if f.kind == kindNullable || (flexible && f.kind != kindStruct) {
		return 1
	}
	switch f.kind {
	case kindString:
		return 2
	case kindStruct:
		sum := 0
		for i := range f.fields {
			if !f.fields[i].tagged {
				sum += f.fields[i].bytesMin(flexible)
			}
		}
		if flexible {
			sum++
		}
		return sum
	default:
		return 4
	}
}

// schemas holds the schema of every request, by key and version, nil until it
// is first asked for: a broker meets a few of them in its life, and should not
// spend its start on all.
var schemas = func() [][]atomic.Pointer[field] {
	all := make([][]atomic.Pointer[field], kmsg.MaxKey+1)
	for key := range all {
		if m := kmsg.RequestForKey(int16(key)); m != nil {
			all[key] = make([]atomic.Pointer[field], m.MaxVersion()+1)
		}
	}
	return all
}()

// schemaOf returns nil for a request that kmsg does not know.
func schemaOf(key, version int16) *field {
	if key < 0 || int(key) >= len(schemas) || version < 0 || int(version) >= len(schemas[key]) {
		return nil
	}
	at := &schemas[key][version]
	s := at.Load()
	if s == nil {
		// Two may probe at once; the results are the same.
		s = probe(key, version)
		at.Store(s)
	}
	return s
}
