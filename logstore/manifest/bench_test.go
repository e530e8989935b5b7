package manifest_test

import (
	"fmt"
	"testing"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

func many(rows, segments int) *manifest.State {
	s := &manifest.State{Rows: make(map[string]*manifest.Row, rows)}
	for i := range rows {
		r := row(fmt.Sprintf("some.topic.name-%d", i), uint64(i))
		r.Segments = nil
		for n := range int64(segments) {
			base := int64(i) + n*1_000_000
			r.Segments = append(r.Segments, manifest.Segment{
				Base: base, End: base + 1_000_000, Bytes: 1<<30 - n, OffsetsBytes: 1 << 20, TimesBytes: 3 << 19,
				TimestampMax: 1_700_000_000_000 + n*3_600_000, TimestampMaxOffset: base + 999_999,
			})
		}
		s.Rows[r.Log] = r
	}
	return s
}

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct{ rows, segments int }{{1000, 10}, {100_000, 1}} {
		b.Run(fmt.Sprintf("rows=%d/segments=%d", c.rows, c.segments), func(b *testing.B) {
			m := newMem(b)
			must(b, create(b, m, many(c.rows, c.segments)).Close())
			b.SetBytes(int64(len(contentOf(b, m))))
			b.ReportAllocs()
			for b.Loop() {
				read(b, m)
			}
		})
	}
}

// onDisk is a manifest in a file of the operating system.
func onDisk(t interface {
	tester
	TempDir() string
	Cleanup(func())
}) *manifest.File {
	fsys, err := vfs.OpenOS(t.TempDir())
	must(t, err)
	must(t, fsys.Mkdir(dir, 0o755))
	f := create(t, fsys, &manifest.State{Rows: map[string]*manifest.Row{"a-0": row("a-0", 1)}})
	t.Cleanup(func() {
		must(t, f.Close())
		must(t, fsys.Close())
	})
	return f
}

func BenchmarkNote(b *testing.B) {
	f := onDisk(b)
	b.ReportAllocs()
	for b.Loop() {
		_, err := f.Note(dirtied("a-0", 1, 100))
		must(b, err)
	}
}

func TestNoteDoesNotAllocate(t *testing.T) {
	f := onDisk(t)
	n := dirtied("a-0", 1, 100)
	if allocs := testing.AllocsPerRun(200, func() {
		_, err := f.Note(n)
		must(t, err)
	}); allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
}

func TestBytes(t *testing.T) {
	m := newMem(t)
	f := create(t, m, many(3, 2))
	total, snapshot := f.Bytes()
	if size := int64(len(contentOf(t, m))); total != size || snapshot != size {
		t.Fatalf("%d and %d of %d bytes", total, snapshot, size)
	}
	_, err := f.Opened()
	must(t, err)
	must(t, f.Close())
	f = reopen(t, m)
	if grown, same := f.Bytes(); grown != total+10 || same != snapshot {
		t.Fatalf("%d and %d bytes", grown, same)
	}
}
