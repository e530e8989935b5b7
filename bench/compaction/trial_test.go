package compaction

import (
	"context"
	"os"
	"testing"

	"moldau/bench/result"
)

// In every other turn the engine goes first: the loop then has the same bytes to read
// as if it had not, and each turn a log of its own.
func TestTheLoopReadsWhatTheEngineHasReplaced(t *testing.T) {
	o := &options{bytes: 4 << 20, value: 1000, batchKiB: 16, mapBytes: 1 << 20, codec: "none", segmentBytes: 1 << 20}
	trial := &trial{options: o, keys: distributions()[1], root: t.TempDir(), engine: true}
	compact, loop := trial.block(trial.compact), trial.block(trial.loop)
	for turn, order := range [][]func(context.Context, int) (result.Block, error){{loop, compact}, {compact, loop}} {
		for i, do := range order {
			b, err := do(t.Context(), turn)
			if err != nil {
				t.Fatalf("turn %d, %d: %v", turn, i, err)
			}
			if left, ok := b.Metrics[result.LeftShare]; ok && (left <= 0 || left > 0.5) {
				t.Errorf("turn %d: %v of the records were kept, of which 90 %% are duplicates", turn, left)
			}
		}
		if trial.bytes < 3<<20 || trial.store != nil {
			t.Errorf("turn %d: %d bytes; the store is open: %v", turn, trial.bytes, trial.store != nil)
		}
	}
	if err := trial.end(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(trial.root); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
