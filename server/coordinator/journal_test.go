package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server/coordinator"
)

// open makes a store with one log on a file system.
func open(t *testing.T, fs vfs.FS, durability logstore.Durability) *logstore.Log {
	t.Helper()
	c := logstore.DefaultConfig()
	c.Durability, c.Delete, c.Compact = durability, false, true
	store, err := logstore.Open(".", logstore.Options{FS: fs, Log: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	name := logstore.TopicPartition{Topic: "state"}
	log, err := store.Log(name)
	if errors.Is(err, logstore.ErrNotFound) {
		log, err = store.Create(name, logstore.TopicID{1}, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return log
}

var errDisk = errors.New("the disk is broken")

func nowMs() int64 { return 1000 }

func records(key string) []coordinator.Record {
	return []coordinator.Record{{Key: []byte(key), Value: []byte("v")}, {Key: []byte(key + "'")}}
}

func replayed(t *testing.T, log *logstore.Log) (keys []string) {
	t.Helper()
	err := coordinator.Replay(t.Context(), log, func(r *record.Record) error {
		keys = append(keys, string(r.Key))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// What is applied has been synced, in the order proposed, and is what a replay
// finds.
func TestAppliedIsDurableAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		log := open(t, mem, logstore.Synced)
		var mu sync.Mutex
		var applied []string
		j := coordinator.NewJournal(t.Context(), &mu, log, 1, nowMs)
		for i := range 100 {
			mu.Lock()
			key := fmt.Sprint(i)
			err := j.Propose(records(key), func(err error) {
				if err != nil {
					t.Error(err)
				}
				if durable := log.Offset(logstore.Durable); durable < int64(2*(i+1)) {
					t.Errorf("change %d is applied, durable is %d", i, durable)
				}
				applied = append(applied, key, key+"'")
			})
			mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(applied) != 200 {
			t.Fatalf("%d records applied", len(applied))
		}
		if got := replayed(t, open(t, mem.Crash(), logstore.Synced)); !slices.Equal(got, applied) {
			t.Errorf("replay after a power loss: %v", got)
		}
	})
}

// In os mode nothing is waited for: a change is applied when Propose returns.
func TestNothingIsWaitedForInOSMode(t *testing.T) {
	var mu sync.Mutex
	j := coordinator.NewJournal(t.Context(), &mu, open(t, vfs.NewMem(), logstore.OS), 1, nowMs)
	mu.Lock()
	defer mu.Unlock()
	nested := false
	err := j.Propose(records("a"), func(error) {
		// A change may bring about the next one.
		if err := j.Propose(records("b"), func(error) { nested = true }); err != nil {
			t.Error(err)
		}
	})
	if err != nil || !nested {
		t.Errorf("error %v, the second was applied: %v", err, nested)
	}
}

// Where a sync fails, nobody knows what is on disk: all under way fail, and all
// that comes. What does not fit fails alone, and nothing of it is written.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := vfs.NewFault(vfs.NewMem())
		log := open(t, fault, logstore.Synced)
		var mu sync.Mutex
		j := coordinator.NewJournal(t.Context(), &mu, log, 1, nowMs)
		propose := func(records []coordinator.Record) (told chan error, err error) {
			mu.Lock()
			defer mu.Unlock()
			told = make(chan error, 1)
			return told, j.Propose(records, func(err error) { told <- err })
		}
		big := []coordinator.Record{{Key: make([]byte, 2<<20)}}
		if _, err := propose(big); !errors.Is(err, logstore.ErrTooLarge) {
			t.Fatalf("too large a change: %v", err)
		}
		told, err := propose(records("a"))
		if err != nil || <-told != nil {
			t.Fatalf("after one that was too large: %v", err)
		}
		fault.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				return errDisk
			}
			return nil
		})
		told, err = propose(records("b"))
		if err != nil {
			t.Fatal(err)
		}
		if err := <-told; !errors.Is(err, coordinator.ErrFailed) {
			t.Errorf("a change whose sync failed: %v", err)
		}
		if _, err := propose(records("c")); err == nil {
			t.Error("a failed journal takes a change")
		}
	})
}

// Who closes tells those who wait.
func TestAbandoned(t *testing.T) {
	log := open(t, vfs.NewMem(), logstore.OS)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	j := coordinator.NewJournal(ctx, &mu, log, 1, nowMs)
	mu.Lock()
	defer mu.Unlock()
	why := errors.New("the broker closes")
	j.Abandon(why)
	if err := j.Propose(records("a"), func(error) { t.Error("applied") }); !errors.Is(err, why) || !errors.Is(err, coordinator.ErrFailed) {
		t.Errorf("%v", err)
	}
	if log.Offset(logstore.LogEnd) != 0 {
		t.Error("an abandoned journal appended")
	}
}
