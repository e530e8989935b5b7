package journal_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// damaged is a journal of two generations that were written into used files:
// commits "a" of two records and "b", "c" in slot 0, "d" in slot 1.
func damaged(t *testing.T) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	old := open(t, m, 1, 1, small)
	for i := range 6 {
		commit(t, old, int64(i), "old")
	}
	must(t, old.Close())
	j := open(t, m, 3, 7, small)
	commit(t, j, 0, "a1", "a2")
	commit(t, j, 2, "b")
	commit(t, j, 3, "c")
	commit(t, j, 4, "d")
	must(t, j.Close())
	return m
}

// flip is damage: the bytes at off are changed, or zeroed.
type flip struct {
	slot int
	off  int64
	n    int
	zero bool
}

func (f flip) do(t *testing.T, m vfs.FS) {
	t.Helper()
	b := read(t, m, file(f.slot))[f.off : f.off+int64(f.n)]
	for i := range b {
		b[i] ^= 0x55
	}
	if f.zero {
		clear(b)
	}
	write(t, m, file(f.slot), f.off, b)
}

const (
	commitHeader = 40
	recordHeader = 44 + 3 + 4
	recordA1     = recordHeader + 2 + 4
)

func TestDamageIsToldFromTornWrites(t *testing.T) {
	all := []string{"a1", "a2", "b", "c", "d"}
	rot := func(slot int, off int64) journal.Rot { return journal.Rot{File: file(slot), Offset: off} }
	known := func(off, first int64) journal.Rot {
		return journal.Rot{File: file(0), Offset: off, Known: true, Header: batches("a-0", first)}
	}
	for _, c := range []struct {
		name  string
		flips []flip
		found []string
		rot   []journal.Rot
		torn  bool
	}{
		{"none", nil, all, nil, false},
		{"padding", []flip{{0, block + 3000, 100, false}}, all, nil, false},
		{"table", []flip{{0, block + commitHeader + 2*recordA1 + 1, 1, false}}, all, nil, false},

		{"commit header", []flip{{0, 2*block + 20, 1, false}}, all, []journal.Rot{rot(0, 2*block)}, false},
		{"commit magic", []flip{{0, 2 * block, 1, false}}, all, []journal.Rot{rot(0, 2*block)}, false},
		{"first commit's header", []flip{{0, block + 9, 1, false}}, all, []journal.Rot{rot(0, block)}, false},
		{"last commit's header in a file", []flip{{0, 3*block + 33, 1, false}}, all, []journal.Rot{rot(0, 3*block)}, false},
		{"record header", []flip{{0, block + commitHeader + 20, 1, false}}, []string{"a2", "b", "c", "d"}, []journal.Rot{rot(0, block+commitHeader)}, false},
		{"record header and table", []flip{{0, block + commitHeader + 20, 1, false}, {0, block + commitHeader + 2*recordA1, 1, false}},
			[]string{"b", "c", "d"}, []journal.Rot{rot(0, block+commitHeader)}, false},
		{"name length", []flip{{0, block + commitHeader + 2, 2, false}}, []string{"a2", "b", "c", "d"}, []journal.Rot{rot(0, block+commitHeader)}, false},
		{"payload", []flip{{0, block + commitHeader + recordHeader, 1, false}}, []string{"a2", "b", "c", "d"}, []journal.Rot{known(block+commitHeader, 0)}, false},
		{"second payload", []flip{{0, block + commitHeader + recordA1 + recordHeader, 1, false}}, []string{"a1", "b", "c", "d"}, []journal.Rot{known(block+commitHeader+recordA1, 1)}, false},
		{"payload's checksum", []flip{{0, 2*block + commitHeader + recordHeader + 1, 4, true}}, []string{"a1", "a2", "c", "d"}, []journal.Rot{known(2*block+commitHeader, 2)}, false},
		{"file header", []flip{{0, 13, 1, false}}, all, []journal.Rot{rot(0, 0)}, false},
		{"file header and first commit", []flip{{0, 0, 2 * block, true}}, []string{"b", "c", "d"}, []journal.Rot{rot(0, 0)}, false},
		{"page zeroed", []flip{{0, 2 * block, block, true}}, []string{"a1", "a2", "c", "d"}, []journal.Rot{rot(0, 2*block)}, false},
		{"two pages zeroed", []flip{{0, 2 * block, 2 * block, true}}, []string{"a1", "a2", "d"}, []journal.Rot{rot(0, 2*block)}, false},
		{"file zeroed", []flip{{0, 0, 4 * block, true}}, []string{"d"}, []journal.Rot{rot(1, 0)}, false},

		{"last payload", []flip{{1, block + commitHeader + recordHeader, 1, false}}, []string{"a1", "a2", "b", "c"}, nil, true},
		{"last record header", []flip{{1, block + commitHeader + 30, 1, false}}, []string{"a1", "a2", "b", "c"}, nil, true},
		{"last commit header", []flip{{1, block + 33, 1, false}}, all, nil, true},
		{"last commit's page", []flip{{1, block, block, true}}, []string{"a1", "a2", "b", "c"}, nil, true},
		{"last file's header", []flip{{1, 9, 10, false}}, all, nil, true},
		{"last file zeroed", []flip{{1, 0, 4 * block, true}}, []string{"a1", "a2", "b", "c"}, nil, false},
		{"both ends of the last file", []flip{{1, 0, 1, false}, {1, block, 1, false}}, []string{"a1", "a2", "b", "c"}, nil, false},
		{"in the middle and at the end", []flip{{0, 2*block + commitHeader + recordHeader, 1, false}, {1, block + commitHeader + recordHeader, 1, false}},
			[]string{"a1", "a2", "c"}, []journal.Rot{known(2*block+commitHeader, 2)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := damaged(t)
			for _, f := range c.flips {
				f.do(t, m)
			}
			found, report := scan(t, m, 3)
			if got := payloads(found); !slices.Equal(got, c.found) {
				t.Errorf("found %q, must be %q", got, c.found)
			}
			if !slices.Equal(report.Rot, c.rot) {
				t.Errorf("rot %+v, must be %+v", report.Rot, c.rot)
			}
			if report.Torn != c.torn {
				t.Errorf("torn is %v", report.Torn)
			}
		})
	}
}

