package logstore

import (
	"encoding/binary"
	"math/bits"
)

// keyDigest stands for a key. All 128 bits are compared: of 64, two keys in a
// hundred million share theirs.
type keyDigest struct{ high, low uint64 }

// digestSecret makes digests by SipHash-2-4 with 128 bits of output (Aumasson and
// Bernstein, 2012), which without the secret is no guess better than chance: nobody
// who may choose keys can make two of them one, of which compaction would drop the
// older. A hash without a secret has to be a cryptographic one for that, and costs
// several times as much.
type digestSecret [2]uint64

// newDigestSecret draws one from what gives numbers below n.
func newDigestSecret(draw func(n int64) int64) digestSecret {
	const n = 1<<63 - 1
	return digestSecret{uint64(draw(n)), uint64(draw(n))}
}

// sipState is what the rounds mix. It goes by value, so that the compiler keeps it in
// registers: by reference each step would go through memory. A round is just short
// enough to be inlined.
type sipState struct{ a, b, c, d uint64 }

func (s sipState) round() sipState {
	s.a += s.b
	s.b = bits.RotateLeft64(s.b, 13) ^ s.a
	s.c += s.d
	s.d = bits.RotateLeft64(s.d, 16) ^ s.c
	s.a = bits.RotateLeft64(s.a, 32) + s.d
	s.d = bits.RotateLeft64(s.d, 21) ^ s.a
	s.c += s.b
	s.b = bits.RotateLeft64(s.b, 17) ^ s.c
	s.c = bits.RotateLeft64(s.c, 32)
	return s
}

func (k *digestSecret) digest(key []byte) keyDigest {
	s := sipState{k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d ^ 0xee, k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573}
	last := uint64(len(key)) << 56
	for len(key) >= 8 {
		word := binary.LittleEndian.Uint64(key)
		s.d ^= word
		s = s.round().round()
		s.a ^= word
		key = key[8:]
	}
	for i, c := range key {
		last |= uint64(c) << (8 * i)
	}
	s.d ^= last
	s = s.round().round()
	s.a ^= last
	s.c ^= 0xee
	s = s.round().round().round().round()
	first := s.a ^ s.b ^ s.c ^ s.d
	s.b ^= 0xdd
	s = s.round().round().round().round()
	return keyDigest{first, s.a ^ s.b ^ s.c ^ s.d}
}
