package wire

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// decodedBytesMax bounds what one request may be decoded to. The largest that
// clients send are group assignments and topic lists: some MiB.
const decodedBytesMax = 64 << 20

// What decoding allocates for a tagged field that kmsg does not know: an entry
// of a map, while the map grows.
const unknownTagHeapBytes = 128

// stringHeapBytes covers an allocation's rounding up to its size class.
const stringHeapBytes = 16

// Decode decodes the body into a request of the kind that Key and Version say,
// and sets its version. Strings are copied, byte slices lie in Body.
//
// kmsg trusts the counts it reads: a handful of bytes can keep it busy for a
// minute, or cost a hundred times their size in memory. So the body is walked
// first, which takes time linear in its length, allocates nothing, and refuses
// what does not hold what it announces or would unfold to more than 64 MiB. What
// decoding allocates counts as in flight until the handler returns.
//
// Errors wrap [ErrMalformed]. Bytes after the body are tolerated, as Kafka does.
func (r *Request) Decode(into kmsg.Request) error {
	schema := schemaOf(r.Key, r.Version)
	if schema == nil || into.Key() != r.Key {
		return fmt.Errorf("%w: key %d, version %d is not decoded to a %T", ErrMalformed, r.Key, r.Version, into)
	}
	g := guard{c: cursor{b: r.Body}, flexible: isFlexible(r.Key, r.Version)}
	g.field(schema)
	if g.c.bad {
		return fmt.Errorf("%w: key %d, version %d: fields and counts go beyond the %d bytes of the body",
			ErrMalformed, r.Key, r.Version, len(r.Body))
	}
	if g.heapBytes > decodedBytesMax {
		return fmt.Errorf("%w: key %d, version %d: %d bytes would unfold to %d, allowed are %d",
			ErrMalformed, r.Key, r.Version, len(r.Body), g.heapBytes, decodedBytesMax)
	}
	r.decodedBytes = g.heapBytes
	if r.held != nil && g.heapBytes > 0 {
		if err := r.held.acquire(g.heapBytes); err != nil {
			return err
		}
	}
	into.SetVersion(r.Version)
	if err := into.ReadFrom(r.Body[:len(r.Body)-len(g.c.b)]); err != nil {
		return fmt.Errorf("%w: key %d, version %d: %v", ErrMalformed, r.Key, r.Version, err)
	}
	return nil
}

// guard walks over a message by its schema and adds up what decoding allocates.
type guard struct {
	c         cursor
	flexible  bool
	heapBytes int64
	steps     int64 // fields and tags that were looked at
}

// field looks no further once something was amiss: what the counts of the arrays
// around it promise is not there either.
func (g *guard) field(f *field) {
	if g.c.bad {
		return
	}
	g.steps++
	switch f.kind {
	case kindFixed:
		g.c.take(f.fixedBytes)
	case kindString:
		if n := g.c.length(g.flexible, false); n >= 0 {
			g.c.take(n)
			g.heapBytes += int64(f.heapBytes + n + stringHeapBytes)
		}
	case kindBytes:
		g.c.take(max(g.c.length(g.flexible, true), 0))
	case kindArray:
		n := max(g.c.count(g.flexible, f.elemMin), 0)
		g.heapBytes += int64(n) * int64(f.heapBytes)
		for ; n > 0 && !g.c.bad; n-- {
			g.field(f.elem)
		}
	case kindNullable:
		if g.c.int8() != -1 {
			g.heapBytes += int64(f.heapBytes)
			g.structure(f)
		}
	case kindStruct:
		g.structure(f)
	}
}

func (g *guard) structure(f *field) {
	inline := 0
	for ; inline < len(f.fields) && !f.fields[inline].tagged; inline++ {
		g.field(&f.fields[inline])
	}
	if g.flexible {
		g.tags(f.fields[inline:])
	}
}

func (g *guard) tags(known []field) {
	for n := g.c.tagCount(); n > 0 && !g.c.bad; n-- {
		g.steps++
		tag := g.c.uvarint()
		value := g.c.take(int(g.c.uvarint()))
		f := findTag(known, tag)
		if f == nil {
			g.heapBytes += unknownTagHeapBytes
			continue
		}
		inner := guard{c: cursor{b: value}, flexible: true}
		inner.field(f)
		g.heapBytes += inner.heapBytes
		g.steps += inner.steps
		if inner.c.bad {
			g.c.fail()
		}
	}
}

func findTag(known []field, tag uint32) *field {
	for i := range known {
		if known[i].tag == tag {
			return &known[i]
		}
	}
	return nil
}
