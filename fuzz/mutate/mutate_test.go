package mutate_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/logstore/record"
)

func sample(t *testing.T, codec record.Codec, base int64) []byte {
	t.Helper()
	b := record.NewBuilder(record.BuilderOptions{Codec: codec, BaseOffset: base})
	for range 3 {
		b.Append(1_700_000_000_000, []byte("key"), []byte("value"), record.Header{Key: []byte("h")})
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(batch)
}

func programOf(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(40))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Without a program a sound batch stays as it is; with one most batches pass their
// checksum, some do not, and some of those that pass are sound.
func TestBatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	passed, sound, all := 0, 0, 0
	for codec := record.None; codec <= record.Zstd; codec++ {
		b := sample(t, codec, 7)
		if got := mutate.Batch(b, mutate.NewProgram(nil)); !bytes.Equal(got, b) {
			t.Fatalf("%v: %x became %x", codec, b, got)
		}
		for range 200 {
			program := programOf(r)
			got := mutate.Batch(b, mutate.NewProgram(program))
			if again := mutate.Batch(b, mutate.NewProgram(program)); !bytes.Equal(got, again) {
				t.Fatalf("%x does something else the second time", program)
			}
			all++
			n, err := naive.First(got)
			if err != nil || n.Check() != nil {
				continue
			}
			passed++
			if _, err := record.Batch(got).Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: 1 << 20}); err == nil {
				sound++
			}
		}
	}
	if passed < all/2 || passed > all*99/100 || sound < all/10 || sound > passed*9/10 {
		t.Errorf("of %d batches %d pass the checksum, %d are sound", all, passed, sound)
	}
}

// Without a program a row of batches stays; with one most keep a row that counts, and
// many are damaged at some place behind its first batch.
func TestSegment(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	var data []byte
	for i := range int64(5) {
		data = append(data, sample(t, record.None, 3*i)...)
	}
	if got := mutate.Segment(data, 0, mutate.NewProgram(nil)); !bytes.Equal(got, data) {
		t.Fatalf("%x became %x", data, got)
	}
	whole, part, all := 0, 0, 1000
	for range all {
		got := mutate.Segment(data, 0, mutate.NewProgram(programOf(r)))
		switch s := naive.ReadSegment(got, 0); {
		case s.Bytes == int64(len(got)) && s.Bytes > 0:
			whole++
		case len(s.Batches) > 0:
			part++
		}
	}
	if whole < all/10 || part < all/20 {
		t.Errorf("of %d segments %d are whole, %d in part", all, whole, part)
	}
}

func TestEntries(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	accepted := 0
	for range 2000 {
		if all, err := naive.TxnEntries(mutate.Entries(nil, 34, mutate.NewProgram(programOf(r))), 0); err == nil && len(all) > 0 {
			accepted++
		}
	}
	if accepted == 0 || accepted == 2000 {
		t.Errorf("%d of 2000 transaction indexes are sound", accepted)
	}
}
