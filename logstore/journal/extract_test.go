package journal_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

const extractName = "extract"

// extract writes records to a file and returns it.
func extract(t *testing.T, m *vfs.Mem, entries ...entry) []byte {
	t.Helper()
	e, err := journal.CreateExtract(m, extractName)
	must(t, err)
	for _, entry := range entries {
		must(t, e.Add(entry.header, []byte(entry.payload)))
	}
	must(t, e.Close())
	return read(t, m, extractName)
}

func readExtract(m *vfs.Mem) (found []entry, err error) {
	err = journal.ReadExtract(m, extractName, func(h journal.Header, payload []byte) error {
		found = append(found, entry{header: h, payload: string(payload)})
		return nil
	})
	return found, err
}

func someEntries() []entry {
	return []entry{
		{header: batches("a-0", 10), payload: "hello"},
		{header: journal.Header{Kind: journal.Synced, Log: "b-1", Incarnation: 8, LeaderEpoch: -1, EndBefore: -1, First: -1, Last: 100}},
		{header: batches("a-0", 20), payload: strings.Repeat("long", 1<<18)},
		{header: batches("c-0", 0), payload: ""},
	}
}

func TestExtractGivesWhatWasAdded(t *testing.T) {
	m := vfs.NewMem()
	if _, err := readExtract(m); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without a file: %v", err)
	}
	extract(t, m, someEntries()...)
	must(t, m.SyncDir("."))
	for _, m := range []*vfs.Mem{m.Clone(), m.Crash()} {
		found, err := readExtract(m)
		must(t, err)
		if !slices.Equal(found, someEntries()) {
			t.Fatalf("found %v", found)
		}
	}
	m = vfs.NewMem()
	extract(t, m, someEntries()...)
	stop := errors.New("enough")
	if err := journal.ReadExtract(m, extractName, func(journal.Header, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("the error of who reads: %v", err)
	}
}

func TestGoldenExtract(t *testing.T) {
	got := extract(t, vfs.NewMem(), someEntries()[0])
	want, err := hex.DecodeString("4d4f4c4441555801" + "0000000000000050" + "a440069a" +
		"01" + "00" + "0003" + "00000005" + "0000000000000007" + "00000003" +
		"000000000000000a" + "000000000000000a" + "0000000000000013" + "612d30" + "32489760" + "68656c6c6f" + "1159ade8")
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("wrote\n%x\nmust be\n%x", got, want)
	}
}

// Whatever byte has rotted, and wherever the file ends: what is given is what was
// added, and that something is missing is told.
func TestRottenExtractIsTold(t *testing.T) {
	entries := slices.Delete(someEntries(), 2, 3)
	b := extract(t, vfs.NewMem(), entries...)
	wants := func(m *vfs.Mem, what string, at int) {
		t.Helper()
		found, err := readExtract(m)
		if !errors.Is(err, journal.ErrCorrupt) || len(found) >= len(entries) || !slices.Equal(found, entries[:len(found)]) {
			t.Fatalf("%s %d: found %v, %v", what, at, found, err)
		}
	}
	for at := range b {
		for bit := range 8 {
			m := vfs.NewMem()
			bad := bytes.Clone(b)
			bad[at] ^= 1 << bit
			write(t, m, extractName, 0, bad)
			wants(m, "flipped byte", at)
		}
		m := vfs.NewMem()
		write(t, m, extractName, 0, b[:at])
		wants(m, "cut to", at)
	}
}
