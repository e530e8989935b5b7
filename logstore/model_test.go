package logstore_test

import (
	"fmt"
	"testing"

	"moldau/logstore/vfs"

	"pgregory.net/rapid"
)

// Random scripts, stopped at a random operation, against the naive history.
func TestRandomScriptsAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		config := crashConfig()
		if rapid.Bool().Draw(rt, "compacted") {
			config = compactedConfig()
		}
		draw := func(rt *rapid.T) step {
			if config.Compact && rapid.IntRange(0, 5).Draw(rt, "compact") == 0 {
				return compact
			}
			return drawStep(func(n int64) int64 { return rapid.Int64Range(0, n-1).Draw(rt, "draw") })
		}
		script := append(newLogs(), rapid.SliceOfN(rapid.Custom(draw), 8, 24).Draw(rt, "script")...)
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
		w := newWorkload(t, config)
		w.journal = rapid.Bool().Draw(rt, "through the journal")
		w.files = rapid.IntRange(0, 2).Draw(rt, "files")
		w.each = rapid.Bool().Draw(rt, "each")
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
		seed := rapid.Uint64().Draw(rt, "loss")
		how := lossAt(seed)
		w.crash = how.crash
		left, err := how.left(w.mem, w.options())
		if err == nil {
			err = w.after(left, how.killed())
		}
		if err != nil {
			rt.Fatalf("%v (%d) at operation %d: %v", how, seed, stop, err)
		}
	})
}
