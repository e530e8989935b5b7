package main

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// generator makes malformed requests: well-formed ones of a random key and version,
// filled at random, and spoilt.
type generator struct {
	random   *rand.Rand
	keys     []int16
	versions map[int16]int16 // the highest, by key
}

func newGenerator(random *rand.Rand, versions map[int16]int16) *generator {
	return &generator{random, slices.Sorted(maps.Keys(versions)), versions}
}

// next is a frame, and whether all of it is there that its size promises.
func (g *generator) next() (f []byte, whole bool) {
	r := g.random
	req := g.request()
	f, whole = frame(req, req.GetVersion()), true
	switch r.IntN(8) {
	case 0: // flipped bytes behind the size
		for range 1 + r.IntN(8) {
			f[4+r.IntN(len(f)-4)] = byte(r.Uint32())
		}
	case 1: // cut, and the size with it
		f = f[:4+r.IntN(len(f)-3)]
		binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	case 2: // a count of four bytes
		if at := 4 + r.IntN(len(f)-4); at+4 <= len(f) {
			binary.BigEndian.PutUint32(f[at:], r.Uint32()>>r.IntN(31))
		}
	case 3: // a compact count
		at := 4 + r.IntN(len(f)-4)
		f = append(f[:at:at], append(binary.AppendUvarint(nil, r.Uint64()>>r.IntN(63)), f[at:]...)...)
		binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	case 4: // bytes behind the end
		for range 1 + r.IntN(64) {
			f = append(f, byte(r.Uint32()))
		}
		binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	case 5: // another key or version
		binary.BigEndian.PutUint16(f[4+2*r.IntN(2):], uint16(r.Uint32()>>r.IntN(16)))
	case 6: // a size that is not
		if r.IntN(16) == 0 {
			binary.BigEndian.PutUint32(f, r.Uint32()>>r.IntN(24))
			whole = false
		}
	case 7: // noise
		for i := range f[4:] {
			f[4+i] = byte(r.Uint32())
		}
	}
	return f, whole
}

// request is a request with something in it: of a key that the broker has, mostly.
func (g *generator) request() kmsg.Request {
	for {
		key := g.keys[g.random.IntN(len(g.keys))]
		if g.random.IntN(16) == 0 {
			key = int16(g.random.IntN(kmsg.MaxKey + 1))
		}
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		highest, ok := g.versions[key]
		if !ok {
			highest = req.MaxVersion()
		}
		req.SetVersion(int16(g.random.IntN(int(min(highest, req.MaxVersion())) + 1)))
		g.fill(reflect.ValueOf(req).Elem(), 0)
		return req
	}
}

func (g *generator) fill(v reflect.Value, depth int) {
	r := g.random
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" && name != "UnknownTags" {
				g.fill(v.Field(i), depth)
			}
		}
	case reflect.Pointer:
		if r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), depth)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, r.IntN(40))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			v.SetBytes(b)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.String:
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		v.SetString(string(b))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64) & (1<<(v.Type().Bits()-1) - 1))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(r.Uint64() & (1<<v.Type().Bits() - 1))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(byte(r.Uint32())))
		}
	}
}

// frame is a request as it is sent.
func frame(req kmsg.Request, version int16) []byte {
	req.SetVersion(version)
	f := kbin.AppendInt16(make([]byte, 4, 256), req.Key())
	f = kbin.AppendInt16(f, version)
	f = kbin.AppendInt32(f, 1)
	client := "hostile"
	f = kbin.AppendNullableString(f, &client)
	if req.IsFlexible() {
		f = append(f, 0)
	}
	f = req.AppendTo(f)
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	return f
}
