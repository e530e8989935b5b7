package logstore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

var (
	led      = logstore.TopicPartition{Topic: "led", Partition: 0}
	followed = logstore.TopicPartition{Topic: "followed", Partition: 1}
)

// lead is a step that appends batches of two records.
func lead(epoch int32, batches int) step {
	return step{fmt.Sprint("lead in epoch ", epoch), func(w *workload) error {
		for range batches {
			if err := w.lead(led, epoch, 2, record.BuilderOptions{}); err != nil {
				return err
			}
		}
		return nil
	}}
}

func produce(epoch int32, batches int) step {
	return step{fmt.Sprint("produce in epoch ", epoch), func(w *workload) error {
		for range batches {
			if err := w.produce(led, epoch, 2); err != nil {
				return err
			}
		}
		return nil
	}}
}

func follow(epoch int32, firsts ...int64) step {
	return step{fmt.Sprint("follow in epoch ", epoch), func(w *workload) error {
		for _, first := range firsts {
			if err := w.follow(followed, epoch, first, 3); err != nil {
				return err
			}
		}
		return nil
	}}
}

// transact is a step that writes to a producer's transaction.
func transact(tp logstore.TopicPartition, id int64, n int) step {
	return step{fmt.Sprint("write to a transaction of ", id), func(w *workload) error { return w.transact(tp, id, n) }}
}

func commit(tp logstore.TopicPartition, id int64) step {
	return step{fmt.Sprint("commit ", id), func(w *workload) error { return w.endTransaction(tp, id, true, false) }}
}

// abort ends a transaction as version 2 does: with the epoch of the next one.
func abort(tp logstore.TopicPartition, id int64) step {
	return step{fmt.Sprint("abort ", id), func(w *workload) error { return w.endTransaction(tp, id, false, true) }}
}

func truncate(tp logstore.TopicPartition, to int64) step {
	return step{fmt.Sprint("truncate to ", to), func(w *workload) error { return w.truncate(tp, to) }}
}

func advance(tp logstore.TopicPartition, to int64) step {
	return step{fmt.Sprint("advance start to ", to), func(w *workload) error { return w.advance(tp, to) }}
}

func housekeep(d time.Duration) step {
	return step{fmt.Sprint("housekeep after ", d), func(w *workload) error { return w.housekeep(d) }}
}

func create(tp logstore.TopicPartition, id byte) step {
	return step{"create", func(w *workload) error { return w.create(tp, id) }}
}

func deleteLog(tp logstore.TopicPartition) step {
	return step{"delete", func(w *workload) error { return w.delete(tp) }}
}

func configure(name string, change func(*logstore.Config)) step {
	return step{name, func(w *workload) error { return w.configure(change) }}
}

// together appends to both logs before it waits for either.
func together(epoch int32, batches int) step {
	return step{fmt.Sprint("append to both in epoch ", epoch), func(w *workload) error {
		for range batches {
			if err := w.together(epoch, led, followed); err != nil {
				return err
			}
		}
		return nil
	}}
}

var (
	cutJournal = step{"cut the journal", func(w *workload) error { return w.store.CutJournal() }}
	checkpoint = step{"checkpoint", func(w *workload) error { return w.store.Checkpoint() }}
	reopen     = step{"close and open", (*workload).reopen}
	flush      = step{"flush", (*workload).flush}
)

func crashConfig() logstore.Config {
	c := logstore.DefaultConfig()
	c.SegmentBytes, c.IndexIntervalBytes = 400, 150
	c.FileDeleteDelayMs = 1000
	return c
}

// changesOf collects the operations that may change what a crash leaves. To stop
// at a read is to stop at the next of these.
func changesOf(fault *vfs.Fault) *[]int64 {
	var mu sync.Mutex
	all := new([]int64)
	fault.SetHook(func(op vfs.Op) error {
		if changesFiles(op) {
			mu.Lock()
			defer mu.Unlock()
			*all = append(*all, op.Seq)
		}
		return nil
	})
	return all
}

func changesFiles(op vfs.Op) bool {
	switch op.Kind {
	case vfs.OpOpen, vfs.OpRead, vfs.OpStat, vfs.OpReadDir, vfs.OpSpace, vfs.OpClose:
		return false
	}
	return true
}

// crashEverywhere runs a script once to learn its operations, and then once for
// each that changes anything, stopped there. What is left is opened as after a
// loss of power and as after kill -9.
// It does so with every log's own files, and again through the journal.
func crashEverywhere(t *testing.T, c logstore.Config, script []step) {
	t.Helper()
	for _, way := range []string{"own files", "journal"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			stopEverywhere(t, func() *workload {
				w := newWorkload(t, c)
				w.journal = way == "journal"
				return w
			}, script)
		})
	}
}

