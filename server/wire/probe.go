package wire

import (
	"bytes"
	"encoding/binary"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// probe finds out how kmsg lays out a request, by encoding it: a field is there
// if changing its value changes the bytes, and it is tagged if its default value
// takes none.
//
// kmsg has the layouts as generated code only, nothing that a program could
// read. A second set of layouts kept by hand would be a second opinion on ninety
// messages, to be found wrong one day on some connection; this one cannot
// disagree with the decoder it guards, and a test holds the two together for
// every key and version.
func probe(key, version int16) *field {
	m := kmsg.RequestForKey(key)
	m.SetVersion(version)
	if d, ok := m.(interface{ Default() }); ok {
		d.Default()
	}
	root := reflect.ValueOf(m).Elem()
	return &field{kind: kindStruct, fields: prober{m}.fields(root, "Version")}
}

// prober changes its message and leaves it as it was.
type prober struct{ m kmsg.Request }

func (p prober) encode() []byte { return p.m.AppendTo(nil) }

// fields probes a structure within the message, but for the field named except.
func (p prober) fields(s reflect.Value, except string) []field {
	var inline, tagged []field
	for i := range s.NumField() {
		if name := s.Type().Field(i).Name; name == "UnknownTags" || name == except {
			continue
		}
		if f := p.field(s.Field(i)); f == nil {
			continue
		} else if f.tagged {
			tagged = append(tagged, *f)
		} else {
			inline = append(inline, *f)
		}
	}
	return append(inline, tagged...)
}

// field returns nil for a field that the version does not have.
func (p prober) field(v reflect.Value) *field {
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	defer v.Set(before)

	switch {
	case isStructPointer(v.Type()):
		return p.nullable(v)
	case v.Kind() == reflect.Struct:
		return p.structure(v)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return p.array(v)
	default:
		return p.scalar(v)
	}
}

func (p prober) scalar(v reflect.Value) *field {
	f := scalarField(v.Type())
	without := p.encode()
	grows := 0
	if f.kind != kindFixed {
		grows = 1 - textLen(v)
	}
	alter(v)
	return f.locate(without, p.encode(), grows)
}

func (p prober) array(v reflect.Value) *field {
	t := v.Type()
	encoded := [3][]byte{p.encode()}
	for n := 1; n < len(encoded); n++ {
		v.Set(reflect.MakeSlice(t, n, n))
		for i := range n {
			resetToDefault(v.Index(i))
		}
		encoded[n] = p.encode()
	}
	// The second element adds itself, and nothing else.
	grows := len(encoded[2]) - len(encoded[1])
	f := &field{kind: kindArray, heapBytes: int(t.Elem().Size())}
	if f = f.locate(encoded[0], encoded[1], grows); f == nil {
		return nil
	}
	if t.Elem().Kind() == reflect.Struct {
		v.Set(v.Slice(0, 1))
		f.elem = &field{kind: kindStruct, fields: p.fields(v.Index(0), "")}
	} else {
		f.elem = scalarField(t.Elem())
	}
	f.elemMin = f.elem.bytesMin(p.m.IsFlexible())
	return f
}

// structure probes a structure that is neither an element nor behind a pointer.
// A tagged one is on the wire only while some field of it is not at its default,
// so its fields are probed while all its scalars are not.
func (p prober) structure(v reflect.Value) *field {
	without := p.encode()
	for i := range v.NumField() {
		if scalar := v.Field(i); scalar.CanInt() || scalar.CanUint() || scalar.Kind() == reflect.Bool {
			alter(scalar)
		}
	}
	with := p.encode()
	f := &field{kind: kindStruct, fields: p.fields(v, "")}
	if len(f.fields) == 0 {
		return nil
	}
	if !bytes.Equal(without, with) {
		f.locate(without, with, 0)
	}
	return f
}

func (p prober) nullable(v reflect.Value) *field {
	v.SetZero()
	null := p.encode()
	v.Set(reflect.New(v.Type().Elem()))
	resetToDefault(v.Elem())
	some := p.encode()

	f := &field{kind: kindNullable, heapBytes: int(v.Type().Elem().Size())}
	at := firstDifference(null, some)
	switch {
	case at == len(some):
		return nil
	case null[at] != 0xff: // no null: the count of tags, then the tag
		f.tagged, f.tag = true, tagAfter(some, at)
	}
	f.fields = p.fields(v.Elem(), "")
	return f
}

// locate tells by two encodings, without and with the field, whether it is
// there (nil if not) and whether it is tagged. grows is by how many bytes the
// encoding grows if it is not tagged.
func (f *field) locate(without, with []byte, grows int) *field {
	if bytes.Equal(without, with) {
		return nil
	}
	if len(with)-len(without) != grows {
		f.tagged, f.tag = true, tagAfter(with, firstDifference(without, with))
	}
	return f
}

// tagAfter reads the tag of a structure's only tagged field; their count, 1
// instead of 0, is at.
func tagAfter(encoded []byte, at int) uint32 {
	tag, _ := binary.Uvarint(encoded[at+1:])
	return uint32(tag)
}

func firstDifference(a, b []byte) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

func scalarField(t reflect.Type) *field {
	switch {
	case t.Kind() == reflect.String:
		return &field{kind: kindString}
	case t.Kind() == reflect.Pointer:
		return &field{kind: kindString, heapBytes: int(t.Elem().Size())}
	case t.Kind() == reflect.Slice:
		return &field{kind: kindBytes}
	default:
		// Go's sizes of numbers, truth values and UUIDs are the wire's.
		return &field{kind: kindFixed, fixedBytes: int(t.Size())}
	}
}

// alter gives a scalar another value than it has, of one byte if it had none.
func alter(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() ^ 1)
	case v.CanUint():
		v.SetUint(v.Uint() ^ 1)
	case v.CanFloat():
		v.SetFloat(v.Float() + 1)
	case v.Kind() == reflect.String:
		v.SetString("a")
	case v.Kind() == reflect.Slice:
		v.SetBytes([]byte{'a'})
	case v.Kind() == reflect.Array:
		v.Index(0).SetUint(v.Index(0).Uint() ^ 1)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		v.Elem().SetString("a")
	}
}

// textLen is the length of a string, byte field or optional string.
func textLen(v reflect.Value) int {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return 0
	}
	return v.Len()
}

func isStructPointer(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

func resetToDefault(v reflect.Value) {
	if d, ok := v.Addr().Interface().(interface{ Default() }); ok {
		d.Default()
	}
}
