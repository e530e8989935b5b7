package logstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// A cut that fails when files are flushed and the manifest is to say where the
// journal begins has released nothing: a truncation behind it must cut the journal
// itself, or a replay brings back what it has cut off.
func TestTruncationAfterAFailedCut(t *testing.T) {
	for _, after := range []string{"", "another batch"} {
		t.Run("then "+after, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l := h.log()
			for _, v := range []string{"a", "b", "c"} {
				h.appendDurably(l, v, 1)
			}
			writes := 0
			h.fault.SetHook(func(op vfs.Op) error {
				if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, "manifest") {
					if writes++; writes == 2 { // the first is how far files are flushed
						return syscall.ENOSPC
					}
				}
				return nil
			})
			if err := h.store.CutJournal(); !errors.Is(err, logstore.ErrNoSpace) {
				t.Fatal(err)
			}
			h.fault.SetHook(nil)
			must(t, l.TruncateTo(1))
			want := []string{"a-0"}
			if after != "" {
				h.appendDurably(l, after+strings.Repeat("x", 300_000), 1) // by its size to its own file
				want = append(want, after)
			}
			got := values(t, h.powerCut(), logstore.HighWatermark)
			for i := range got {
				got[i] = got[i][:min(len(got[i]), len(want[i]))]
			}
			wantValues(t, got, want...)
		})
	}
}

// What is said of own files in a commit that waits for a cut is not said when a
// truncation came meanwhile: bytes behind it would be known for rot.
func TestSyncedIsNotSaidAcrossATruncation(t *testing.T) {
	h := newJournalHarness(t, 2, nil)
	l, u := h.log(), h.another()
	h.appendDurably(u, "0", 1)
	long := strings.Repeat("long", 900)
	h.appendDurably(u, long, 1)
	h.appendDurably(u, long, 1)
	for cuts := h.store.Counters().JournalCuts; h.store.Counters().JournalCuts == cuts; {
		h.appendDurably(l, strings.Repeat("x", 40_000), 9) // to its own file, which is noted
		h.appendDurably(u, long, 1)                        // until this has no room
	}
	must(t, l.TruncateTo(l.Offset(logstore.LogEnd)-9))
	a := h.appendDurably(l, strings.Repeat("y", 20_000), 20) // a batch across what was said
	l = h.powerCut()
	must(t, l.Err())
	if end := l.Offset(logstore.HighWatermark); end != a.Last+1 {
		t.Fatalf("ends at %d, %d are acknowledged", end, a.Last+1)
	}
}

// However much there is to say of own files, shares find room in a commit.
func TestManyWordsOfOwnFilesLeaveRoom(t *testing.T) {
	h := newHarness(t, nil)
	must(t, h.store.Close())
	h.change = func(o *logstore.Options) { o.JournalFileBytes, o.JournalBytes = 8<<10, 64<<10 }
	h.open()
	logs := make([]*logstore.Log, 80)
	for i := range logs {
		var err error
		logs[i], err = h.store.Create(logstore.TopicPartition{Topic: "m", Partition: int32(i)}, logstore.TopicID{1}, h.config)
		must(t, err)
		h.appendDurably(logs[i], "alone", 1) // to its own file
	}
	hung, release := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && !once.Swap(true) {
			close(hung)
			<-release
		}
		return nil
	})
	h.append(logs[0], "x", 1)
	<-hung
	for _, l := range logs[1:3] {
		h.append(l, "together", 1) // in the next commit
	}
	close(release)
	for _, l := range logs[1:3] {
		must(t, l.Flush())
	}
	if n := h.store.Counters().JournalCommits; n != 1 {
		t.Fatalf("%d commits to the journal", n)
	}
}

