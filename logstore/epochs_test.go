package logstore_test

import (
	"errors"
	"fmt"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// asked is an answer to OffsetForLeaderEpoch.
type asked struct {
	epoch int32
	found int32
	end   int64
}

func wantEpochs(t *testing.T, l *logstore.Log, latest int32, answers ...asked) {
	t.Helper()
	if got := l.LatestEpoch(); got != latest {
		t.Errorf("latest epoch %d, want %d", got, latest)
	}
	for _, a := range answers {
		if found, end := l.EpochEnd(a.epoch); found != a.found || end != a.end {
			t.Errorf("epoch %d ended as %d at %d, want %d at %d", a.epoch, found, end, a.found, a.end)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// wantEpochOf lists the epochs of offsets from the first one on.
func wantEpochOf(t *testing.T, l *logstore.Log, first int64, epochs ...int32) {
	t.Helper()
	for i, want := range epochs {
		if got := l.EpochOf(first + int64(i)); got != want {
			t.Fatalf("offset %d is of epoch %d, want %d", first+int64(i), got, want)
		}
	}
}

// appendIn appends one record as leader, in each of the epochs.
func appendIn(t *testing.T, h *harness, l *logstore.Log, epochs ...int32) {
	t.Helper()
	for _, e := range epochs {
		a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), fmt.Sprint(e), 1), e)
		must(t, err)
		must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
	}
}

// The same after each way of reopening.
func onEveryReopening(t *testing.T, prepare func(t *testing.T, h *harness, l *logstore.Log), check func(t *testing.T, l *logstore.Log)) {
	for _, again := range []struct {
		name string
		f    func(*harness) *logstore.Log
	}{
		{"as it is", func(h *harness) *logstore.Log { l, _ := h.store.Log(tp); return l }},
		{"clean close", (*harness).reopen}, {"kill -9", (*harness).kill}, {"power cut", (*harness).powerCut},
		{"twice", func(h *harness) *logstore.Log { h.reopen(); return h.powerCut() }},
	} {
		t.Run(again.name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 300 })
			prepare(t, h, h.log())
			check(t, again.f(h))
		})
	}
}

func TestEpochs(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		onEveryReopening(t, func(*testing.T, *harness, *logstore.Log) {}, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, -1, asked{0, -1, -1}, asked{5, -1, -1}, asked{-1, -1, -1})
			wantEpochOf(t, l, 0, -1, -1)
		})
	})
	t.Run("epochs with gaps", func(t *testing.T) {
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) { appendIn(t, h, l, 0, 0, 2, 2, 2, 5) }, func(t *testing.T, l *logstore.Log) {
			// KAFKA-7897 and 10432: epoch 0 is one like any other, a skipped one
			// answers with the largest below it.
			wantEpochs(t, l, 5, asked{-1, -1, -1}, asked{0, 0, 2}, asked{1, 0, 2}, asked{2, 2, 5}, asked{3, 2, 5}, asked{4, 2, 5}, asked{5, 5, 6}, asked{6, -1, -1})
			wantEpochOf(t, l, 0, 0, 0, 2, 2, 2, 5, 5)
		})
	})
	t.Run("asked for what lies before all", func(t *testing.T) {
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) { appendIn(t, h, l, 4, 4, 7) }, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, 7, asked{0, 0, 0}, asked{3, 3, 0}, asked{4, 4, 2}, asked{6, 4, 2}, asked{7, 7, 3})
		})
	})
	t.Run("tail cut", func(t *testing.T) {
		// KAFKA-10706: entries of the cut tail go, whatever their epochs are.
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
			appendIn(t, h, l, 0, 1, 1, 3, 3, 4)
			must(t, l.TruncateTo(3))
			appendIn(t, h, l, 2)
		}, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, 2, asked{0, 0, 1}, asked{1, 1, 3}, asked{2, 2, 4}, asked{3, -1, -1})
			wantEpochOf(t, l, 0, 0, 1, 1, 2)
		})
	})
	t.Run("tail cut within an epoch", func(t *testing.T) {
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
			appendIn(t, h, l, 0, 1, 1, 1, 1, 4)
			must(t, l.TruncateTo(4))
		}, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, 1, asked{0, 0, 1}, asked{1, 1, 4}, asked{4, -1, -1})
		})
	})
	t.Run("all cut", func(t *testing.T) {
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
			appendIn(t, h, l, 3, 4, 5)
			must(t, l.TruncateTo(0))
			appendIn(t, h, l, 1)
		}, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, 1, asked{1, 1, 1}, asked{3, -1, -1})
		})
	})
	t.Run("start advanced", func(t *testing.T) {
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
			appendIn(t, h, l, 0, 0, 1, 1, 1, 2, 2)
			must(t, l.AdvanceStart(4))
			h.store.Housekeep(h.clock.Now())
		}, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, 2, asked{0, 0, 4}, asked{1, 1, 5}, asked{2, 2, 7})
			wantEpochOf(t, l, 4, 1, 2, 2)
		})
	})
	t.Run("start advanced past all", func(t *testing.T) {
		onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
			appendIn(t, h, l, 0, 1, 2)
			must(t, l.AdvanceStart(3))
		}, func(t *testing.T, l *logstore.Log) {
			wantEpochs(t, l, 2, asked{2, 2, 3})
		})
	})
}

