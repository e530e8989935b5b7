package logstore_test

import (
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// journaling makes everything go through a small journal.
func journaling(o *logstore.Options) {
	o.JournalFileBytes, o.JournalBytes = 16<<10, 64<<10
	*o = logstore.JournalAlways(*o)
}

// A file that grows over blocks of an earlier crash may show what was written
// there then: a whole batch, of the right offset, that was never acknowledged.
// What the journal holds was.
func TestStaleBatchYieldsToTheJournal(t *testing.T) {
	for _, c := range []struct {
		name  string
		stale [][]string // batches in the file
	}{
		{"shorter", [][]string{{"x"}}},
		{"longer", [][]string{{"x", "y", "z"}}},
		{"as long", [][]string{{"x", "y"}}},
		{"one behind the good ones", [][]string{nil, {"x"}, {"y", "z"}}},
		{"the acknowledged one", [][]string{nil}},
		{"none", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, nil)
			must(t, h.store.Close())
			h.change = journaling
			h.open()
			l := h.log()
			h.appendDurably(l, "a", 2)
			good := readAll(t, h.mem, firstLog)
			h.appendDurably(l, "b", 1)
			h.appendDurably(l, "c", 3)
			mem := h.mem.Crash()
			if n := len(readAll(t, mem, firstLog)); n != 0 {
				t.Fatalf("%d bytes were synced", n)
			}
			var file []byte
			offset := int64(0)
			for _, values := range c.stale {
				if values == nil {
					file, offset = append(file, good...), 2
					continue
				}
				b := record.NewBuilder(record.BuilderOptions{BaseOffset: offset})
				for i, v := range values {
					b.Append(h.clock.ms()+int64(i), []byte("stale"), []byte(v))
				}
				batch, err := b.Finish()
				must(t, err)
				file, offset = append(file, batch...), offset+int64(len(values))
			}
			overwrite(t, mem, firstLog, file)
			h.mem = mem
			for range 2 {
				wantValues(t, values(t, h.kill(), logstore.HighWatermark), "a-0", "a-1", "b-0", "c-0", "c-1", "c-2")
			}
			h.appendDurably(h.log(), "d", 1)
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "a-1", "b-0", "c-0", "c-1", "c-2", "d-0")
		})
	}
}

func TestJournalOptions(t *testing.T) {
	for _, c := range []struct {
		bytes, fileBytes int64
		ok               bool
	}{
		{0, 0, true}, {8 << 20, 0, true}, {16 << 10, 0, true}, {1 << 10, 0, false}, {64 << 10, 128 << 10, false}, {64 << 10, 5000, false}, {-1, 0, false},
	} {
		h := newHarness(t, nil)
		must(t, h.store.Close())
		o := h.options()
		o.JournalBytes, o.JournalFileBytes = c.bytes, c.fileBytes
		s, err := logstore.Open("data", logstore.JournalAlways(o))
		if (err == nil) != c.ok {
			t.Fatalf("%+v: %v", c, err)
		}
		if err != nil {
			continue
		}
		h.store = s
		l := h.log()
		h.appendDurably(l, "a", 1)
		if h.store.Counters().JournalCommits != 1 || l.Err() != nil {
			t.Fatalf("%+v: %+v, %v", c, h.store.Counters(), l.Err())
		}
		wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
		must(t, h.store.Close()) // which nothing was written to: files of the process before go all the same
		if left := filesIn(t, h.mem, "data/moldau/journal", ".journal"); len(left) > 0 {
			t.Fatalf("%+v: a clean close leaves %v", c, left)
		}
	}
}
