package logstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// logsToMake asks for so many logs of one topic.
func logsToMake(h *harness, n int) []logstore.NewLog {
	all := make([]logstore.NewLog, n)
	for i := range all {
		all[i] = logstore.NewLog{Name: manyName(i), ID: logstore.TopicID{1}, Config: h.config}
	}
	return all
}

func manyName(i int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "many", Partition: int32(i)}
}

// makingTogether has logs made together from that many on.
func makingTogether(t *testing.T, from int) *harness {
	h := newHarness(t, nil)
	h.change = func(o *logstore.Options) { *o = logstore.SyncAllFrom(*o, from) }
	must(t, h.store.Close())
	h.open()
	return h
}

func TestCreateAll(t *testing.T) {
	h := makingTogether(t, 2)
	must(t, createdAll(h.store.CreateAll(logsToMake(h, 3)), 3))
	all := append(logsToMake(h, 5), logstore.NewLog{Name: manyName(4), Config: h.config},
		logstore.NewLog{Name: logstore.TopicPartition{Topic: ".."}, Config: h.config},
		logstore.NewLog{Name: logstore.TopicPartition{Topic: "no-id"}, Config: h.config})
	want := []error{logstore.ErrExists, logstore.ErrExists, logstore.ErrExists, nil, nil, logstore.ErrExists, logstore.ErrInvalidName, nil}
	for i, c := range h.store.CreateAll(all) {
		if !errors.Is(c.Err, want[i]) || (c.Log == nil) != (want[i] != nil) {
			t.Fatalf("log %d: %v, %v", i, c.Log, c.Err)
		}
		if c.Log != nil && (c.Log.Name() != all[i].Name || c.Log.ID() != all[i].ID || c.Log.Config() != h.config) {
			t.Fatalf("log %d is %s, %s", i, c.Log.Name(), c.Log.ID())
		}
	}
	for i := range 5 {
		l, err := h.store.Log(manyName(i))
		must(t, err)
		h.appendDurably(l, fmt.Sprint(i), 1)
	}
	h.log()
	h.powerCut()
	for i := range 5 {
		l, err := h.store.Log(manyName(i))
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), fmt.Sprint(i, "-0"))
		if l.ID() != (logstore.TopicID{1}) {
			t.Fatalf("log %d has id %s", i, l.ID())
		}
	}
	if l, err := h.store.Log(logstore.TopicPartition{Topic: "no-id"}); err != nil || l.ID() != (logstore.TopicID{}) {
		t.Fatal(l, err)
	}
}

// createdAll wants that many logs.
func createdAll(all []logstore.Created, want int) error {
	for i, c := range all {
		if c.Err != nil {
			return fmt.Errorf("log %d: %w", i, c.Err)
		}
	}
	if len(all) != want {
		return fmt.Errorf("%d answers", len(all))
	}
	return nil
}

// Thousands of logs wait for the disk twice, not once or more each.
func TestCreateAllSyncsAFewTimes(t *testing.T) {
	h := newHarness(t, nil)
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) { o.OpenFilesMax = -1 } // whatever the process may have
	h.open()
	syncs := 0
	h.fault.SetHook(func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpSync, vfs.OpSyncDir, vfs.OpSyncAll:
			syncs++
		}
		return nil
	})
	must(t, createdAll(h.store.CreateAll(logsToMake(h, 1000)), 1000))
	if syncs > 2 {
		t.Fatalf("%d syncs", syncs)
	}
}

// Far more logs than files may be open are made with few files open.
func TestCreateAllKeepsToOpenFiles(t *testing.T) {
	const most = 64
	fault := vfs.NewFault(vfs.NewMem())
	s, err := logstore.Open("data", logstore.SyncAllFrom(logstore.Options{FS: fault, OpenFilesMax: most}, 2))
	must(t, err)
	defer s.Close()
	all := make([]logstore.NewLog, 10*most)
	for i := range all {
		all[i] = logstore.NewLog{Name: manyName(i), Config: logstore.DefaultConfig()}
	}
	seen := 0
	var mu sync.Mutex // those that are closed meanwhile are synced together, too
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncAll {
			mu.Lock()
			defer mu.Unlock()
			seen = max(seen, s.Usage().OpenFiles)
		}
		return nil
	})
	// Two ask for halves of them at once.
	half := make(chan []logstore.Created)
	go func() { half <- s.CreateAll(all[:len(all)/2]) }()
	made := s.CreateAll(all[len(all)/2:])
	must(t, createdAll(append(<-half, made...), len(all)))
	fault.SetHook(nil)
	mu.Lock()
	defer mu.Unlock()
	if limit := most + 2*most/16 + 1; seen > limit {
		t.Fatalf("%d files were open, at most %d may be", seen, limit)
	}
}

