package logstore_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// failing returns err for every operation of that kind on a file of that suffix.
func failing(kind vfs.OpKind, suffix string, err error) func(vfs.Op) error {
	return func(op vfs.Op) error {
		if op.Kind == kind && strings.HasSuffix(op.Name, suffix) {
			return err
		}
		return nil
	}
}

// A failed sync, or a device error, is final: nothing more is acknowledged,
// what was durable is served, and only opening anew tells what the disk holds.
func TestPoison(t *testing.T) {
	for _, c := range []struct {
		name string
		hook func(vfs.Op) error
		fail func(h *harness, l *logstore.Log) error
		want []string // after reopening over the same disk, the page cache alive
	}{
		{"EIO on sync", failing(vfs.OpSync, ".log", syscall.EIO), func(h *harness, l *logstore.Log) error {
			a := h.append(l, "lost", 1)
			return l.Wait(h.t.Context(), logstore.HighWatermark, a.Last+1)
		}, []string{"a-0", "b-0"}},
		{"any error on sync", failing(vfs.OpSync, ".log", syscall.ENOSPC), func(h *harness, l *logstore.Log) error {
			h.append(l, "lost", 1)
			return l.Flush()
		}, []string{"a-0", "b-0", "lost-0"}},
		{"EIO on write", failing(vfs.OpWrite, ".log", syscall.EIO), func(h *harness, l *logstore.Log) error {
			_, err := l.AppendLeader(batchOf(h.t, record.BuilderOptions{}, h.clock.ms(), "lost", 1), 0)
			return err
		}, []string{"a-0", "b-0"}},
		{"a full disk that cannot be taken back", func(op vfs.Op) error {
			if op.Kind == vfs.OpTruncate {
				return syscall.EIO
			}
			if op.Kind == vfs.OpWrite && strings.HasSuffix(op.Name, ".log") {
				return vfs.ShortWrite(10, syscall.ENOSPC)
			}
			return nil
		}, func(h *harness, l *logstore.Log) error {
			_, err := l.AppendLeader(batchOf(h.t, record.BuilderOptions{}, h.clock.ms(), "lost", 1), 0)
			return err
		}, []string{"a-0", "b-0"}},
		{"directory sync after a roll", failing(vfs.OpSyncDir, "t-0", syscall.EIO), func(h *harness, l *logstore.Log) error {
			c := l.Config()
			c.SegmentBytes = 100
			must(h.t, l.Configure(c))
			a := h.append(l, "rolled", 1)
			return l.Wait(h.t.Context(), logstore.HighWatermark, a.Last+1)
		}, []string{"a-0", "b-0", "rolled-0"}},
		{"truncation", failing(vfs.OpTruncate, ".log", syscall.EIO), func(h *harness, l *logstore.Log) error { return l.TruncateTo(1) }, []string{"a-0", "b-0"}},
		{"sync of a sealed index", failing(vfs.OpSync, ".index", syscall.EIO), func(h *harness, l *logstore.Log) error {
			c := l.Config()
			c.SegmentBytes = 100
			must(h.t, l.Configure(c))
			h.appendDurably(l, "rolled", 1)
			h.store.Housekeep(h.clock.Now())
			return l.Err()
		}, []string{"a-0", "b-0", "rolled-0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			h.appendDurably(l, "a", 1)
			h.appendDurably(l, "b", 1)
			h.fault.SetHook(c.hook)
			if err := c.fail(h, l); !errors.Is(err, logstore.ErrPoisoned) {
				t.Fatalf("failed: %v, want ErrPoisoned", err)
			}
			h.fault.SetHook(nil) // the disk is well again; the log is not
			eventually(t, "it is told", func() bool { return len(eventsOf[logstore.LogPoisoned](h.events)) > 0 })
			if p := eventsOf[logstore.LogPoisoned](h.events); len(p) != 1 || p[0].Log != tp || p[0].Err == nil {
				t.Fatalf("events %v", p)
			}
			durable := l.Offset(logstore.Durable)
			for what, err := range map[string]error{
				"append":        errOf(l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "x", 1), 0)),
				"follow":        errOf(l.AppendFollower(batchOf(t, record.BuilderOptions{BaseOffset: 9}, h.clock.ms(), "x", 1))),
				"err":           l.Err(),
				"truncate":      l.TruncateTo(0),
				"advance start": l.AdvanceStart(1),
				"wait":          l.Wait(t.Context(), logstore.HighWatermark, 100),
			} {
				if !errors.Is(err, logstore.ErrPoisoned) {
					t.Errorf("%s: %v, want ErrPoisoned", what, err)
				}
			}
			if l.Offset(logstore.Durable) != durable || l.Offset(logstore.HighWatermark) > durable {
				t.Errorf("durable %d, was %d; high watermark %d", l.Offset(logstore.Durable), durable, l.Offset(logstore.HighWatermark))
			}
			// Reads by any bound end at what is durable.
			for _, bound := range []logstore.Bound{logstore.HighWatermark, logstore.Durable, logstore.LogEnd} {
				if got := values(t, l, bound); len(got) != int(durable) {
					t.Errorf("bound %d serves %v", bound, got)
				}
			}
			h.store.Housekeep(h.clock.Now())
			_ = h.store.Checkpoint()
			lost := h.mem.Clone().Crash()
			if err := h.store.Close(); !errors.Is(err, logstore.ErrPoisoned) {
				t.Errorf("close: %v", err)
			}
			if exists(t, h.mem, cleanMarker) {
				t.Error("closed as if clean")
			}
			wantPrefix(t, values(t, h.openTree(t, lost).log, logstore.HighWatermark), c.want, int(durable))
			h.mem = h.mem.Clone()
			h.open()
			l, err := h.store.Log(tp)
			must(t, err)
			wantValues(t, values(t, l, logstore.HighWatermark), c.want...)
			h.appendDurably(l, "again", 1)
			wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), append(slices.Clone(c.want), "again-0")...)
		})
	}
}

