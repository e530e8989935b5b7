package logstore_test

import (
	"bytes"
	"fmt"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// compactedHistory is what compaction adds to what a log may hold.
type compactedHistory struct {
	keys  map[int64]string // by offset
	mayGo map[int64]bool   // by offset, of records and markers that a compaction may have removed
	// floor is up to where a compaction may have come. Nobody truncates below: a
	// replica does not go back behind the high watermark.
	floor int64
}

// noteKeys notes the keys of records that are about to be appended.
func (w *workload) noteKeys(hi *history, first int64, n int) {
	for i := 0; i < n && i < len(w.keys); i++ {
		hi.keys[first+int64(i)] = w.keys[i]
	}
}

// keyedBatch builds a batch of few keys. Every fifth record is a tombstone.
func (w *workload) keyedBatch(o record.BuilderOptions, prefix string, n int) (batch []byte, values []string) {
	b := record.NewBuilder(o)
	w.keys = nil
	for i := range n {
		key, value := fmt.Sprint("k", (w.sent*7+i*3)%5), fmt.Appendf(nil, "%s-%d", prefix, i)
		if (w.sent+i)%5 == 0 {
			value = nil
		}
		b.Append(w.clock.ms()+int64(i), []byte(key), value)
		w.keys, values = append(w.keys, key), append(values, string(value))
	}
	batch, err := b.Finish()
	must(w.t, err)
	return bytes.Clone(batch), values
}

// compacting notes what a compaction of a log that is stable up to an offset may
// remove: what is not the newest of its key, tombstones, what was aborted, and
// markers.
func (hi *history) compacting(stable int64) {
	s, newest := hi.stateAt(hi.end), map[string]int64{}
	for o := range hi.values {
		if o < stable && !s.withheld[o] {
			newest[hi.keys[o]] = max(newest[hi.keys[o]], o)
		}
	}
	for o, v := range hi.values {
		if o < stable && (s.withheld[o] || v == "" || o < newest[hi.keys[o]]) {
			hi.mayGo[o] = true
		}
	}
	for _, e := range hi.events {
		if e.ends && e.last < stable {
			hi.mayGo[e.first] = true
		}
	}
	hi.floor = max(hi.floor, stable)
}

// compact compacts all logs, as far as they may be.
func (w *workload) compact() error {
	if err := w.housekeep(0); err != nil {
		return err
	}
	if err := w.store.Checkpoint(); err != nil {
		return err
	}
	w.note(func() {
		for tp, hi := range w.histories {
			if l, err := w.store.Log(tp); err == nil {
				hi.compacting(l.Offset(logstore.LastStable))
			}
		}
	})
	w.store.Compact(w.clock.Now())
	if w.fault.Crashed() {
		return vfs.ErrCrashed
	}
	if failed := eventsOf[logstore.CompactionFailed](w.events); len(failed) > 0 {
		return fmt.Errorf("%w: compaction: %v", errWrong, failed)
	}
	for tp, hi := range w.histories {
		if err := w.same(tp, hi); err != nil {
			return err
		}
	}
	return nil
}
