package journal_test

import (
	"io/fs"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// BenchmarkCommit commits records of 32 logs at once. Files are recycled.
func BenchmarkCommit(b *testing.B) {
	for name, payload := range map[string]int{"32x1KiB": 1 << 10, "32x16KiB": 16 << 10} {
		b.Run(name, func(b *testing.B) {
			fsys, err := vfs.OpenOS(b.TempDir())
			must(b, err)
			defer fsys.Close()
			j, err := journal.Open(fsys, dir, 1, 1, journal.Options{BytesMax: 64 << 20})
			must(b, err)
			defer j.Close()
			commitAll := func(first int64) {
				for range 32 {
					p, ok := j.Add(batches("a-0", first), payload)
					if !ok {
						b.Fatal("does not fit")
					}
					p[0] = byte(first)
				}
				if err := j.Commit(); err != nil {
					j.Release(j.Generation() - 1)
					must(b, j.Commit())
				}
			}
			commitAll(0)
			must(b, j.Prepare())
			b.SetBytes(32 * int64(payload))
			b.ReportAllocs()
			for n := int64(1); b.Loop(); n++ {
				commitAll(n)
			}
		})
	}
}

// quiet drops what is written, so that only the journal's own work is counted.
type quiet struct{ vfs.FS }

type quietFile struct{ vfs.File }

func (q quiet) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := q.FS.OpenFile(name, flag, perm)
	return quietFile{f}, err
}

func (quietFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (quietFile) Sync() error                            { return nil }

func TestCommitAllocatesNothing(t *testing.T) {
	m := vfs.NewMem()
	first := open(t, m, 1, 1, journal.Options{FileBytes: 1 << 20})
	commit(t, first, 0, "x")
	must(t, first.Close())
	j := open(t, quiet{m}, 2, 2, journal.Options{FileBytes: 1 << 20})
	h := batches("a-0", 0)
	allocs := testing.AllocsPerRun(100, func() {
		for range 8 {
			if _, ok := j.Add(h, 100); !ok {
				t.Fatal("does not fit")
			}
		}
		if err := j.Commit(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations a commit", allocs)
	}
}