// Where the journal has no room and none can be made, appends go to the logs' own
// files, and back to the journal when there is.
func TestAppendsGoOnWithoutRoomInTheJournal(t *testing.T) {
	for name, hook := range map[string]func(vfs.Op) error{
		"full disk":                    failing(vfs.OpWrite, "manifest", syscall.ENOSPC),
		"no descriptor for a file":     failing(vfs.OpOpen, ".journal", syscall.EMFILE),
		"no descriptor to make a file": failing(vfs.OpCreate, ".journal", syscall.EMFILE),
		"a file that cannot be made":   failing(vfs.OpCreate, ".journal", syscall.EIO),
	} {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 2, nil)
			l, u := h.log(), h.another()
			h.appendDurably(l, "0", 1)
			h.appendDurably(u, "0", 1)
			long := strings.Repeat("long", 900)
			h.fault.SetHook(hook)
			want := []string{"0-0"}
			for i := range 12 {
				h.appendDurably(l, fmt.Sprint(i, long), 1)
				want = append(want, fmt.Sprint(i, long, "-0"))
			}
			h.fault.SetHook(nil)
			h.clock.add(time.Second)
			before := h.store.Counters().JournalCommits
			h.appendDurably(l, "again", 1)
			h.appendDurably(l, "and again", 1) // the first of them may be durable by the cut
			if h.store.Counters().JournalCommits == before {
				t.Error("the journal is not used again")
			}
			l = h.powerCut()
			must(t, errors.Join(l.Err(), h.another().Err()))
			wantValues(t, values(t, l, logstore.HighWatermark), append(want, "again-0", "and again-0")...)
		})
	}
}

// A cut that fails is not tried again by every commit.
func TestFailedCutIsNotTriedAgainAtOnce(t *testing.T) {
	h := newJournalHarness(t, 2, nil)
	l := h.log()
	h.appendDurably(h.another(), "0", 1)
	h.appendDurably(l, "0", 1)
	tries := 0
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, "manifest") {
			tries++
			return syscall.ENOSPC
		}
		return nil
	})
	for range 40 {
		h.appendDurably(l, strings.Repeat("long", 900), 1)
		h.store.Housekeep(h.clock.Now())
	}
	if tries > 3 {
		t.Fatalf("the manifest was written to %d times", tries)
	}
}

// A cut flushes what was in the journal when it began. What comes meanwhile is of the
// next: were it flushed as well, each log would cost a sync of its own.
func TestCutFlushesWhatItFound(t *testing.T) {
	for _, together := range []int{1, 99} {
		t.Run(fmt.Sprint("one sync from ", together), func(t *testing.T) {
			h := newJournalHarness(t, 8, nil)
			change := h.change
			must(t, h.store.Close())
			h.change = func(o *logstore.Options) {
				change(o)
				*o = logstore.SyncAllFrom(*o, together)
			}
			h.open()
			l := h.log()
			h.appendDurably(l, "before", 1)
			must(t, h.store.CutJournal()) // of the directory, too
			h.appendDurably(l, "found", 1)
			syncs, reads := 0, 0
			h.fault.SetHook(func(op vfs.Op) error {
				switch {
				case op.Kind == vfs.OpSync && op.Name == firstLog, op.Kind == vfs.OpSyncAll:
					if syncs++; syncs == 1 {
						h.appendDurably(l, "meanwhile", 1) // to a file of the journal that it opens
						reads = 0
					}
				case op.Kind == vfs.OpOpen && strings.HasSuffix(op.Name, ".journal"):
					reads++
				}
				return nil
			})
			must(t, h.store.CutJournal())
			h.fault.SetHook(nil)
			if syncs != 1 || reads != 0 {
				t.Errorf("%d syncs, and %d of the journal's files were read again", syncs, reads)
			}
			l = h.powerCut()
			must(t, l.Err())
			wantValues(t, values(t, l, logstore.HighWatermark), "before-0", "found-0", "meanwhile-0")
		})
	}
}

// A cut that was asked for is not made where another has let the journal go since, and
// is asked for again when it is half full again.
func TestCutThatAnotherHasDone(t *testing.T) {
	h := newJournalHarness(t, 4, nil)
	l := h.log()
	fill := func() {
		for range 11 {
			h.appendDurably(l, strings.Repeat("long", 900), 1)
		}
	}
	cuts := h.store.Counters().JournalCuts
	fill()
	must(t, h.store.CutJournal())
	h.appendDurably(l, "a little", 1)
	h.store.Housekeep(h.clock.Now())
	if n := h.store.Counters().JournalCuts - cuts; n != 1 {
		t.Fatalf("%d cuts", n)
	}
	fill()
	h.store.Housekeep(h.clock.Now())
	if n := h.store.Counters().JournalCuts - cuts; n != 2 {
		t.Fatalf("%d cuts in the end", n)
	}
}
