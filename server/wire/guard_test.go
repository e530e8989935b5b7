package wire_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
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
