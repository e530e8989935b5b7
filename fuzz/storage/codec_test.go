package storage_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/memory"
	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore/record"
)

// unpackSlack is what unpacking may take beside its input and its limit: windows and
// tables of the codecs, which are pooled, and a decoder that is not.
const unpackSlack = 24 << 20

// FuzzCodec holds each codec to this:
//
//   - No bytes make it panic, give more than the limit, or take more memory than the
//     limit, the input and a constant.
//   - The error is one of those that package record names.
//   - Reading in small pieces gives what reading at once gives, and a limit that is
//     too small by one is told as such.
//   - What was packed is unpacked again. What the standard library unpacks of gzip is
//     what ours does.
func FuzzCodec(f *testing.F) { codecs.Fuzz(f) }

var codecs = target.New("FuzzCodec", fromFiles(codecSeeds, ".log"), func(t testing.TB, data, program []byte) target.Class {
	p := mutate.NewProgram(program)
	how := p.Byte()
	codec, pack := record.Codec(how%8%5), how&8 != 0
	limit := p.Below(1 << 16)
	src := bytes.Clone(data[:min(len(data), mutate.BytesMax)])
	if pack {
		src = checkPacked(t, codec, src)
	}
	for steps := 0; p.More() && steps < 8; steps++ {
		src = mutate.Rot(src, p)
	}
	return checkUnpack(t, codec, src, limit)
})

func codecSeeds(file corpus.File) (all []target.Seed) {
	for _, b := range naive.ReadSegment(file.Content, 0).Batches {
		if b.Codec() > 0 {
			all = append(all, target.Seed{Data: b.Payload(), Program: []byte{byte(b.Codec()), 1 << 7, 0}})
			continue
		}
		for codec := range byte(5) {
			all = append(all, target.Seed{Data: b.Payload(), Program: []byte{codec | 8, 1 << 7, 0}})
		}
	}
	return all
}

// checkPacked packs and unpacks, and returns what was packed.
func checkPacked(t testing.TB, codec record.Codec, data []byte) []byte {
	src, err := record.Compress(nil, codec, 0, data)
	must(t, err)
	back, err := record.Decompress(nil, codec, src, len(data))
	if err != nil || !bytes.Equal(back, data) {
		t.Fatalf("%v: %d bytes became %d, %v", codec, len(data), len(back), err)
	}
	if len(data) > 0 {
		if back, err := record.Decompress(nil, codec, src, len(data)-1); !errors.Is(err, record.ErrTooLarge) {
			t.Fatalf("%v: %d of %d bytes under a limit of one less, %v", codec, len(back), len(data), err)
		}
	}
	return src
}

func checkUnpack(t testing.TB, codec record.Codec, src []byte, limit int) target.Class {
	var got []byte
	var err error
	most := uint64(4*len(src) + 6*limit + unpackSlack)
	taken, ok := memory.Within(most, func() { got, err = record.Decompress(nil, codec, src, limit) })
	if !ok {
		t.Fatalf("%v: %d bytes under a limit of %d took %d bytes, more than %d", codec, len(src), limit, taken, most)
	}
	if len(got) > limit {
		t.Fatalf("%v: %d bytes under a limit of %d", codec, len(got), limit)
	}
	if err != nil && !errors.Is(err, record.ErrCompressed) && !errors.Is(err, record.ErrTooLarge) {
		t.Fatalf("%v: %v", codec, err)
	}
	pieces, err2 := inPieces(codec, src, limit)
	if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(pieces, got) {
		t.Fatalf("%v: %d bytes, %v; in pieces %d, %v", codec, len(got), err, len(pieces), err2)
	}
	if codec == record.Gzip {
		checkGzip(t, src, got, limit, err)
	}
	switch {
	case err == nil:
		return target.Accepted
	case len(got) > 0 || errors.Is(err, record.ErrTooLarge):
		return target.Deep
	}
	return target.Early
}

func inPieces(codec record.Codec, src []byte, limit int) (all []byte, err error) {
	r, err := record.NewReader(codec, src, limit)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	piece := make([]byte, 7)
	for {
		n, err := r.Read(piece)
		all = append(all, piece[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// checkGzip unpacks the first member with the standard library.
func checkGzip(t testing.TB, src, got []byte, limit int, err error) {
	r, wantErr := gzip.NewReader(bytes.NewReader(src))
	var want []byte
	if wantErr == nil {
		r.Multistream(false)
		want, wantErr = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	}
	switch {
	case errors.Is(err, record.ErrTooLarge):
	case wantErr != nil && err == nil, wantErr == nil && err == nil && !bytes.HasPrefix(got, want):
		t.Fatalf("gzip: %x, %v; the standard library: %x, %v", got, err, want, wantErr)
	}
}
