package logstore

import "time"

// DigestBy has keys told apart by what a function makes of them: 16 bytes.
func DigestBy(o Options, digest func(key []byte) (high, low uint64)) Options {
	o.digest = func(key []byte) keyDigest {
		high, low := digest(key)
		return keyDigest{high, low}
	}
	return o
}

// CompactionEnds tells that a compaction of the log runs, and is to end.
func CompactionEnds(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.compaction.stop:
		return true
	default:
		return false
	}
}

// KeyDigest is what stands for a key, with a secret of 16 bytes.
func KeyDigest(secret [2]uint64, key []byte) (first, second uint64) {
	s := digestSecret(secret)
	d := s.digest(key)
	return d.high, d.low
}

var testSecret = digestSecret{1, 2}

// KeyMap is the map of a compaction, for its tests.
type KeyMap struct{ m *keyMap }

func NewKeyMap(bytesMax int64) KeyMap { return KeyMap{newKeyMap(bytesMax)} }

func (k KeyMap) Put(key []byte, offset int64) bool {
	_, ok := k.m.put(testSecret.digest(key), offset)
	return ok
}
func (k KeyMap) Newest(key []byte) int64 { return k.m.newest(testSecret.digest(key)) }
func (k KeyMap) Bytes() int64            { return int64(len(k.m.slots)) * keySlotBytes }
func (k KeyMap) Reset()                  { k.m.reset() }

// Superseded is what a compaction knows of the offsets that have no key any more.
type Superseded struct{ s superseded }

func NewSuperseded(bytesMax, from int64) *Superseded {
	s := &Superseded{newSuperseded(bytesMax)}
	s.s.reset(from)
	return s
}

func (s *Superseded) Add(offset int64)            { s.s.add(offset) }
func (s *Superseded) Has(offset int64) bool       { return s.s.has(offset) }
func (s *Superseded) Knows(offset int64) bool     { return s.s.knows(offset) }
func (s *Superseded) All(first, count int64) bool { return s.s.all(first, count) }

// Throttle is the throttle of compactions.
type Throttle struct{ t throttle }

func NewThrottle(c Clock, perSecond int64) *Throttle {
	return &Throttle{throttle{clock: c, perSecond: perSecond}}
}

func (t *Throttle) Wait(bytes int64, stop <-chan struct{}) error { return t.t.wait(bytes, stop) }
func (t *Throttle) Due(bytes int64) time.Time                    { return t.t.take(bytes) }
