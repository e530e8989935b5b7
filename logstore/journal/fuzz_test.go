package journal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// encoded is a record as a file must hold it, by the drawing of the format.
func encoded(e entry) []byte {
	order := binary.BigEndian
	b := []byte{byte(e.header.Kind), 0}
	b = order.AppendUint16(b, uint16(len(e.header.Log)))
	b = order.AppendUint32(b, uint32(len(e.payload)))
	b = order.AppendUint64(b, e.header.Incarnation)
	b = order.AppendUint32(b, uint32(e.header.LeaderEpoch))
	for _, n := range []int64{e.header.EndBefore, e.header.First, e.header.Last} {
		b = order.AppendUint64(b, uint64(n))
	}
	b = append(b, e.header.Log...)
	salted := numbers(e.generation, e.sequence)
	b = order.AppendUint32(b, crc32.Checksum(append(salted, b...), castagnoli))
	b = append(b, e.payload...)
	return order.AppendUint32(b, crc32.Checksum(append(salted, e.payload...), castagnoli))
}

// fuzzImage is a journal of several generations, one of them released and its
// file used again, of small commits.
func fuzzImage(t testing.TB) (image [][]byte) {
	t.Helper()
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	for i := range int64(14) {
		add(t, j, batches("a-0", i), long(int(i)*40))
		add(t, j, journal.Header{Kind: journal.Synced, Log: "b-1", Last: i}, "")
		commit(t, j, i, "x")
		if i == 9 {
			j.Release(2)
		}
	}
	for slot := range 4 {
		image = append(image, read(t, m, file(slot)))
	}
	return image
}

// mutate runs a program of six bytes an instruction on the image: what, file,
// place (two bytes), value, length.
func mutate(image [][]byte, program []byte) {
	for step := range slices.Chunk(program, 6) {
		if len(step) < 6 {
			return
		}
		b := image[int(step[1])%len(image)]
		at, value, n := int(binary.BigEndian.Uint16(step[2:])), step[4], int(step[5])
		if at >= len(b) {
			continue
		}
		part := b[at:min(at+n, len(b))]
		start := at / block * block
		switch step[0] % 8 {
		case 0:
			b[at] ^= value
		case 1:
			clear(part)
		case 2:
			copy(b[min(int(value)%4*block, len(b)):], b[start:min(start+block, len(b))])
		case 3: // to another file
			to := image[int(value)%len(image)]
			copy(to[min(start, len(to)):], b[start:])
		case 4:
			image[int(step[1])%len(image)] = b[:at]
		case 5: // a good checksum over a changed commit header
			if start+40 <= len(b) {
				b[start+int(value)%36] ^= step[5]
				binary.BigEndian.PutUint32(b[start+36:], crc32.Checksum(b[start:start+36], castagnoli))
			}
		case 6: // of a file's, but for its version
			if len(b) >= 32 {
				b[12+int(value)%16] ^= step[5]
				binary.BigEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
			}
		case 7: // over something as a record header of a commit's numbers
			if end := at + 47; start+40 <= at && end+4 <= len(b) {
				b[at+int(value)%47] ^= step[5]
				sum := crc32.Checksum(append(bytes.Clone(b[start+8:start+24]), b[at:end]...), castagnoli)
				binary.BigEndian.PutUint32(b[end:], sum)
			}
		}
	}
}

func FuzzScan(f *testing.F) {
	image := fuzzImage(f)
	f.Add([]byte{}, []byte{}, uint64(0))
	f.Add([]byte{0, 1, 0x10, 5, 1, 0}, []byte("MOLDAUJ\x01"), uint64(4))
	f.Add([]byte{4, 0, 0x20, 50, 0, 0, 1, 2, 0x10, 0, 0, 200}, unhexed(f), uint64(3))
	f.Add([]byte{5, 1, 0x10, 0, 4, 255, 7, 1, 0x10, 40, 5, 200, 6, 2, 0, 0, 15, 1}, []byte{}, uint64(0))
	f.Add([]byte{2, 1, 0x10, 0, 2, 0, 3, 0, 0x20, 0, 1, 0}, make([]byte, 2*block), ^uint64(0))
	f.Fuzz(func(t *testing.T, program, raw []byte, from uint64) {
		files := make([][]byte, 0, len(image)+1)
		for _, b := range image {
			files = append(files, bytes.Clone(b))
		}
		mutate(files, program)
		files = append(files, raw)
		m := vfs.NewMem()
		must(t, m.Mkdir("moldau", 0o755))
		must(t, m.Mkdir(dir, 0o755))
		for slot, b := range files {
			write(t, m, file(slot), 0, b)
		}
		checkScan(t, m, slices.Concat(files...), from)
	})
}

func unhexed(f *testing.F) []byte {
	f.Helper()
	b, err := hex.DecodeString(strings.Join(goldenFileHeader, ""))
	must(f, err)
	return b
}

// checkScan holds a scan of any bytes to what may be said of it.
func checkScan(t *testing.T, m vfs.FS, data []byte, from uint64) {
	t.Helper()
	scanBytes := func() (found []entry, report journal.Report, err error) {
		report, err = journal.Scan(m, dir, from, func(h journal.Header, generation, sequence uint64, payload []byte) error {
			found = append(found, entry{h, generation, sequence, string(payload)})
			return nil
		})
		return found, report, err
	}
	found, report, err := scanBytes()
	again, reportAgain, errAgain := scanBytes()
	if !slices.Equal(found, again) || !reflect.DeepEqual(report, reportAgain) || (err == nil) != (errAgain == nil) {
		t.Fatal("a second scan differs")
	}
	checkCatalog(t, m, from, found)
	last := entry{}
	for _, e := range found {
		if e.generation < max(from, last.generation) || e.sequence < last.sequence {
			t.Fatalf("%v comes after %v, from %d", e, last, from)
		}
		if e.generation > report.Generation || e.sequence > report.Sequence {
			t.Fatalf("%v is above what is reported, %d/%d", e, report.Generation, report.Sequence)
		}
		if !bytes.Contains(data, encoded(e)) {
			t.Fatalf("%v is not in a file", e)
		}
		last = e
	}
	for _, r := range report.Rot {
		if _, err := m.Stat(r.File); err != nil || r.Offset < 0 || r.Offset > int64(len(data)) {
			t.Fatalf("%+v: %v", r, err)
		}
	}
}