// Where the system syncs nothing but single files, logs are as durable.
func TestCreateAllWithoutSyncOfAll(t *testing.T) {
	for _, refusal := range []error{errors.ErrUnsupported, syscall.EIO} {
		h := makingTogether(t, 2)
		h.log() // first: whatever is synced later could be of the others as well
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSyncAll {
				return refusal
			}
			return nil
		})
		must(t, createdAll(h.store.CreateAll(logsToMake(h, 5)), 5))
		h.powerCut()
		for i := range 5 {
			l, err := h.store.Log(manyName(i))
			must(t, err)
			if l.ID() != (logstore.TopicID{1}) {
				t.Fatalf("log %d has id %s", i, l.ID())
			}
		}
	}
}

func TestFailedCreateAllLeavesNothing(t *testing.T) {
	const logs = 3
	clean := makingTogether(t, 2)
	before := clean.fault.Ops()
	must(t, createdAll(clean.store.CreateAll(logsToMake(clean, logs)), logs))
	ops := clean.fault.Ops() - before
	for n := int64(1); n <= ops; n++ {
		h := makingTogether(t, 2)
		from := h.fault.Ops()
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Seq == from+n && op.Kind != vfs.OpClose {
				return syscall.ENOSPC
			}
			return nil
		})
		answers := h.store.CreateAll(logsToMake(h, logs))
		h.fault.SetHook(nil)
		if errors.Is(answers[0].Err, logstore.ErrPoisoned) { // the manifest did not sync
			_ = h.store.Close()
			h.open()
		}
		for i, c := range answers {
			if c.Err == nil {
				continue // another's, or something it could do without
			}
			if _, err := h.store.Log(manyName(i)); !errors.Is(c.Err, logstore.ErrNoSpace) || !errors.Is(err, logstore.ErrNotFound) {
				t.Fatalf("operation %d, log %d: %v, and then %v", n, i, c.Err, err)
			}
			_, err := h.store.Create(manyName(i), logstore.TopicID{1}, h.config)
			if err != nil {
				t.Fatalf("operation %d failed; log %d created again: %v", n, i, err)
			}
		}
		for i := range logs {
			l, err := h.store.Log(manyName(i))
			must(t, err)
			h.appendDurably(l, "a", 1)
		}
		h.log()
		h.powerCut()
		for i := range logs {
			l, err := h.store.Log(manyName(i))
			must(t, err)
			wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
		}
	}
}

func createTogether(ids byte, tps ...logstore.TopicPartition) step {
	return step{"create together", func(w *workload) error { return w.createAll(ids, tps...) }}
}

func TestCrashWhileLogsAreMade(t *testing.T) {
	other := logstore.TopicPartition{Topic: "other", Partition: 3}
	crashEverywhere(t, crashConfig(), []step{
		createTogether(1, led, followed, other), together(0, 3), lead(0, 2), deleteLog(other), deleteLog(followed),
		createTogether(2, other, followed), together(1, 2), checkpoint, lead(1, 2), reopen, deleteLog(led), createTogether(3, led), together(2, 1),
	})
}

// A disk that has written any part of what was not synced leaves empty logs: of
// the topic, or of none, as one whose creation was cut short.
func TestPowerLostInPartWhileLogsAreMade(t *testing.T) {
	const logs = 4
	clean := makingTogether(t, 2)
	before := clean.fault.Ops()
	must(t, createdAll(clean.store.CreateAll(logsToMake(clean, logs)), logs))
	ops := clean.fault.Ops() - before
	for seed := range uint64(400) {
		draw := rand.New(rand.NewPCG(seed, 7)).Int64N
		h := makingTogether(t, 2)
		h.fault.SetHook(vfs.CrashAt(h.fault.Ops() + 1 + draw(ops+1)))
		answers := h.store.CreateAll(logsToMake(h, logs))
		left := h.mem.CrashPartly(draw)
		_ = h.store.Close()
		s, err := logstore.Open("data", logstore.Options{FS: left, Manual: true, Log: h.config, Clock: h.clock})
		must(t, err)
		for i, c := range answers {
			l, err := s.Log(manyName(i))
			switch {
			case err == nil && l.Offset(logstore.LogEnd) == 0 && (l.ID() == logstore.TopicID{1} || c.Err != nil && l.ID() == logstore.TopicID{}):
			case c.Err != nil && errors.Is(err, logstore.ErrNotFound):
				l, err = s.Create(manyName(i), logstore.TopicID{1}, h.config)
				must(t, err)
			default:
				t.Fatalf("seed %d, log %d, which was answered %v: %v", seed, i, c.Err, err)
			}
			a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "a", 1), 0)
			must(t, err)
			must(t, l.Wait(t.Context(), logstore.HighWatermark, a.Last+1))
		}
		left = left.Crash()
		_ = s.Close()
		s, err = logstore.Open("data", logstore.Options{FS: left, Manual: true, Log: h.config, Clock: h.clock})
		must(t, err)
		for i := range logs {
			l, err := s.Log(manyName(i))
			must(t, err)
			wantValues(t, values(t, l, logstore.HighWatermark), "a-0")
		}
		must(t, s.Close())
	}
}