// The commit behind the last may have left anything on its own pages.
func TestTornCommitLeavesTheOneBefore(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "kept")
	before := m.Crash()
	write(t, before, file(0), 2*block, bytes.Repeat([]byte{0xa5}, 2*block))
	found, report := scan(t, before, 0)
	if got := payloads(found); !slices.Equal(got, []string{"kept"}) || report.Rot != nil {
		t.Fatalf("found %q, %+v", got, report)
	}
	if report.Generation != 1 || report.Sequence != 1 {
		t.Fatalf("report %+v", report)
	}
}

// Every set of pages of an unfinished commit that may have reached the disk, of
// the first in a used file and of one behind another.
func TestTornByPages(t *testing.T) {
	for name, kept := range map[string]int{"first in a file": 3, "behind another": 1} {
		t.Run(name, func(t *testing.T) {
			m := vfs.NewMem()
			old := open(t, m, 1, 1, small)
			for i := range 6 {
				commit(t, old, int64(i), "old")
			}
			must(t, old.Close())
			j := open(t, m, 3, 7, small)
			var want []string
			for i := range kept {
				commit(t, j, int64(i), string(rune('a'+i)))
				want = append(want, string(rune('a'+i)))
			}
			slot, pages := 0, []int64{2, 3}
			if kept == 3 {
				slot, pages = 1, []int64{0, 1, 2}
			}
			before := m.Clone()
			commit(t, j, 9, long(1000), long(5000))
			after := read(t, m, file(slot))
			for set := range 1 << len(pages) {
				torn := before.Clone()
				for i, p := range pages {
					if set>>i&1 == 1 {
						write(t, torn, file(slot), p*block, after[p*block:(p+1)*block])
					}
				}
				found, report := scan(t, torn, 3)
				if got := payloads(found); len(got) < kept || !slices.Equal(got[:kept], want) || len(got) > kept+2 || report.Rot != nil {
					t.Errorf("pages %b: found %q, %+v", set, got, report)
				}
				for _, e := range found[min(kept, len(found)):] {
					if e.payload != long(1000) && e.payload != long(5000) {
						t.Errorf("pages %b: found %q", set, e.payload)
					}
				}
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	for slot, want := range map[int][]journal.Rot{
		0: {{File: file(1)}},
		1: {{File: file(2)}},
		2: nil,
	} {
		m := vfs.NewMem()
		j := open(t, m, 1, 1, small)
		for i := range 9 {
			commit(t, j, int64(i), "x")
		}
		must(t, m.Remove(file(slot)))
		found, report := scan(t, m, 0)
		if len(found) != 6 || !slices.Equal(report.Rot, want) {
			t.Errorf("without slot %d: found %v, %+v", slot, found, report)
		}
		// Nothing is missed that is not asked for.
		if _, report := scan(t, m, 3); slot < 2 && report.Rot != nil {
			t.Errorf("without slot %d: from the last on %+v", slot, report)
		}
	}
}

func TestScanTakesOnlyItsFiles(t *testing.T) {
	m := vfs.NewMem()
	if found, report := scan(t, m, 0); found != nil || report.Generation != 0 {
		t.Fatalf("found %v in no directory", found)
	}
	j := open(t, m, 1, 1, small)
	commit(t, j, 0, "x")
	must(t, j.Close())
	must(t, m.Mkdir(dir+"/00000003.journal", 0o755))
	for _, name := range []string{"1.journal", "000000001.journal", "-0000001.journal", "00000001.log", "00000001.journal.tmp"} {
		write(t, m, dir+"/"+name, 0, read(t, m, file(0)))
	}
	write(t, m, file(4), 0, []byte("half made"))
	if found, report := scan(t, m, 0); len(found) != 1 || report.Torn || report.Rot != nil {
		t.Fatalf("found %v, %+v", found, report)
	}
	// Open removes what it cannot use, and nothing else.
	open(t, m, 2, 2, small)
	if _, err := m.Stat(file(4)); !os.IsNotExist(err) {
		t.Fatalf("half a file is still there: %v", err)
	}
	must(t, journal.Remove(m, dir))
	entries, err := m.Crash().ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if e.Name() == "00000000.journal" {
			t.Fatal("a file survived Remove")
		}
	}
	must(t, journal.Remove(vfs.NewMem(), dir))
}
