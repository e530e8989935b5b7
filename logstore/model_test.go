package logstore_test

import (
	"fmt"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"

	"pgregory.net/rapid"
)

// drawStep draws one step of a script. What it does depends on the log as it is
// when the step runs; here only fractions of it are drawn.
func drawStep(rt *rapid.T) step {
	part := rapid.Int64Range(0, 100).Draw(rt, "part") // per cent
	n := rapid.IntRange(1, 3).Draw(rt, "records")
	newer := rapid.Int32Range(0, 1).Draw(rt, "newer epoch")
	// within is an offset between a log's start, or 0, and its end.
	within := func(hi *history, from int64) int64 { return from + (hi.end-from)*part/100 }
	latest := func(w *workload, tp logstore.TopicPartition) int32 {
		l, err := w.store.Log(tp)
		if err != nil {
			return 0
		}
		return max(0, l.LatestEpoch())
	}
	return rapid.SampledFrom([]step{
		{"lead", func(w *workload) error {
			return w.lead(led, latest(w, led)+newer, n, record.BuilderOptions{Codec: codecs[int(part)%len(codecs)]})
		}},
		{"produce", func(w *workload) error { return w.produce(led, latest(w, led), n) }},
		{"write to a transaction", func(w *workload) error { return w.transact(led, 100+part%4, n) }},
		{"commit", func(w *workload) error { return w.endTransaction(led, 100+part%4, true, newer > 0) }},
		{"abort", func(w *workload) error { return w.endTransaction(led, 100+part%4, false, newer > 0) }},
		{"follow a transaction", func(w *workload) error { return w.transact(followed, 200+part%3, n) }},
		{"follow a marker", func(w *workload) error { return w.endTransaction(followed, 200+part%3, part%2 == 0, newer > 0) }},
		{"follow", func(w *workload) error {
			return w.follow(followed, latest(w, followed)+newer, w.histories[followed].end+max(0, part-60), n)
		}},
		{"truncate", func(w *workload) error {
			hi := w.histories[led]
			return w.truncate(led, within(hi, hi.start))
		}},
		{"truncate the follower", func(w *workload) error { return w.truncate(followed, within(w.histories[followed], 0)) }},
		{"advance", func(w *workload) error { return w.advance(led, within(w.histories[led], 0)) }},
		{"advance the follower", func(w *workload) error { return w.advance(followed, within(w.histories[followed], 0)) }},
		housekeep(0),
		housekeep(2 * time.Second),
		{"retention.bytes", func(w *workload) error {
			return w.configure(func(c *logstore.Config) { c.RetentionBytes = 20*part - 1 })
		}},
		{"segment.bytes", func(w *workload) error {
			return w.configure(func(c *logstore.Config) { c.SegmentBytes = 300 + 10*part })
		}},
		checkpoint, reopen,
		{"delete and create", func(w *workload) error {
			if part < 50 {
				return nil
			}
			if err := w.delete(followed); err != nil {
				return err
			}
			return w.create(followed, byte(part))
		}},
	}).Draw(rt, "step")
}

// Random scripts, stopped at a random operation, against the naive history.
func TestRandomScriptsAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := append([]step{create(led, 1), create(followed, 2)}, rapid.SliceOfN(rapid.Custom(drawStep), 8, 24).Draw(rt, "script")...)
		for i, s := range script {
			name, run := s.name, s.run
			script[i] = step{fmt.Sprintf("step %d, %s", i, name), func(w *workload) error {
				if err := run(w); err != nil {
					return err
				}
				for tp, hi := range w.histories { // a log that goes on is what its history says
					if err := w.same(tp, hi); err != nil {
						return err
					}
				}
				return nil
			}}
		}
		// Drawn numbers are small more often than not; stops are to be anywhere.
		stop := 20 + rapid.Int64Range(0, 1<<20).Draw(rt, "stop")*7919%600
		w := newWorkload(t, crashConfig())
		w.journal = rapid.Bool().Draw(rt, "through the journal")
		w.fault.SetHook(func(op vfs.Op) error {
			if op.Seq < stop || op.Kind == vfs.OpClose {
				return nil
			}
			return vfs.ErrCrashed
		})
		script = append(script, step{"stop", func(w *workload) error {
			w.fault.SetHook(func(vfs.Op) error { return vfs.ErrCrashed })
			return w.store.Checkpoint()
		}})
		if err := w.try(script); err != nil {
			rt.Fatal(err)
		}
		left, how := w.mem.Clone(), "killed"
		lost := w.mem.Crash()
		if rapid.Bool().Draw(rt, "power lost") {
			left, how = lost, "power lost"
		}
		if err := w.after(left, how == "killed"); err != nil {
			rt.Fatalf("%s at operation %d: %v", how, stop, err)
		}
	})
}
