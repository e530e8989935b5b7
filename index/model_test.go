package index_test

import (
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"moldau/index"
)

// modelEntry is one batch that both indexes name.
type modelEntry struct{ offset, position, timestamp int64 }

// model is the naive index: a list that is searched from its end. flushed is
// what the files hold, and so what is left after a crash of the process.
type model struct {
	base             int64
	entries, flushed []modelEntry

	dir            string
	files          int
	offsetF, timeF osFile
	offsets        *index.Offsets
	times          *index.Times
	sealed         bool
}

// TestModel drives both indexes and the model through the same life.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{base: rapid.Int64Range(0, 1<<50).Draw(t, "base"), dir: dir}
		m.openFiles(t)
		defer m.closeAll(t)
		m.offsets = index.NewOffsets(m.offsetF, m.base, index.Options{})
		m.times = index.NewTimes(m.timeF, m.base, index.Options{})
		t.Repeat(map[string]func(*rapid.T){
			"append":   m.append,
			"flush":    m.flush,
			"truncate": m.truncate,
			"reopen":   m.reopen,
			"seal":     m.seal,
			"":         m.check,
		})
	})
}

func (m *model) openFiles(t *rapid.T) {
	for _, f := range []*osFile{&m.offsetF, &m.timeF} {
		m.files++
		name := filepath.Join(m.dir, "index")
		file, err := os.Create(name)
		must(t, err)
		must(t, os.Remove(name)) // stays open
		f.File = file
	}
}

func (m *model) closeAll(t *rapid.T) {
	must(t, m.offsets.Close())
	must(t, m.times.Close())
	m.offsetF.Close()
	m.timeF.Close()
}

func (m *model) last() modelEntry {
	if len(m.entries) == 0 {
		return modelEntry{m.base, 0, index.NoTimestamp}
	}
	return m.entries[len(m.entries)-1]
}

// append adds up to some hundred entries, so that indexes outgrow the warm tail
// and the size from which they are mapped.
func (m *model) append(t *rapid.T) {
	if m.sealed {
		t.Skip("sealed")
	}
	gap := rapid.Int64Range(1, 50)
	for range rapid.SampledFrom([]int{1, 2, 10, 600}).Draw(t, "entries") {
		e := m.last()
		e.offset += gap.Draw(t, "offset gap")
		e.position += gap.Draw(t, "position gap")
		e.timestamp += gap.Draw(t, "timestamp gap")
		must(t, m.offsets.Append(e.offset, e.position))
		must(t, m.times.MaybeAppend(e.timestamp, e.offset, false))
		must(t, m.times.MaybeAppend(e.timestamp, e.offset+1, true)) // not greater: nothing
		m.entries = append(m.entries, e)
	}
}

func (m *model) flush(t *rapid.T) {
	must(t, m.offsets.Flush())
	must(t, m.times.Flush())
	m.flushed = append([]modelEntry(nil), m.entries...)
}

// truncate cuts in place, or into new files if sealed.
func (m *model) truncate(t *rapid.T) {
	offset := rapid.Int64Range(m.base-1, m.last().offset+1).Draw(t, "truncate to")
	if m.sealed {
		old := *m
		m.openFiles(t)
		var err error
		m.offsets, err = old.offsets.CopyTo(m.offsetF, offset, index.Options{})
		must(t, err)
		m.times, err = old.times.CopyTo(m.timeF, offset, index.Options{})
		must(t, err)
		old.closeAll(t)
		m.sealed = false
		m.cut(offset)
		m.flushed = append([]modelEntry(nil), m.entries...)
		return
	}
	must(t, m.offsets.Truncate(offset))
	must(t, m.times.Truncate(offset))
	m.cut(offset)
}

func (m *model) cut(offset int64) {
	for len(m.entries) > 0 && m.last().offset >= offset {
		m.entries = m.entries[:len(m.entries)-1]
	}
}

// reopen is a crash of the process: what was not flushed is gone.
func (m *model) reopen(t *rapid.T) {
	must(t, m.offsets.Close())
	must(t, m.times.Close())
	var err error
	m.offsets, err = index.OpenOffsets(m.offsetF, m.base, m.sealed, index.Options{})
	must(t, err)
	m.times, err = index.OpenTimes(m.timeF, m.base, m.sealed, index.Options{})
	must(t, err)
	m.entries = append([]modelEntry(nil), m.flushed...)
}

func (m *model) seal(t *rapid.T) {
	must(t, m.offsets.Seal())
	must(t, m.times.Seal())
	m.sealed = true
	m.flushed = append([]modelEntry(nil), m.entries...)
}

// floor is the greatest entry that is not above, the segment's start if none.
func (m *model) floor(above func(modelEntry) bool) modelEntry {
	for i := len(m.entries) - 1; i >= 0; i-- {
		if !above(m.entries[i]) {
			return m.entries[i]
		}
	}
	return modelEntry{m.base, 0, index.NoTimestamp}
}

func (m *model) check(t *rapid.T) {
	last := m.last()
	for range 5 {
		offset := rapid.Int64Range(m.base-2, last.offset+2).Draw(t, "offset")
		e := m.floor(func(e modelEntry) bool { return e.offset > offset })
		got, err := m.offsets.Lookup(offset)
		must(t, err)
		if want := (index.OffsetPosition{Offset: e.offset, Position: e.position}); got != want {
			t.Fatalf("offset %d: %v, want %v", offset, got, want)
		}
		position := rapid.Int64Range(-1, last.position+2).Draw(t, "position")
		e = m.floor(func(e modelEntry) bool { return e.position > position })
		got, err = m.offsets.LookupPosition(position)
		must(t, err)
		if want := (index.OffsetPosition{Offset: e.offset, Position: e.position}); got != want {
			t.Fatalf("position %d: %v, want %v", position, got, want)
		}
		timestamp := rapid.Int64Range(-2, last.timestamp+2).Draw(t, "timestamp")
		e = m.floor(func(e modelEntry) bool { return e.timestamp > timestamp })
		gotTime, err := m.times.Lookup(timestamp)
		must(t, err)
		if want := (index.TimestampOffset{TimestampMs: e.timestamp, Offset: e.offset}); gotTime != want {
			t.Fatalf("timestamp %d: %v, want %v", timestamp, gotTime, want)
		}
	}
	if n := len(m.entries); m.offsets.Len() != n || m.times.Len() != n ||
		m.offsets.Last().Position != last.position || m.times.Last().TimestampMs != last.timestamp {
		t.Fatalf("%d and %d entries, last %v and %v; want %d, %v", m.offsets.Len(), m.times.Len(), m.offsets.Last(), m.times.Last(), n, last)
	}
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}