func stopEverywhere(t *testing.T, fresh func() *workload, script []step) {
	t.Helper()
	w := fresh()
	changes := changesOf(w.fault)
	w.run(script)
	w.fault.SetHook(nil)
	ops := w.fault.Ops()
	if len(*changes) < 50 {
		t.Fatalf("the script changes files %d times only", len(*changes))
	}
	t.Logf("stopped at %d of %d operations, twice each: power lost, and killed", len(*changes), ops)
	for i, stop := range *changes {
		if raceEnabled && i%8 != 0 {
			continue
		}
		w := fresh()
		var last vfs.Op
		w.fault.SetHook(func(op vfs.Op) error {
			if op.Seq < stop {
				return nil
			}
			last = op
			return vfs.ErrCrashed
		})
		w.run(script)
		killed, lost := w.mem.Clone(), w.mem.Crash()
		if err := w.after(lost, false); err != nil {
			t.Fatalf("power lost at operation %d of %d, %s %s: %v", stop, ops, last.Kind, last.Name, err)
		}
		if err := w.after(killed, true); err != nil {
			t.Fatalf("killed at operation %d of %d, %s %s: %v", stop, ops, last.Kind, last.Name, err)
		}
	}
}

func TestCrashAtEveryOperation(t *testing.T) {
	for name, script := range map[string][]step{
		"appends, rolls, checkpoints, reopening": {
			create(led, 1), produce(0, 3), lead(0, 3), housekeep(0), produce(0, 2), checkpoint, lead(1, 3),
			reopen, produce(1, 2), housekeep(time.Minute), lead(2, 1), reopen, lead(2, 6), checkpoint, produce(3, 1),
		},
		"truncation": {
			create(led, 1), produce(0, 5), housekeep(0), truncate(led, 8), lead(1, 2), checkpoint, lead(1, 8),
			truncate(led, 20), lead(2, 4), housekeep(0), truncate(led, 2), produce(2, 3), reopen, truncate(led, 4), lead(3, 1),
		},
		"followers": {
			create(followed, 1), follow(0, 0, 3, 6), follow(1, 100, 103, 200), housekeep(0), truncate(followed, 103),
			follow(2, 103, 110, 120, 130), checkpoint, follow(4, 140, 150), reopen, truncate(followed, 120), follow(5, 125),
		},
		"start and retention": {
			create(led, 1), lead(0, 8), advance(led, 5), lead(0, 1), housekeep(0), lead(1, 1), housekeep(2 * time.Second), produce(1, 4),
			configure("retention.bytes", func(c *logstore.Config) { c.RetentionBytes = 500 }), housekeep(0), housekeep(2 * time.Second),
			lead(2, 3), reopen, advance(led, 24),
			configure("retention.ms", func(c *logstore.Config) { c.RetentionMs = 60_000 }), lead(2, 1), housekeep(2 * time.Minute), lead(2, 2),
		},
		"beginning anew below the start": {
			create(led, 1), produce(0, 8), advance(led, 9), truncate(led, 3), lead(1, 2), checkpoint, lead(1, 3), advance(led, 9), housekeep(0), truncate(led, 5), lead(2, 1),
		},
		"transactions": {
			create(led, 1), transact(led, 101, 2), lead(0, 1), transact(led, 102, 1), abort(led, 101), transact(led, 101, 1), housekeep(0),
			commit(led, 102), checkpoint, abort(led, 102), transact(led, 102, 2), abort(led, 102), transact(led, 103, 1), lead(0, 2), abort(led, 101),
			reopen, transact(led, 101, 1), commit(led, 103), housekeep(0), transact(led, 103, 1), abort(led, 101), checkpoint, lead(1, 1), abort(led, 103),
		},
		"truncation across markers": {
			create(led, 1), transact(led, 101, 2), transact(led, 102, 2), abort(led, 101), lead(0, 1), abort(led, 102), housekeep(0), checkpoint,
			truncate(led, 6), transact(led, 102, 1), commit(led, 102), transact(led, 101, 1), abort(led, 101), lead(0, 3), housekeep(0),
			truncate(led, 9), abort(led, 101), truncate(led, 4), commit(led, 101), transact(led, 103, 3), abort(led, 103), reopen, truncate(led, 1), transact(led, 101, 1),
		},
		"transactions and retention": {
			create(led, 1), transact(led, 101, 2), lead(0, 3), transact(led, 102, 1), abort(led, 102), lead(0, 3), advance(led, 8), housekeep(0), housekeep(2 * time.Second),
			abort(led, 101), transact(led, 102, 2), checkpoint, lead(1, 2), abort(led, 102), reopen,
			configure("retention.bytes", func(c *logstore.Config) { c.RetentionBytes = 300 }), transact(led, 103, 1), housekeep(0), lead(1, 3), housekeep(2 * time.Second), abort(led, 103),
		},
		"followed transactions": {
			create(followed, 1), transact(followed, 201, 2), transact(followed, 202, 2), abort(followed, 201), follow(0, 10, 13), housekeep(0), transact(followed, 201, 1), checkpoint,
			truncate(followed, 12), commit(followed, 202), follow(1, 100), transact(followed, 202, 1), abort(followed, 202), reopen, truncate(followed, 3), abort(followed, 201), follow(2, 50),
		},
		"several logs at a time": {
			create(led, 1), create(followed, 2), together(0, 4), checkpoint, together(1, 6), housekeep(0), truncate(led, 12), together(1, 2), lead(1, 1),
			deleteLog(followed), create(followed, 3), together(2, 3), housekeep(0), advance(led, 5), reopen, together(2, 4), truncate(followed, 9), together(3, 8), cutJournal, together(3, 2),
		},
		"deletes": {
			create(led, 1), create(followed, 2), lead(0, 2), follow(0, 0, 5), checkpoint, deleteLog(led), follow(0, 10), create(led, 3), lead(0, 3),
			housekeep(2 * time.Second), deleteLog(followed), checkpoint, reopen, create(followed, 4), follow(0, 7), checkpoint,
		},
	} {
		t.Run(name, func(t *testing.T) { crashEverywhere(t, crashConfig(), script) })
	}
}

