package logstore

import "math/bits"

const (
	keySlotBytes = 24
	keySlotsMin  = 1 << 10
	// keySlotsKept is what a compactor keeps from run to run.
	keySlotsKept = 1 << 16
)

// keySlot holds a key's newest offset. Invariant: an empty one is all zero.
type keySlot struct {
	digest keyDigest
	behind int64 // that offset, plus one
}

// keyMap finds for each key the newest offset, in memory that is bounded and
// holds no pointer. The first half of a digest says where to look, and the slots
// behind that are tried one after the other: three quarters of them are filled at
// most, so that a key is mostly found in the cache line that was fetched for it.
type keyMap struct {
	slots    []keySlot
	used     int
	slotsMax int
	touched  int64 // kept so that the compiler keeps the reads
}

func newKeyMap(bytesMax int64) *keyMap {
	return &keyMap{slotsMax: int(max(bytesMax/keySlotBytes, 2))}
}

// reset empties the map and gives much memory back.
func (m *keyMap) reset() {
	if m.used = 0; len(m.slots) > keySlotsKept {
		m.slots = nil
	}
	clear(m.slots)
}

// roomFor is how many keys fit so many slots.
func roomFor(slots int) int { return max(slots/4*3, slots/2) }

// slot is where the digest is, or may be put.
func (m *keyMap) slot(d keyDigest) *keySlot {
	at, _ := bits.Mul64(d.high, uint64(len(m.slots)))
	for i := int(at); ; {
		s := &m.slots[i]
		if s.behind == 0 || s.digest == d {
			return s
		}
		if i++; i == len(m.slots) {
			i = 0
		}
	}
}

// keysTouched is for how many keys slots are fetched at once: more than a processor
// has reads under way.
const keysTouched = 64

// touch reads the slots of digests that are looked up next. One read does not wait
// for the other here, while each lookup waits for its own: with a map that no cache
// holds that is most of its time.
func (m *keyMap) touch(digests []keyDigest) {
	sum := int64(0)
	for i := range digests {
		at, _ := bits.Mul64(digests[i].high, uint64(len(m.slots)))
		sum += m.slots[at].behind
	}
	m.touched = sum
}

// put notes an offset, above all that the key has had, and returns the newest of
// these, -1 for none. It fails where the map is full.
func (m *keyMap) put(d keyDigest, offset int64) (older int64, ok bool) {
	if m.used >= roomFor(len(m.slots)) {
		m.grow()
	}
	s := m.slot(d)
	if s.behind == 0 {
		if m.used >= roomFor(len(m.slots)) {
			return -1, false
		}
		s.digest = d
		m.used++
	}
	older = s.behind - 1
	s.behind = offset + 1
	return older, true
}

// newest is the key's newest offset, -1 for one that is not there.
func (m *keyMap) newest(d keyDigest) int64 {
	if len(m.slots) == 0 {
		return -1
	}
	return m.slot(d).behind - 1
}

// grow doubles the map, as far as it may. While it is copied it takes half as
// much again.
func (m *keyMap) grow() {
	n := min(max(2*len(m.slots), keySlotsMin), m.slotsMax)
	if n <= len(m.slots) {
		return
	}
	old := m.slots
	m.slots = make([]keySlot, n)
	for i := range old {
		if old[i].behind != 0 {
			*m.slot(old[i].digest) = old[i]
		}
	}
}
