package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

const (
	dir   = "moldau/journal"
	block = 4096
)

// small files: three blocks for commits in each, four files.
var small = journal.Options{FileBytes: 4 * block, BytesMax: 16 * block, CommitBytesMax: 3 * block}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error is %v, must be %v", got, want)
	}
}

func open(t testing.TB, fsys vfs.FS, generation, sequence uint64, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(fsys, dir, generation, sequence, o)
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// entry is one record, as it was added or as a scan gave it.
type entry struct {
	header               journal.Header
	generation, sequence uint64
	payload              string
}

func (e entry) String() string {
	return fmt.Sprintf("%d/%d %s@%d:%.20q", e.generation, e.sequence, e.header.Log, e.header.First, e.payload)
}

func batches(log string, first int64) journal.Header {
	return journal.Header{
		Kind: journal.Batches, Log: log, Incarnation: 7, LeaderEpoch: 3, EndBefore: first, First: first, Last: first + 9,
	}
}

func add(t testing.TB, j *journal.Journal, h journal.Header, payload string) {
	t.Helper()
	p, ok := j.Add(h, len(payload))
	if !ok {
		t.Fatalf("%d bytes do not fit", len(payload))
	}
	copy(p, payload)
}

// commit commits one record of each payload, of log a at offset first and on.
func commit(t testing.TB, j *journal.Journal, first int64, payloads ...string) {
	t.Helper()
	for i, p := range payloads {
		add(t, j, batches("a-0", first+int64(i)), p)
	}
	must(t, j.Commit())
}

func scan(t testing.TB, fsys vfs.FS, from uint64) ([]entry, journal.Report) {
	t.Helper()
	var found []entry
	report, err := journal.Scan(fsys, dir, from, func(h journal.Header, generation, sequence uint64, payload []byte) error {
		found = append(found, entry{h, generation, sequence, string(payload)})
		return nil
	})
	must(t, err)
	return found, report
}

func payloads(found []entry) (all []string) {
	for _, e := range found {
		all = append(all, e.payload)
	}
	return all
}

func file(slot int) string { return path.Join(dir, fmt.Sprintf("%08d.journal", slot)) }

func read(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		t.Fatal(err)
	}
	must(t, f.Close())
	return b
}

func write(t testing.TB, fsys vfs.FS, name string, off int64, b []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	_, err = f.WriteAt(b, off)
	must(t, err)
	must(t, f.Close())
}

func long(n int) string { return string(bytes.Repeat([]byte{'x'}, n)) }
