package manifest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"moldau/logstore/manifest"
)

// FuzzRead holds that no bytes make Read panic, that what it returns takes no
// more memory than the bytes pay for, and that it is written and read the same.
func FuzzRead(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b, false)
		f.Add(b, true)
		f.Add(b[:len(b)-3], true)
	}
	f.Fuzz(func(t *testing.T, data []byte, forge bool) {
		if len(data) > 8<<10 {
			return
		}
		if forge { // past the CRCs, where the decoder is
			data = forged(data)
		}
		s, torn, err := manifest.Read(memWith(t, data), dir)
		if err != nil {
			var c *manifest.CorruptError
			if !errors.As(err, &c) && !errors.Is(err, manifest.ErrVersion) || s != nil {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		entries := 0
		for _, r := range s.Rows {
			entries += 30 + len(r.Log) + 2*len(r.Epochs) + 7*len(r.Segments)
		}
		if entries > len(data) {
			t.Fatalf("%d bytes hold what takes %d", len(data), entries)
		}
		again := newMem(t)
		must(t, create(t, again, s).Close())
		wantState(t, "again", read(t, again), s)
		goneOn := memWith(t, data)
		file, err := manifest.Open(goneOn, dir, s)
		must(t, err)
		total, _ := file.Bytes()
		if torn != (total < int64(len(data))) {
			t.Fatalf("torn is %v, %d of %d bytes are good", torn, total, len(data))
		}
		must(t, file.Close())
		wantState(t, "opened", read(t, goneOn), s)
	})
}

func seeds(t tester) (all [][]byte) {
	for _, synced := range []bool{true, false} {
		h := &history{t: t}
		m := newMem(t)
		must(t, h.create(m, &manifest.State{Rows: map[string]*manifest.Row{"a-0": row("a-0", 1)}}))
		all = append(all, contentOf(t, m))
		must(t, h.notes(dirtied("a-0", 1, 500)))
		if synced {
			must(t, h.sync())
		}
		must(t, errors.Join(h.put(row("b-0", 3)), h.startJournal(9), h.drop("a-0"), h.closedBy(manifest.Marker{Inode: 1, ModTimeNs: 2}), h.opened()))
		all = append(all, contentOf(t, m))
	}
	return all
}

// forged sets all CRCs right, as far as the lengths lead.
func forged(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) < 24 {
		return b
	}
	binary.BigEndian.PutUint32(b[20:], crc32.Checksum(b[:20], table))
	for rest := b[24:]; len(rest) > 8; {
		length := int64(binary.BigEndian.Uint32(rest))
		if length > int64(len(rest)-8) {
			break
		}
		end := 8 + length
		crc := crc32.Update(crc32.Checksum(rest[:4], table), table, rest[8:end])
		binary.BigEndian.PutUint32(rest[4:], crc)
		rest = rest[end:]
	}
	return b
}