func errOf(_ logstore.Appended, err error) error { return err }

// wantPrefix wants a prefix of all of at least that length.
func wantPrefix(t *testing.T, got, all []string, least int) {
	t.Helper()
	if len(got) < least || len(got) > len(all) || !slices.Equal(got, all[:len(got)]) {
		t.Fatalf("got %v, want at least %d of %v", got, least, all)
	}
}

// One log's failed sync is its own; the store and the other logs go on.
func TestPoisonIsOfOneLog(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	other, err := h.store.Create(logstore.TopicPartition{Topic: "u"}, logstore.TopicID{}, h.config)
	must(t, err)
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.HasPrefix(op.Name, logDir+"/") {
			return syscall.EIO
		}
		return nil
	})
	h.append(l, "a", 1)
	if err := l.Flush(); !errors.Is(err, logstore.ErrPoisoned) {
		t.Fatal(err)
	}
	h.appendDurably(other, "b", 1)
	must(t, h.store.Checkpoint())
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	h.open()
	other, err = h.store.Log(other.Name())
	must(t, err)
	wantValues(t, values(t, other, logstore.HighWatermark), "b-0")
}

// A full disk poisons nothing: what was half written is taken back.
func TestFullDisk(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		for _, n := range []int{0, 1, 60, 61, 70, 1 << 20} {
			t.Run(fmt.Sprint(err, " after ", n), func(t *testing.T) {
				h := newHarness(t, nil)
				l := h.log()
				h.appendDurably(l, "a", 1)
				size := len(readAll(t, h.mem, firstLog))
				h.fault.SetHook(failing(vfs.OpWrite, ".log", vfs.ShortWrite(n, err)))
				for range 2 {
					_, got := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "lost", 2), 0)
					if !errors.Is(got, logstore.ErrNoSpace) || errors.Is(got, logstore.ErrPoisoned) {
						t.Fatal(got)
					}
				}
				if got := len(readAll(t, h.mem, firstLog)); got != size || l.Offset(logstore.LogEnd) != 1 {
					t.Fatalf("%d bytes, was %d; the log ends at %d", got, size, l.Offset(logstore.LogEnd))
				}
				h.fault.SetHook(nil)
				if a := h.appendDurably(l, "b", 1); a.First != 1 {
					t.Fatalf("appended at %d", a.First)
				}
				wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0", "b-0")
			})
		}
	}
}

// What is left of an append that was undone does not come back, with the next loss of
// power, behind the end of a segment that was rolled since.
func TestFullDiskBeforeARoll(t *testing.T) {
	long := strings.Repeat("long", 30)
	for seed := range uint64(200) {
		h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 240 })
		l := h.log()
		h.appendDurably(l, "a", 1)
		h.fault.SetHook(failing(vfs.OpWrite, ".log", vfs.ShortWrite(100, syscall.ENOSPC)))
		if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "lost", 2), 0); !errors.Is(err, logstore.ErrNoSpace) {
			t.Fatal(err)
		}
		h.fault.SetHook(nil)
		h.appendDurably(l, long, 1)
		if _, err := h.mem.Stat(logDir + "/00000000000000000001.log"); err != nil {
			t.Fatalf("not rolled: %v", err)
		}
		left := h.mem.CrashPartly(rand.New(rand.NewPCG(seed, 1)).Int64N)
		_ = h.store.Close()
		h.mem = left
		h.open()
		l = h.log()
		must(t, l.Err())
		wantValues(t, values(t, l, logstore.HighWatermark), "a-0", long+"-0")
	}
}

