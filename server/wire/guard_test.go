package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

// everyRequest calls f for each request and version that kmsg knows.
func everyRequest(t *testing.T, f func(t *testing.T, key, version int16)) {
	t.Helper()
	for key := range int16(kmsg.MaxKey + 1) {
		m := kmsg.RequestForKey(key)
		if m == nil {
			continue
		}
		for version := range m.MaxVersion() + 1 {
			t.Run(fmt.Sprintf("%s/%d", kmsg.NameForKey(key), version), func(t *testing.T) {
				f(t, key, version)
			})
		}
	}
}

func newRequest(key, version int16) kmsg.Request {
	m := kmsg.RequestForKey(key)
	m.SetVersion(version)
	return m
}

// fill sets every field of a message to something that is not its default, with
// 1 to 3 elements in each array, so that all of them, tagged ones too, are encoded.
func fill(v reflect.Value, rng *rand.Rand) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" || i > 0 {
				if name != "UnknownTags" {
					fill(v.Field(i), rng)
				}
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), rng)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+rng.IntN(3), 3))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("s", rng.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(rng.Float64())
	default:
		n := int64(2 + rng.IntN(100))
		if v.CanInt() {
			v.SetInt(n)
		} else {
			v.SetUint(uint64(n))
		}
	}
}

func filled(key, version int16, seed uint64) kmsg.Request {
	m := newRequest(key, version)
	fill(reflect.ValueOf(m).Elem(), rand.New(rand.NewPCG(seed, 1)))
	return m
}

// What the guard takes a message to be must be what kmsg does: it passes whole
// messages of every kind, to their last byte, and no shortened one.
func TestGuardKnowsEveryRequest(t *testing.T) {
	everyRequest(t, func(t *testing.T, key, version int16) {
		for seed := range uint64(3) {
			body := filled(key, version, seed).AppendTo(nil)
			r := wire.Request{Key: key, Version: version, Body: body}
			if rest, _, err := r.Walk(); err != nil || rest != 0 {
				t.Fatalf("seed %d: %d of %d bytes left, %v", seed, rest, len(body), err)
			}
			got := newRequest(key, version)
			if err := r.Decode(got); err != nil {
				t.Fatal(err)
			}
			if again := got.AppendTo(nil); string(again) != string(body) {
				t.Fatalf("decoded and encoded again: %x, want %x", again, body)
			}
			for n := range body {
				r.Body = body[:n]
				if _, _, err := r.Walk(); err == nil {
					t.Fatalf("%d of %d bytes pass", n, len(body))
				}
			}
		}
	})
}

// hostile are numbers that make a decoder do much for little: the largest
// counts, plain and compact, and 2^28 of them.
var hostile = [][]byte{
	{0x7f, 0xff, 0xff, 0xff},
	{0xff, 0xff, 0xff, 0xff, 0x0f},
	{0x80, 0x80, 0x80, 0x80, 0x01},
	{0x00, 0x00, 0x07, 0xff}, // fits what follows
	{0xff, 0x0f},
}

// Whatever a body says, decoding allocates no more than the guard expects, and
// that is linear in the body's length. A count that kmsg would follow for a
// minute makes the test as slow.
func TestDecodeCostsWhatTheBodyIsWorth(t *testing.T) {
	const perByte, perRequest = 128, 2 << 10
	// What is allocated is counted for the whole process: the runtime and what
	// earlier tests left running have a share in it.
	const beside = 64 << 10
	everyRequest(t, func(t *testing.T, key, version int16) {
		whole := filled(key, version, 1).AppendTo(nil)
		var bodies [][]byte
		for at := 0; at <= len(whole); at += 1 + len(whole)/20 {
			for i, number := range hostile {
				body := append(bytes.Clone(whole[:at]), number...)
				bodies = append(bodies, append(body, bytes.Repeat([]byte{byte(i % 3)}, 2<<10)...))
			}
		}
		newRequest(key, version).AppendTo(nil)
		budget := int64(beside)
		before := allocatedBytes()
		for _, body := range bodies {
			r := wire.Request{Key: key, Version: version, Body: body}
			_, heapBytes, err := r.Walk()
			if err == nil && heapBytes > int64(perByte*len(body)) {
				t.Fatalf("%d bytes unfold to %d", len(body), heapBytes)
			}
			budget += perRequest + heapBytes + heapBytes/4
			got := newRequest(key, version)
			if decodeErr := r.Decode(got); (err == nil) != (decodeErr == nil) && !errors.Is(decodeErr, wire.ErrMalformed) {
				t.Fatalf("walk %v, decode %v", err, decodeErr)
			}
		}
		if allocated := allocatedBytes() - before; allocated > budget {
			t.Errorf("%d bytes allocated for %d bodies, expected were at most %d", allocated, len(bodies), budget)
		}
	})
}

func allocatedBytes() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

func TestDecodeRefuses(t *testing.T) {
	tags := func(n int) []byte { // ApiVersions 3 with n tagged fields that nobody knows
		b := []byte{2, 'c', 2, 'v'}
		b = binary.AppendUvarint(b, uint64(n))
		for i := range n {
			b = binary.AppendUvarint(b, uint64(100+i))
			b = append(b, 0)
		}
		return b
	}
	for _, c := range []struct {
		name         string
		key, version int16
		body         []byte
		ok           bool
	}{
		{"unknown key", 1000, 0, nil, false},
		{"negative key", -1, 0, nil, false},
		{"unknown version", 18, 100, tags(0), false},
		{"negative version", 18, -1, tags(0), false},
		{"no tags", 18, 3, tags(0), true},
		{"some tags", 18, 3, tags(10), true},
		{"bytes after the body", 18, 3, append(tags(1), 1, 2, 3), true},
		{"a tag short", 18, 3, tags(10)[:len(tags(10))-1], false},
		{"tags worth more than 64 MiB", 18, 3, tags(600_000), false},
		{"null client name", 18, 3, []byte{0, 2, 'v', 0}, false},
		{"known tag that is cut short", 1, 12, fetchWithClusterTag([]byte{9, 'c'}), false},
		{"known tag", 1, 12, fetchWithClusterTag([]byte{2, 'c'}), true},
	} {
		r := wire.Request{Key: c.key, Version: c.version, Body: c.body}
		into := kmsg.RequestForKey(c.key)
		if into == nil {
			into = kmsg.NewPtrApiVersionsRequest()
		}
		if err := r.Decode(into); (err == nil) != c.ok || (err != nil && !errors.Is(err, wire.ErrMalformed)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	r := wire.Request{Key: 18, Version: 3, Body: tags(0)}
	if err := r.Decode(kmsg.NewPtrFetchRequest()); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("ApiVersions decoded to Fetch: %v", err)
	}
}

// fetchWithClusterTag is an empty Fetch 12 with tag 0, the cluster id.
func fetchWithClusterTag(value []byte) []byte {
	m := kmsg.NewPtrFetchRequest()
	m.Version = 12
	b := m.AppendTo(nil)
	b = append(b[:len(b)-1], 1, 0, byte(len(value)))
	return append(b, value...)
}
