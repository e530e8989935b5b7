package wire_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	heap "moldau/fuzz/memory"
	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
	"moldau/server/wire"
)

// What decoding may allocate: so much for each byte of the body, and once. The rest is
// what the runtime takes when spans of small objects are used up.
const (
	decodedBytesPerByte = 160
	decodedBytesOnce    = 512 << 10
)

// How many fields and tags the guard may look at before a body is decoded, which has
// no more of them: so many for each byte, and those of one empty message.
const (
	stepsPerByte = 2
	stepsOnce    = 100
)

// FuzzRequest parses a frame of any request and version, with a body that was encoded
// and then changed, or of any bytes, and holds that
//
//   - header and body are refused with ErrMalformed, or taken;
//   - what is looked at before it is decoded is bounded by a multiple of the frame's
//     length, counted and not timed: no count or tag keeps the walk busy;
//   - what decoding allocates is bounded by a multiple of the frame's length, whatever
//     counts, lengths and tags it announces;
//   - what was decoded and encoded again decodes to the same.
func FuzzRequest(f *testing.F) { requests.Fuzz(f) }

func TestSoak(t *testing.T) { target.Soak(t, []*target.Target{requests, frames}) }

// requestKinds are the keys that kmsg knows.
var requestKinds = func() (keys []int16) {
	for key := range int16(kmsg.MaxKey + 1) {
		if kmsg.RequestForKey(key) != nil {
			keys = append(keys, key)
		}
	}
	return keys
}()

var requests = target.New("FuzzRequest", func() (all []target.Seed, err error) {
	for i, key := range requestKinds {
		newest := byte(kmsg.RequestForKey(key).MaxVersion())
		all = append(all,
			target.Seed{Program: []byte{byte(i), newest, 1, 7}},
			target.Seed{Program: []byte{byte(i), 0, 1, 2, 0, 9, 1}},
			target.Seed{Data: filled(key, int16(newest), 1).AppendTo(nil), Program: []byte{byte(i), newest, 0, 1, 5, 2, 3}})
	}
	return all, nil
}, func(t testing.TB, data, program []byte) target.Class {
	p := mutate.NewProgram(program)
	key := requestKinds[p.Below(len(requestKinds))]
	version := int16(p.Below(int(kmsg.RequestForKey(key).MaxVersion()) + 1))
	body := append([]byte(nil), data[:min(len(data), mutate.BytesMax)]...)
	if p.Byte()%4 > 0 {
		body = filled(key, version, uint64(p.Byte())).AppendTo(nil)
	}
	for steps := 0; p.More() && steps < 8; steps++ {
		body = changeBody(body, p)
	}
	return checkFrame(t, key, version, body)
})

// changeBody puts something hostile into a body.
func changeBody(b []byte, p *mutate.Program) []byte {
	at := p.Below(len(b) + 1)
	switch p.Byte() % 6 {
	case 0, 1: // in place of what was there
		n := copy(b[at:], hostile[p.Below(len(hostile))])
		return b[:max(at+n, len(b))]
	case 2: // before it
		return append(b[:at:at], append(append([]byte(nil), hostile[p.Below(len(hostile))]...), b[at:]...)...)
	case 3: // many tagged fields, as the end of a structure has them
		tags := binary.AppendUvarint(nil, uint64(p.Below(300)))
		for i := range p.Below(300) {
			tags = append(binary.AppendUvarint(tags, uint64(i)), 0)
		}
		return append(b[:at:at], append(tags, b[at:]...)...)
	case 4:
		return append(b[:at:at], append(make([]byte, p.Below(600)), b[at:]...)...)
	}
	return mutate.Rot(b, p)
}

func checkFrame(t testing.TB, key, version int16, body []byte) target.Class {
	frame := binary.BigEndian.AppendUint16(nil, uint16(key))
	frame = binary.BigEndian.AppendUint16(frame, uint16(version))
	frame = append(frame, 0, 0, 0, 9, 0, 2, 'm', 'e')
	m := newRequest(key, version)
	if m.IsFlexible() {
		frame = append(frame, 0)
	}
	frame = append(frame, body...)
	r, err := wire.ParseHeader(frame)
	if err != nil || r.Key != key || r.Version != version || r.CorrelationID != 9 || r.ClientID != "me" || len(r.Body) != len(body) {
		t.Fatalf("header of %d, %d: %+v, %v", key, version, r, err)
	}
	if steps := r.Steps(); steps > int64(stepsPerByte*len(body)+stepsOnce) {
		t.Fatalf("key %d, version %d: %d bytes take %d steps", key, version, len(body), steps)
	}
	most := uint64(decodedBytesPerByte*len(frame) + decodedBytesOnce)
	taken := heap.Of(func() { err = r.Decode(m) })
	for tries := 0; taken > most && tries < 4; tries++ {
		// What went before may have been counted only now. It is not a second time.
		m = newRequest(key, version)
		taken = min(taken, heap.Of(func() { err = r.Decode(m) }))
	}
	if taken > most {
		t.Fatalf("key %d, version %d: %d bytes were decoded to %d, more than %d", key, version, len(frame), taken, most)
	}
	if err != nil {
		if !errors.Is(err, wire.ErrMalformed) {
			t.Fatal(err)
		}
		return target.Deep
	}
	// Null where kmsg wants none becomes empty: stable from there on.
	r.Body = m.AppendTo(nil)
	again := newRequest(key, version)
	if err := r.Decode(again); err != nil {
		t.Fatalf("key %d, version %d: what was decoded is refused when encoded again: %v", key, version, err)
	}
	if second := again.AppendTo(nil); string(second) != string(r.Body) {
		t.Fatalf("key %d, version %d: %x became %x", key, version, r.Body, second)
	}
	return target.Accepted
}
