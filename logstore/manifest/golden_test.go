package manifest_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"testing"

	"moldau/logstore/manifest"
)

var table = crc32.MakeTable(crc32.Castagnoli)

// header and frame are the format once more, from its drawing.
func header(version uint32, frames ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("MOLDAUM\x01"), version)
	b = binary.BigEndian.AppendUint64(b, uint64(24+len(bytes.Join(frames, nil))))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, table))
	return append(b, bytes.Join(frames, nil)...)
}

func frame(t tester, payload string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(payload, " ", ""))
	must(t, err)
	length := binary.BigEndian.AppendUint32(nil, uint32(len(p)))
	crc := crc32.Checksum(append(bytes.Clone(length), p...), table)
	return append(binary.BigEndian.AppendUint32(length, crc), p...)
}

const (
	emptyStore = "01 00 00 00 00 00"
	goldenRow  = "02 00 03612d30 05 01 c801 14 bd01 00 c701 000102030405060708090a0b0c0d0e0f" +
		"01 02 06" + "01 00 c801 d00f 10 18 14 12"
)

func TestGolden(t *testing.T) {
	m := newMem(t)
	r := &manifest.Row{
		Log: "a-0", Incarnation: 5, Dirty: true, Recovery: 100, Synced: 110, Start: 5, High: 100, HolesBelow: 0,
		Epochs:   []manifest.Epoch{{Epoch: 1, Start: 3}},
		Segments: []manifest.Segment{{Base: 0, End: 100, Bytes: 1000, OffsetsBytes: 8, TimesBytes: 12, TimestampMax: 10, TimestampMaxOffset: 9}},
	}
	for i := range r.TopicID {
		r.TopicID[i] = byte(i)
	}
	f := create(t, m, &manifest.State{
		Rows: map[string]*manifest.Row{"a-0": r}, NextIncarnation: 9, JournalStart: 300, Closed: true, Marker: manifest.Marker{Inode: 7, ModTimeNs: -1},
	})
	for _, change := range []func() (int64, error){
		f.Opened,
		func() (int64, error) {
			return f.Note(manifest.Note{Log: "a-0", Incarnation: 5, Recovery: 1, Synced: 1, High: 2})
		},
		func() (int64, error) {
			return f.Note(manifest.Note{Log: "a-0", Incarnation: 5, Dirty: true, Recovery: 9, Synced: 9, Start: 9, High: 9, HolesBelow: 9, Cleaned: 8})
		},
		func() (int64, error) { return f.Drop("a-0") },
		func() (int64, error) { return f.StartJournal(301) },
		func() (int64, error) { return f.ClosedBy(manifest.Marker{Inode: 8, ModTimeNs: 1}) },
	} {
		_, err := change()
		must(t, err)
	}
	want := header(1, frame(t, "01 00 01 09 ac02 01 07 01"), frame(t, goldenRow))
	for _, payload := range []string{"06 00", "03 0a 03612d30 05 00 02 00 01 02 01", "03 1f 03612d30 05 03 12 00 00 00 00 01", "04 35 03612d30", "05 43 ad02", "07 4f 08 02"} {
		want = append(want, frame(t, payload)...)
	}
	if got := contentOf(t, m); !bytes.Equal(got, want) {
		t.Fatalf("got\n%x, want\n%x", got, want)
	}
}

func TestVersions(t *testing.T) {
	for what, b := range map[string][]byte{
		"header":       header(2, frame(t, emptyStore)),
		"in snapshot":  header(1, frame(t, emptyStore), frame(t, "08 00")),
		"behind it":    append(header(1, frame(t, emptyStore)), frame(t, "ff 00 01")...),
		"kind of zero": append(header(1, frame(t, emptyStore)), frame(t, "00 00")...),
	} {
		_, _, err := manifest.Read(memWith(t, b), dir)
		wantErr(t, what, err, manifest.ErrVersion)
		if !strings.Contains(err.Error(), "version") {
			t.Errorf("%s: %v names no version", what, err)
		}
	}
}

// TestMalformed: a good CRC over what cannot have been written is corruption.
func TestMalformed(t *testing.T) {
	store := frame(t, emptyStore)
	for what, b := range map[string][]byte{
		"no store":            header(1),
		"row first":           header(1, frame(t, goldenRow)),
		"two stores":          header(1, store, store),
		"note in snapshot":    header(1, store, frame(t, "06 00")),
		"row not announced":   header(1, store, frame(t, goldenRow)),
		"row missing":         header(1, frame(t, "01 00 01 00 00 00")),
		"rows beyond bytes":   header(1, frame(t, "01 00 ffffffffff7f 00 00 00")),
		"reserved store flag": header(1, frame(t, "01 00 00 00 00 02")),
	} {
		_, _, err := manifest.Read(memWith(t, b), dir)
		if err == nil {
			t.Errorf("%s is accepted", what)
			continue
		}
		wantCorrupt(t, err, 0, len(b))
	}
	for what, payload := range map[string]string{
		"store":             emptyStore,
		"no lag":            "06 80",
		"more behind":       "06 00 00",
		"padded varint":     "05 00 8000",
		"varint too long":   "05 00 ffffffffffffffffff02",
		"varint cut":        "05 00 80",
		"no name":           "04 00 00",
		"name cut":          "04 00 05 6161",
		"reserved flag":     "03 00 0161 05 08 00 00 00 00 00",
		"cleaned missing":   "03 00 0161 05 02 00 00 00 00 00",
		"cleaned of 0":      "03 00 0161 05 02 00 00 00 00 00 00",
		"last incarnation":  "03 00 0161 ffffffffffffffffff01 00 00 00 00 00 00",
		"note cut":          "03 00 0161 05 01 00 00",
		"row cut":           "02 00 0161 05 01 00 00 00 00 00 0102",
		"epochs no bytes":   "02 00 0161 05 01 00 00 00 00 00 000102030405060708090a0b0c0d0e0f ff7f 00",
		"segments no bytes": "02 00 0161 05 01 00 00 00 00 00 000102030405060708090a0b0c0d0e0f 00 02 00000000000000",
		"epoch too large":   "02 00 0161 05 01 00 00 00 00 00 000102030405060708090a0b0c0d0e0f 01 8080808010 00 00",
	} {
		b := append(header(1, store), frame(t, payload)...)
		_, _, err := manifest.Read(memWith(t, b), dir)
		if err == nil {
			t.Errorf("%s is accepted", what)
			continue
		}
		wantCorrupt(t, err, 24+len(store), 24+len(store))
	}
}