func TestCrashInOSModeLeavesAPrefix(t *testing.T) {
	c := crashConfig()
	c.Durability = logstore.OS
	crashEverywhere(t, c, []step{
		create(led, 1), produce(0, 2), flush, produce(0, 3), lead(0, 3), housekeep(0), lead(1, 1), housekeep(0), checkpoint, lead(1, 7), flush,
		truncate(led, 26), lead(2, 3), advance(led, 4), housekeep(0), truncate(led, 6), lead(3, 2),
		configure("synced", func(c *logstore.Config) { c.Durability = logstore.Synced }), lead(3, 2),
		configure("os", func(c *logstore.Config) { c.Durability = logstore.OS }), lead(3, 2), reopen, lead(4, 2),
	})
}

// Recovery may be interrupted as often as anything else.
func TestCrashDuringRecovery(t *testing.T) {
	script := []step{
		create(led, 1), produce(0, 3), checkpoint, create(followed, 2), lead(0, 6), follow(0, 0, 3, 6, 9, 12), housekeep(0), lead(1, 4),
		advance(led, 3), truncate(led, 20), lead(2, 3), produce(2, 2), deleteLog(followed), create(followed, 3), follow(0, 0, 10),
		{"stop without closing", func(w *workload) error {
			w.fault.SetHook(func(vfs.Op) error { return vfs.ErrCrashed })
			return w.store.Checkpoint()
		}},
	}
	w := newWorkload(t, crashConfig())
	w.run(script)
	killed := w.mem.Clone()
	w.mem.Crash()
	// A torn tail, so that there is something to cut.
	tear(t, killed, "data/logs/led-0", 30)
	for stop := int64(1); ; stop++ {
		mem := killed.Clone()
		fault := vfs.NewFault(mem)
		var last vfs.Op
		fault.SetHook(func(op vfs.Op) error {
			if op.Seq < stop {
				return nil
			}
			last = op
			return vfs.ErrCrashed
		})
		s, err := logstore.Open("data", logstore.Options{FS: fault, Clock: w.clock, Manual: true, Log: w.config, RecoveryWorkers: 1})
		if err == nil {
			if stop < 50 {
				t.Fatalf("recovery took %d operations", stop)
			}
			mem.Crash()
			_ = s.Close()
			return
		}
		again, lost := mem.Clone(), mem.Crash()
		if err := w.after(lost, false); err != nil {
			t.Fatalf("power lost at operation %d of recovery, %s %s: %v", stop, last.Kind, last.Name, err)
		}
		if err := w.after(again, false); err != nil {
			t.Fatalf("killed at operation %d of recovery, %s %s: %v", stop, last.Kind, last.Name, err)
		}
	}
}