// Where that cannot be made sure of, nothing more is appended.
func TestFullDiskThatDoesNotCut(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpTruncate, vfs.OpSync} {
		h := newHarness(t, nil)
		l := h.log()
		h.appendDurably(l, "a", 1)
		short, fails := failing(vfs.OpWrite, ".log", vfs.ShortWrite(100, syscall.ENOSPC)), failing(kind, ".log", syscall.EIO)
		h.fault.SetHook(func(op vfs.Op) error { return cmp.Or(short(op), fails(op)) })
		if _, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), "lost", 2), 0); !errors.Is(err, logstore.ErrPoisoned) {
			t.Fatal(kind, err)
		}
		h.fault.SetHook(nil)
		wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
	}
}

// A roll that fails at any of its files takes nothing with it: not the next
// roll, and not an append that still fits the old segment.
func TestFailedRoll(t *testing.T) {
	for _, suffix := range []string{"1.log", "1.index", "1.timeindex"} {
		for _, fits := range []bool{false, true} {
			for name, again := range map[string]func(*harness) *logstore.Log{"clean": (*harness).reopen, "kill": (*harness).kill, "power cut": (*harness).powerCut} {
				for removes := range 2 { // clearing up may fail, too
					t.Run(fmt.Sprint(suffix, " fits ", fits, " ", name, " ", removes), func(t *testing.T) {
						h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 200 })
						l := h.log()
						h.appendDurably(l, "a", 1)
						h.fault.SetHook(func(op vfs.Op) error {
							if op.Kind == vfs.OpCreate && strings.HasSuffix(op.Name, suffix) || op.Kind == vfs.OpRemove && removes == 1 {
								return syscall.ENOSPC
							}
							return nil
						})
						_, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), strings.Repeat("long", 20), 1), 0)
						if !errors.Is(err, logstore.ErrNoSpace) {
							t.Fatalf("rolled: %v", err)
						}
						want := []string{"a-0"}
						if fits {
							h.appendDurably(l, "b", 1)
							want = append(want, "b-0")
						}
						h.fault.SetHook(nil)
						h.appendDurably(l, "c", 1)
						h.appendDurably(l, "d", 1)
						want = append(want, "c-0", "d-0")
						wantValues(t, values(t, l, logstore.HighWatermark), want...)
						l = again(h)
						wantValues(t, values(t, l, logstore.HighWatermark), want...)
						h.appendDurably(l, "e", 1)
						wantValues(t, values(t, h.reopen(), logstore.HighWatermark), append(want, "e-0")...)
					})
				}
			}
		}
	}
}

// The same, closed before another roll could tidy up.
func TestFailedRollThenReopened(t *testing.T) {
	for name, again := range map[string]func(*harness) *logstore.Log{"clean": (*harness).reopen, "kill": (*harness).kill, "power cut": (*harness).powerCut} {
		for _, suffix := range []string{"1.log", "1.index", "1.timeindex"} {
			t.Run(name+" "+suffix, func(t *testing.T) {
				h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes = 200 })
				l := h.log()
				h.appendDurably(l, "a", 1)
				h.fault.SetHook(func(op vfs.Op) error {
					if op.Kind == vfs.OpCreate && strings.HasSuffix(op.Name, suffix) || op.Kind == vfs.OpRemove {
						return syscall.ENOSPC
					}
					return nil
				})
				_, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, h.clock.ms(), strings.Repeat("long", 20), 1), 0)
				if !errors.Is(err, logstore.ErrNoSpace) {
					t.Fatalf("rolled: %v", err)
				}
				h.appendDurably(l, "b", 1)
				h.fault.SetHook(nil)
				must(t, h.store.Checkpoint())
				l = again(h)
				wantValues(t, values(t, l, logstore.HighWatermark), "a-0", "b-0")
				h.appendDurably(l, "c", 1)
				wantValues(t, values(t, h.reopen(), logstore.HighWatermark), "a-0", "b-0", "c-0")
			})
		}
	}
}

// A checkpoint that fails for long is tried every so often, and not more and more
// often.
func TestFailingCheckpointHasOneDeadline(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	h.fault.SetHook(failing(vfs.OpCreate, "recovery-point-offset-checkpoint.tmp", syscall.ENOSPC))
	for range 20 {
		h.clock.add(60e9)
		h.store.Housekeep(h.clock.Now())
	}
	if failed := len(eventsOf[logstore.HousekeepingFailed](h.events)); failed != 20 {
		t.Errorf("%d checkpoints failed in 20 turns", failed)
	}
}

