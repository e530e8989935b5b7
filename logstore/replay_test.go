package logstore_test

import (
	"testing"

	"moldau/logstore"
	"moldau/logstore/journal"
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

// Leader epochs below a stale batch stay as they are, whether a file has them or not,
// and where an epoch has begun before the recovery point.
func TestStaleBatchLeavesTheEpochs(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *harness, l *logstore.Log) // from the recovery point on, after 0 and 1 of epoch 1
		gone bool                              // the file
	}{
		{"in no file", func(h *harness, l *logstore.Log) { appendIn(h.t, h, l, 1, 2, 3) }, false},
		{"file ahead of the recovery point", func(h *harness, l *logstore.Log) {
			appendIn(h.t, h, l, 1, 2, 3, 3)
			must(h.t, l.TruncateTo(5))
		}, false},
		{"no file", func(h *harness, l *logstore.Log) { appendIn(h.t, h, l, 1, 2, 3) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l := h.log()
			appendIn(t, h, l, 1, 1)
			must(t, h.store.Checkpoint())
			c.do(h, l)
			good := readAll(t, h.mem, firstLog)
			appendIn(t, h, l, 4)
			mem := h.mem.Crash()
			overwrite(t, mem, firstLog, append(good[:len(good):len(good)], batchOf(t, record.BuilderOptions{BaseOffset: 5, LeaderEpoch: 2}, h.clock.ms(), "stale", 2)...))
			if c.gone {
				removeFile(t, mem, logDir+"/leader-epoch-checkpoint")
			}
			h.mem = mem
			for range 2 {
				l = h.kill()
				wantValues(t, values(t, l, logstore.HighWatermark), "1-0", "1-0", "1-0", "2-0", "3-0", "4-0")
				wantEpochOf(t, l, 0, 1, 1, 1, 2, 3, 4)
				wantEpochs(t, l, 4, asked{1, 1, 3}, asked{2, 2, 4}, asked{3, 3, 5})
				must(t, h.store.Checkpoint())
			}
		})
	}
}

// The same in a record of the journal that begins below the recovery point: what
// of it lies above is looked at all the same.
func TestStaleBatchYieldsToARecordThatBeginsBelowTheRecoveryPoint(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	l := h.log()
	h.appendDurably(l, "a", 2)
	must(t, h.store.Checkpoint())
	mem := h.mem.Crash()
	file := readAll(t, mem, firstLog)
	batch := func(value string) []byte {
		return batchOf(t, record.BuilderOptions{BaseOffset: 2}, h.clock.ms(), value, 2)
	}
	held := append(file[:len(file):len(file)], batch("b")...)
	j, err := journal.Open(mem, "data/moldau/journal", 100, 100, journal.Options{FileBytes: 16 << 10})
	must(t, err)
	p, ok := j.Add(journal.Header{Kind: journal.Batches, Log: tp.String(), Incarnation: 1, EndBefore: 0, First: 0, Last: 3}, len(held))
	if !ok {
		t.Fatal("the record does not fit")
	}
	copy(p, held)
	must(t, j.Commit())
	must(t, j.Close())
	overwrite(t, mem, firstLog, append(file[:len(file):len(file)], batch("x")...))
	h.mem = mem
	wantValues(t, values(t, h.kill(), logstore.HighWatermark), "a-0", "a-1", "b-0", "b-1")
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
