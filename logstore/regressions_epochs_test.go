package logstore_test

import (
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// KAFKA-10706: entries at the end of the epoch cache that the log's records
// contradict stayed, and a follower asked its leader for ever.
func TestKAFKA10706ConflictingTailEpochsGo(t *testing.T) {
	onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
		appendIn(t, h, l, 1, 1, 5, 6)
		must(t, l.TruncateTo(2))
		appendIn(t, h, l, 3, 4)
		must(t, l.TruncateTo(3))
	}, func(t *testing.T, l *logstore.Log) {
		wantEpochs(t, l, 3, asked{1, 1, 2}, asked{2, 1, 2}, asked{3, 3, 3}, asked{4, -1, -1}, asked{6, -1, -1})
		wantEpochOf(t, l, 0, 1, 1, 3)
	})
}

// KAFKA-10432: recovery skipped epoch 0, as if it meant none.
func TestKAFKA10432EpochZeroIsRecovered(t *testing.T) {
	onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
		appendIn(t, h, l, 0, 0, 1)
	}, func(t *testing.T, l *logstore.Log) {
		wantEpochs(t, l, 1, asked{0, 0, 2}, asked{1, 1, 3})
		wantEpochOf(t, l, 0, 0, 0, 1)
	})
}

// KAFKA-7897, KAFKA-7959: an epoch that had no records in the log, which were of a
// format without epochs, stood in the cache and made replicas truncate all of it.
// What is known of no record must not answer for any.
func TestKAFKA7897And7959SparseEpochsTruncateNothing(t *testing.T) {
	onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
		for i, epoch := range []int32{-1, -1, 4, 7} {
			_, err := l.AppendFollower(batchOf(t, record.BuilderOptions{BaseOffset: int64(i), LeaderEpoch: epoch}, 5, "v", 1))
			must(t, err)
		}
		must(t, l.Flush())
	}, func(t *testing.T, l *logstore.Log) {
		wantEpochs(t, l, 7, asked{4, 4, 3}, asked{5, 4, 3}, asked{6, 4, 3}, asked{7, 7, 4})
		wantEpochOf(t, l, 0, -1, -1, 4, 7)
	})
}

// KAFKA-20961, KAFKA-15608: epochs without records behind them were lost when a
// copy took the place of a log, and its leader could not answer for them. A log
// whose records are all gone still knows, and fences, by the last.
func TestKAFKA20961And15608EmptyEpochIsKept(t *testing.T) {
	onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
		appendIn(t, h, l, 2, 6)
		must(t, l.AdvanceStart(2))
		h.clock.add(1 << 40)
		h.store.Housekeep(h.clock.Now())
		must(t, h.store.Checkpoint())
	}, func(t *testing.T, l *logstore.Log) {
		wantEpochs(t, l, 6, asked{6, 6, 2}, asked{7, -1, -1})
		if start, end := l.StartOffset(), l.Offset(logstore.LogEnd); start != 2 || end != 2 {
			t.Fatalf("%d to %d", start, end)
		}
	})
}