// Housekeeping that fails is reported and tried again.
func TestHousekeepingIsRetried(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.FileDeleteDelayMs = 200, 0 })
	l := h.log()
	for i := range 4 {
		h.appendDurably(l, fmt.Sprint(i), 1)
	}
	for _, c := range []struct {
		work string
		hook func(vfs.Op) error
		due  func()
		done func() bool
	}{
		{"seal", failing(vfs.OpCreate, ".snapshot.tmp", syscall.ENOSPC), func() {}, func() bool { return l.Segments()[0].Sealed }},
		{"mark", failing(vfs.OpRename, ".log", syscall.ENOSPC), func() { must(t, l.AdvanceStart(2)) }, func() bool { return len(filesIn(t, h.mem, logDir, ".log")) == 1 }},
		{"remove", failing(vfs.OpReadDir, "-delete", syscall.EMFILE), func() {
			other, err := h.store.Create(logstore.TopicPartition{Topic: "u"}, logstore.TopicID{}, h.config)
			must(t, err)
			must(t, h.store.Delete(other.Name()))
		}, func() bool {
			entries, err := h.mem.ReadDir("data/logs")
			must(t, err)
			return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), "-delete") })
		}},
		{"checkpoint", failing(vfs.OpCreate, "recovery-point-offset-checkpoint.tmp", syscall.ENOSPC), func() { h.appendDurably(l, "more", 1); h.clock.add(60e9) }, func() bool {
			return bytes.Contains(readAll(t, h.mem, "data/logs/recovery-point-offset-checkpoint"), []byte("t 0 5"))
		}},
	} {
		t.Run(c.work, func(t *testing.T) {
			before := len(eventsOf[logstore.HousekeepingFailed](h.events))
			c.due()
			h.fault.SetHook(c.hook)
			h.store.Housekeep(h.clock.Now())
			failed := eventsOf[logstore.HousekeepingFailed](h.events)[before:]
			if len(failed) == 0 || failed[0].Work != c.work || failed[0].Err == nil {
				t.Fatalf("events %+v", failed)
			}
			h.clock.add(60e9)
			h.store.Housekeep(h.clock.Now())
			again := eventsOf[logstore.HousekeepingFailed](h.events)[before+len(failed):]
			at := slices.IndexFunc(again, func(e logstore.HousekeepingFailed) bool { return e.Work == c.work })
			if failed[0].Repeated || at < 0 || !again[at].Repeated {
				t.Fatalf("at first %+v, then %+v", failed, again)
			}
			resumed := len(eventsOf[logstore.HousekeepingResumed](h.events))
			h.fault.SetHook(nil)
			h.clock.add(60e9)
			h.store.Housekeep(h.clock.Now())
			h.clock.add(60e9)
			h.store.Housekeep(h.clock.Now())
			if !c.done() {
				t.Fatal("it was not tried again")
			}
			told := eventsOf[logstore.HousekeepingResumed](h.events)[resumed:]
			if !slices.Contains(told, logstore.HousekeepingResumed{Log: failed[0].Log, Work: c.work}) {
				t.Fatalf("%+v failed, then %+v", failed, told)
			}
			if l.Err() != nil {
				t.Fatal(l.Err())
			}
		})
	}
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	clean := newHarness(t, nil)
	before := clean.fault.Ops()
	clean.log()
	ops := clean.fault.Ops() - before
	for n := int64(1); n <= ops; n++ {
		h := newHarness(t, nil)
		from := h.fault.Ops()
		h.fault.SetHook(func(op vfs.Op) error {
			if op.Seq == from+n && op.Kind != vfs.OpClose {
				return syscall.ENOSPC
			}
			return nil
		})
		_, err := h.store.Create(tp, logstore.TopicID{1}, h.config)
		h.fault.SetHook(nil)
		if err == nil {
			continue // a close, or something it could do without
		}
		if !errors.Is(err, logstore.ErrNoSpace) {
			t.Fatalf("operation %d: %v", n, err)
		}
		if errors.Is(err, logstore.ErrPoisoned) { // the manifest did not sync
			_ = h.store.Close()
			h.open()
		}
		if _, err := h.store.Log(tp); !errors.Is(err, logstore.ErrNotFound) {
			t.Fatalf("operation %d: %v", n, err)
		}
		l, err := h.store.Create(tp, logstore.TopicID{1}, h.config)
		if err != nil {
			t.Fatalf("operation %d failed; created again: %v", n, err)
		}
		h.appendDurably(l, "a", 1)
		wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "a-0")
	}
}
