package manifest_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

const (
	dir  = "moldau"
	name = dir + "/manifest"
)

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t tester, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

// newMem is a file system with the directory.
func newMem(t tester) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	must(t, m.Mkdir(dir, 0o755))
	must(t, m.SyncDir("."))
	return m
}

func create(t tester, fsys vfs.FS, s *manifest.State) *manifest.File {
	t.Helper()
	f, err := manifest.Create(fsys, dir, s)
	must(t, err)
	return f
}

// read reads a manifest that must not be torn.
func read(t tester, fsys vfs.FS) *manifest.State {
	t.Helper()
	s, torn, err := manifest.Read(fsys, dir)
	must(t, err)
	if torn {
		t.Fatal("torn")
	}
	return s
}

func reopen(t tester, fsys vfs.FS) *manifest.File {
	t.Helper()
	s, _, err := manifest.Read(fsys, dir)
	must(t, err)
	f, err := manifest.Open(fsys, dir, s)
	must(t, err)
	return f
}

func contentOf(t tester, fsys vfs.FS) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if n < len(b) {
		t.Fatal(err)
	}
	must(t, f.Close())
	return b
}

// memWith is a file system whose manifest is b.
func memWith(t tester, b []byte) *vfs.Mem {
	t.Helper()
	m := newMem(t)
	f, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	must(t, err)
	_, err = f.WriteAt(b, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, m.SyncDir(dir))
	return m
}

// same compares what is said, not how it was read.
func same(a, b *manifest.State) bool {
	return a.NextIncarnation == b.NextIncarnation && sameButNext(a, b)
}

func sameButNext(a, b *manifest.State) bool {
	return a.JournalStart == b.JournalStart && a.Closed == b.Closed && a.Marker == b.Marker &&
		maps.EqualFunc(a.Rows, b.Rows, func(x, y *manifest.Row) bool { return reflect.DeepEqual(x, y) })
}

func wantState(t tester, what string, got, want *manifest.State) {
	t.Helper()
	if !same(got, want) {
		t.Fatalf("%s: got %s, want %s", what, show(got), show(want))
	}
}

func show(s *manifest.State) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("%+v", *s))
	for _, log := range slices.Sorted(maps.Keys(s.Rows)) {
		b.WriteString("\n\t" + fmt.Sprintf("%+v", *s.Rows[log]))
	}
	return b.String()
}

// clone copies a state, as nothing of a State's may be shared with what changes.
func clone(s *manifest.State) *manifest.State {
	c := &manifest.State{
		Rows: make(map[string]*manifest.Row, len(s.Rows)), NextIncarnation: s.NextIncarnation,
		JournalStart: s.JournalStart, Closed: s.Closed, Marker: s.Marker,
	}
	for log, r := range s.Rows {
		row := *r
		c.Rows[log] = &row
	}
	return c
}

var (
	anyInt  = rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 300))
	anyUint = rapid.OneOf(rapid.Uint64Range(0, 1<<64-2), rapid.Uint64Range(0, 5))
	anyLog  = rapid.OneOf(rapid.SampledFrom([]string{"a-0", "a-1", "b-0"}), rapid.StringOfN(rapid.Rune(), 1, 60, 255))

	anyEpoch = rapid.Custom(func(t *rapid.T) manifest.Epoch {
		return manifest.Epoch{Epoch: rapid.Int32().Draw(t, "epoch"), Start: anyInt.Draw(t, "start")}
	})
	anySegment = rapid.Custom(func(t *rapid.T) manifest.Segment {
		n := rapid.SliceOfN(anyInt, 7, 7).Draw(t, "segment")
		return manifest.Segment{Base: n[0], End: n[1], Bytes: n[2], OffsetsBytes: n[3], TimesBytes: n[4], TimestampMax: n[5], TimestampMaxOffset: n[6]}
	})
	anyMarker = rapid.Custom(func(t *rapid.T) manifest.Marker {
		return manifest.Marker{Inode: rapid.Uint64().Draw(t, "inode"), ModTimeNs: anyInt.Draw(t, "mod time")}
	})
	anyNote = rapid.Custom(func(t *rapid.T) manifest.Note {
		n := rapid.SliceOfN(anyInt, 6, 6).Draw(t, "offsets")
		return manifest.Note{
			Log: anyLog.Draw(t, "log"), Incarnation: anyUint.Draw(t, "incarnation"), Dirty: rapid.Bool().Draw(t, "dirty"),
			Quarantined: rapid.Bool().Draw(t, "quarantined"),
			Recovery:    n[0], Synced: n[1], Start: n[2], High: n[3], HolesBelow: n[4], Cleaned: n[5],
		}
	})
	anyRow = rapid.Custom(func(t *rapid.T) *manifest.Row {
		n := anyNote.Draw(t, "scalars")
		r := &manifest.Row{
			Log: n.Log, Incarnation: n.Incarnation, Epochs: list(anyEpoch).Draw(t, "epochs"), Segments: list(anySegment).Draw(t, "segments"),
		}
		copy(r.TopicID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "topic id"))
		note(r, n)
		return r
	})
	anyState = rapid.Custom(func(t *rapid.T) *manifest.State {
		s := &manifest.State{
			Rows: map[string]*manifest.Row{}, NextIncarnation: rapid.Uint64().Draw(t, "next"), JournalStart: rapid.Uint64().Draw(t, "journal"),
		}
		for _, r := range rapid.SliceOfN(anyRow, 0, 6).Draw(t, "rows") {
			put(s, r)
		}
		if s.Closed = rapid.Bool().Draw(t, "closed"); s.Closed {
			s.Marker = anyMarker.Draw(t, "marker")
		}
		return s
	})
)

// list is nil rather than empty, as it is read.
func list[E any](of *rapid.Generator[E]) *rapid.Generator[[]E] {
	return rapid.OneOf(rapid.Just[[]E](nil), rapid.SliceOfN(of, 1, 4))
}

// The naive model of the changes.

func put(s *manifest.State, r *manifest.Row) {
	row := *r
	s.Rows[r.Log] = &row
	s.NextIncarnation = max(s.NextIncarnation, r.Incarnation+1)
}

func note(r *manifest.Row, n manifest.Note) {
	r.Dirty, r.Quarantined, r.Recovery, r.Synced, r.Start, r.High, r.HolesBelow, r.Cleaned = n.Dirty, n.Quarantined, n.Recovery, n.Synced, n.Start, n.High, n.HolesBelow, n.Cleaned
}

func noted(s *manifest.State, n manifest.Note) {
	if r := s.Rows[n.Log]; r != nil && r.Incarnation == n.Incarnation {
		note(r, n)
	}
	s.NextIncarnation = max(s.NextIncarnation, n.Incarnation+1)
}
