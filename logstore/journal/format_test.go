package journal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// The checksums of the golden bytes were computed by another program.
var (
	goldenFileHeader = []string{
		"4d4f4c4441554a01", // magic
		"00000001",         // version
		"0000000000000002", // generation
		"0000000000000003", // sequence
		"006f2a3e",         // checksum
	}
	goldenCommit = []string{
		"4d4a434d",         // magic
		"000000a7",         // bytes
		"0000000000000002", // generation
		"0000000000000003", // sequence
		"0000000000000002", // oldest
		"00000002",         // records
		"e6fa6711",         // checksum

		"01", "00", "0003", // batches, reserved, name length
		"00000005",         // payload bytes
		"0000000000000007", // incarnation
		"00000003",         // leader epoch
		"000000000000000a", // end before
		"000000000000000a", // first
		"0000000000000013", // last
		"612d30",           // a-0
		"2f4a7d6d",         // checksum
		"68656c6c6f",       // hello
		"8debccbe",         // checksum

		"02", "00", "0003", // synced, reserved, name length
		"00000000",         // payload bytes
		"0000000000000008", // incarnation
		"ffffffff",         // leader epoch
		"ffffffffffffffff", // end before
		"ffffffffffffffff", // first
		"0000000000000064", // last
		"622d31",           // b-1
		"ee9f829a",         // checksum
		"bcb1b37f",         // checksum of no payload

		"0000003c", "00000037", // lengths
		"771c1486", // checksum
	}
)

// unhex returns the bytes, with zeros up to a block.
func unhex(t *testing.T, parts []string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(parts, ""))
	must(t, err)
	return append(b, make([]byte, block-len(b))...)
}

func TestGoldenBytes(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 2, 3, small)
	synced := journal.Header{Kind: journal.Synced, Log: "b-1", Incarnation: 8, LeaderEpoch: -1, EndBefore: -1, First: -1, Last: 100}
	add(t, j, batches("a-0", 10), "hello")
	add(t, j, synced, "")
	must(t, j.Commit())
	want := slices.Concat(unhex(t, goldenFileHeader), unhex(t, goldenCommit), make([]byte, 2*block))
	if got := read(t, m, file(0)); !bytes.Equal(got, want) {
		t.Fatalf("wrote\n%x\nmust be\n%x", got, want)
	}

	other := vfs.NewMem()
	must(t, other.Mkdir("moldau", 0o755))
	must(t, other.Mkdir(dir, 0o755))
	write(t, other, file(7), 0, want)
	found, report := scan(t, other, 0)
	if !slices.Equal(found, []entry{{batches("a-0", 10), 2, 3, "hello"}, {synced, 2, 3, ""}}) || report.Torn || report.Rot != nil {
		t.Fatalf("read %v, %+v", found, report)
	}
}

func TestUnknownVersionIsRefused(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 2, 3, small)
	commit(t, j, 0, "x")
	header := read(t, m, file(0))[:32]
	binary.BigEndian.PutUint32(header[8:], 2)
	binary.BigEndian.PutUint32(header[28:], crc32.Checksum(header[:28], castagnoli))
	write(t, m, file(0), 0, header)
	_, err := journal.Scan(m, dir, 0, func(journal.Header, uint64, uint64, []byte) error { return nil })
	wantErr(t, err, journal.ErrVersion)
}

// A record of a kind or with a bit that this version does not know is told,
// and the next one is found.
func TestUnknownRecordIsDamage(t *testing.T) {
	for name, at := range map[string]int{"kind": 0, "reserved": 1} {
		t.Run(name, func(t *testing.T) {
			m := vfs.NewMem()
			j := open(t, m, 2, 3, small)
			commit(t, j, 0, "first", "second")
			commit(t, j, 2, "third")
			const from, headerBytes = block + 40, 44 + 3
			b := read(t, m, file(0))[from : from+headerBytes+4]
			b[at] = 3
			sum := crc32.Checksum(append(numbers(2, 3), b[:headerBytes]...), castagnoli)
			binary.BigEndian.PutUint32(b[headerBytes:], sum)
			write(t, m, file(0), from, b)
			found, report := scan(t, m, 0)
			if got := payloads(found); !slices.Equal(got, []string{"second", "third"}) {
				t.Fatalf("found %q", got)
			}
			if len(report.Rot) != 1 || !report.Rot[0].Known || report.Rot[0].Header.Log != "a-0" || report.Rot[0].Offset != from {
				t.Fatalf("report %+v", report)
			}
		})
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// numbers are what begins the checksums of records.
func numbers(generation, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, generation), sequence)
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]journal.Options{
		"uneven":           {FileBytes: 3*block + 1},
		"no room":          {FileBytes: block},
		"too large":        {FileBytes: 1 << 32},
		"negative":         {FileBytes: -block},
		"less than a file": {FileBytes: 4 * block, BytesMax: 3 * block},
		"commit too large": {FileBytes: 4 * block, CommitBytesMax: 3*block + 1},
		"commit too small": {CommitBytesMax: 100},
	} {
		if _, err := journal.Open(vfs.NewMem(), dir, 1, 1, o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, o := range []journal.Options{{}, {FileBytes: 2 * block}, {FileBytes: 1 << 30}, small} {
		_, err := journal.Open(vfs.NewMem(), dir, 1, 1, o)
		must(t, err)
	}
}