func TestFencing(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	batch := func() []byte { return batchOf(t, record.BuilderOptions{}, h.clock.ms(), "v", 1) }
	appendIn(t, h, l, 3)
	for _, again := range []func(*harness) *logstore.Log{(*harness).reopen, (*harness).kill, (*harness).powerCut} {
		if _, err := l.AppendLeader(batch(), 2); !errors.Is(err, logstore.ErrFencedEpoch) {
			t.Fatalf("an older leader: %v", err)
		}
		l = again(h)
	}
	appendIn(t, h, l, 3, 9)
	if _, err := l.AppendLeader(batch(), 8); !errors.Is(err, logstore.ErrFencedEpoch) {
		t.Fatalf("an older leader: %v", err)
	}
	wantValues(t, values(t, l, logstore.HighWatermark), "3-0", "3-0", "9-0")
}

// A follower takes epochs from the batches themselves.
func TestFollowerEpochs(t *testing.T) {
	onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
		var several []byte
		for i, e := range []int32{0, 2, 2, 7} {
			several = append(several, batchOf(t, record.BuilderOptions{BaseOffset: int64(10 * i), LeaderEpoch: e}, 5, "v", 2)...)
		}
		_, err := l.AppendFollower(several[:len(several)/4])
		must(t, err)
		c := l.Config()
		c.SegmentBytes = 1000
		must(t, l.Configure(c))
		_, err = l.AppendFollower(several[len(several)/4:])
		must(t, err)
		must(t, l.Flush())
	}, func(t *testing.T, l *logstore.Log) {
		wantEpochs(t, l, 7, asked{0, 0, 10}, asked{1, 0, 10}, asked{2, 2, 30}, asked{6, 2, 30}, asked{7, 7, 32})
		wantEpochOf(t, l, 10, 2, 2, 2)
	})
}

// A log at rest knows no more epochs after a restart than before.
func TestEpochsBelowTheStartAreForgotten(t *testing.T) {
	onEveryReopening(t, func(t *testing.T, h *harness, l *logstore.Log) {
		for epoch := range int32(3) {
			a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 10), epoch)
			must(t, err)
			must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
		}
		l = h.reopen()
		must(t, l.AdvanceStart(15))
	}, func(t *testing.T, l *logstore.Log) {
		wantEpochs(t, l, 2, asked{0, 0, 15}, asked{1, 1, 20}, asked{2, 2, 30})
	})
}

// A log that goes on behind a hole of 2^31 offsets begins a recovery point there: the
// epochs before it are in no header that a start reads.
func TestEpochsBeforeAVeryLargeHole(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Replicated = true })
	l := h.log()
	follow := func(offset int64, epoch int32) {
		t.Helper()
		_, err := l.AppendFollower(batchOf(t, record.BuilderOptions{BaseOffset: offset, LeaderEpoch: epoch}, h.clock.ms(), "v", 1))
		must(t, err)
	}
	const far = 1 << 32
	follow(0, 1)
	must(t, l.Flush())
	must(t, h.store.Checkpoint())
	follow(1, 2)
	follow(2, 3)
	follow(far, 4)
	must(t, l.Flush())
	l = h.powerCut()
	if end := l.Offset(logstore.LogEnd); end != far+1 {
		t.Fatalf("ends at %d", end)
	}
	wantEpochs(t, l, 4, asked{1, 1, 1}, asked{2, 2, 2}, asked{3, 3, far})
}
