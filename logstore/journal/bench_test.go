package journal_test

import (
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
