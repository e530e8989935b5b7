package logstore_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"moldau/logstore"
)

// Against what OpenSSL makes of it: openssl mac -macopt
// hexkey:000102030405060708090a0b0c0d0e0f -macopt size:16 SIPHASH.
func TestDigestIsSipHash(t *testing.T) {
	secret := [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	for n, want := range map[int]string{
		0:  "a3817f04ba25a8e66df67214c7550293",
		1:  "da87c1d86b99af44347659119b22fc45",
		7:  "a1f1ebbed8dbc153c0b84aa61ff08239",
		8:  "3b62a9ba6258f5610f83e264f31497b4",
		15: "5493e99933b0a8117e08ec0f97cfc3d9",
		17: "473d06e8738db89854c066c47ae47740",
	} {
		key := make([]byte, n)
		for i := range key {
			key[i] = byte(i)
		}
		first, second := logstore.KeyDigest(secret, key)
		b := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, first), second)
		if got := fmt.Sprintf("%x", b); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
	one, _ := logstore.KeyDigest([2]uint64{1, 2}, []byte("key"))
	if other, _ := logstore.KeyDigest([2]uint64{1, 3}, []byte("key")); one == other {
		t.Error("the secret makes no difference")
	}
}

func BenchmarkDigest(b *testing.B) {
	for _, n := range []int{8, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			key := make([]byte, n)
			for b.Loop() {
				_, _ = logstore.KeyDigest([2]uint64{1, 2}, key)
			}
		})
	}
}
