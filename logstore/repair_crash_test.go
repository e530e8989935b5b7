package logstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"moldau/logstore"
	"moldau/logstore/manifest"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// damagedImage is a store with damage of many kinds.
func damagedImage(t testing.TB) image {
	m, _ := storeImage(t)
	files := logFiles(m, "data/logs/t-0")
	flipBit(m, files[0], 70)
	flipBit(m, files[1], batchAt(m, files[1], 2)+7)
	flipBit(m, files[len(files)-1], -1)
	m["data/logs/t-0/00000000000000000005.log"] = []byte("rubbish")
	delete(m, beside(files[1], ".index"))
	m["data/logs/t-0/leader-epoch-checkpoint"] = []byte("0\n")
	flipBit(m, "data/logs/recovery-point-offset-checkpoint", 0)
	m["data/moldau/manifest"] = []byte("a manifest")
	return m
}

// withoutBackups is an image without what repairs keep.
func withoutBackups(m image) image {
	m = maps.Clone(m)
	maps.DeleteFunc(m, func(name string, _ []byte) bool {
		return strings.HasPrefix(name, "data/moldau/repair-") || strings.HasSuffix(name, "/.")
	})
	return m
}

// changes tells whether an operation changes what a crash leaves. One at any
// other leaves what the one before it left.
func changes(op vfs.Op) bool {
	switch op.Kind {
	case vfs.OpOpen, vfs.OpRead, vfs.OpStat, vfs.OpReadDir, vfs.OpClose:
		return false
	}
	return true
}

// crashAt has the file system crash at the change of that number, from 0 on. A start
// opens logs side by side, so that which change that is may differ.
func crashAt(fault *vfs.Fault, at int) {
	var left atomic.Int64
	left.Store(int64(at))
	fault.SetHook(func(op vfs.Op) error {
		if changes(op) && left.Add(-1) < 0 {
			return vfs.ErrCrashed
		}
		return nil
	})
}

// eachCrash interrupts a repair at each of its changes, by a loss of power or of the
// process alone, and calls then with what that leaves.
func eachCrash(t *testing.T, old image, dir string, then func(mem *vfs.Mem)) {
	t.Helper()
	for at := 0; ; at++ {
		for _, power := range []bool{true, false} {
			mem := old.durable(t)
			fault := vfs.NewFault(mem)
			crashAt(fault, at)
			if _, err := logstore.Repair(fault, dir, repairOptions()); !fault.Crashed() {
				if must(t, err); at == 0 {
					t.Fatal("a repair changes nothing")
				}
				return
			}
			if mem = mem.Clone(); power {
				mem = mem.Crash()
			}
			func() {
				defer func() {
					if t.Failed() {
						t.Fatalf("crash at %d, power %v", at, power)
					}
				}()
				then(mem)
			}()
		}
	}
}

// TestRepairCrashedAnywhereIsRunAgain wants each file old or new, and what is run again
// to come to the same. The stores were closed cleanly, and their manifests are rubbish.
func TestRepairCrashedAnywhereIsRunAgain(t *testing.T) {
	old := damagedImage(t)
	t.Run("a store", func(t *testing.T) { runAgain(t, old) })
	both := maps.Clone(old)
	for name, b := range old {
		both["data/moldau/metadata/"+strings.TrimPrefix(name, "data/")] = b
	}
	t.Run("and the one within", func(t *testing.T) { runAgain(t, both) })
	without := maps.Clone(old)
	delete(without, "data/moldau/manifest")
	t.Run("without a manifest", func(t *testing.T) { runAgain(t, without) })
}

func runAgain(t *testing.T, old image) {
	whole := old.durable(t)
	repair(t, whole, "data")
	want := withoutBackups(imageOf(t, whole, "."))
	if _, ok := want["data/moldau/manifest"]; ok || len(want) == 0 {
		t.Fatal("the manifest is still there")
	}
	aside := 0
	eachCrash(t, old, "data", func(mem *vfs.Mem) {
		left := withoutBackups(imageOf(t, mem, "."))
		for name, b := range left {
			if was, ok := strings.CutSuffix(name, ".repair"); ok {
				if delete(left, name); !bytes.Equal(b, old[was]) {
					t.Errorf("%s is not what was set aside", name)
				}
				aside++
			}
		}
		for name, b := range left {
			if !bytes.Equal(b, old[name]) && !bytes.Equal(b, want[name]) && !strings.HasSuffix(name, ".tmp") {
				t.Errorf("%s is neither the old nor the new file", name)
			}
		}
		if r := repair(t, mem, "data"); len(r.Remaining) > 0 {
			t.Error(r.Remaining)
		}
		got := withoutBackups(imageOf(t, mem.Crash(), ".")) // all of it is durable
		maps.DeleteFunc(got, func(name string, _ []byte) bool { return strings.HasSuffix(name, ".tmp") && want[name] == nil })
		wantImage(t, got, want)
	})
	if aside == 0 {
		t.Error("nothing was set aside")
	}
}

// TestRepairOfALogIsCompletedByOneOfAll interrupts the repair of one log.
func TestRepairOfALogIsCompletedByOneOfAll(t *testing.T) {
	old := damagedImage(t)
	whole := old.durable(t)
	repair(t, whole, "data")
	want := imageOf(t, whole, "data/logs")
	eachCrash(t, old, "data/logs/t-0", func(mem *vfs.Mem) {
		if r := repair(t, mem, "data"); len(r.Remaining) > 0 {
			t.Error(r.Remaining)
		}
		got := imageOf(t, mem.Crash(), "data/logs")
		maps.DeleteFunc(got, func(name string, _ []byte) bool { return strings.HasSuffix(name, ".tmp") })
		wantImage(t, got, want)
	})
}

// asideManifest is there while a repair changes files.
const asideManifest = "data/moldau/manifest.repair"

// TestHalfRepairedIsNotOpened interrupts the repair of a store that was killed: a start
// that went on from there would take rot for a torn tail, or give an offset twice. The
// repair that is run again comes to what the first would have.
func TestHalfRepairedIsNotOpened(t *testing.T) {
	for name, damage := range uncleanDamages {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 400 })
			old, aborted := killedImage(t, h, damage)
			whole := old.durable(t)
			repair(t, whole, "data")
			l := h.openTree(t, whole).log
			end, epoch, want := l.Offset(logstore.LogEnd), l.LatestEpoch(), values(t, l, logstore.LogEnd)
			refused := 0
			eachCrash(t, old, "data", func(mem *vfs.Mem) {
				left := imageOf(t, mem, ".")
				if _, ok := left[asideManifest]; ok {
					refused++
					wantHalfRepaired(t, mem)
					wantImage(t, imageOf(t, mem, "."), left)
				}
				r := repair(t, mem, "data")
				o := h.openTree(t, mem.Crash())
				if len(r.Remaining) > 0 || o.log.Err() != nil || o.log.Offset(logstore.LogEnd) != end || o.log.LatestEpoch() != epoch {
					t.Errorf("%v, %v: ends at %d in epoch %d, want %d in %d", r.Remaining, o.log.Err(), o.log.Offset(logstore.LogEnd), o.log.LatestEpoch(), end, epoch)
				}
				wantValues(t, values(t, o.log, logstore.LogEnd), want...)
				wantAborted(t, o.log, 0, end, aborted)
				must(t, o.store.Close())
			})
			if refused == 0 {
				t.Error("no crash left it half repaired")
			}
		})
	}
}

// TestRepairRunAgainKeepsAbortedWhatLostItsMarker interrupts a repair that takes an abort
// marker out: the data is right then, and what the index says has nothing to show for it.
func TestRepairRunAgainKeepsAbortedWhatLostItsMarker(t *testing.T) {
	h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 400 })
	l, u := h.log(), h.another()
	h.appendDurably(u, "0", 1)
	p := &txn{h: h, id: 1}
	first := p.write(l, 1).First
	marker := p.end(l, false).Last
	appendIn(t, h, l, 1)
	must(t, h.store.Checkpoint())
	appendIn(t, h, l, 1, 1, 1, 1)
	must(t, h.store.CutJournal())
	old := imageOf(t, h.mem.Crash(), ".")
	at := batchAt(old, firstLog, 1)
	flipBit(old, firstLog, at+11)
	flipBit(old, firstLog, at+70)
	aborted := logstore.AbortedTransaction{ProducerID: 1, First: first, Last: marker}
	wantMendedLog := func(mem *vfs.Mem) {
		t.Helper()
		o := h.openTree(t, mem)
		must(t, o.log.Err())
		wantValues(t, values(t, o.log, logstore.LogEnd), "1.0.0-0", "1-0", "1-0", "1-0", "1-0", "1-0")
		wantAborted(t, o.log, 0, o.log.Offset(logstore.LogEnd), aborted)
		must(t, o.store.Close())
	}
	whole := old.durable(t)
	repair(t, whole, "data")
	wantMendedLog(whole)
	eachCrash(t, old, "data", func(mem *vfs.Mem) {
		repair(t, mem, "data")
		wantMendedLog(mem.Crash())
	})
}

// halfRepaired is a store of which a repair was interrupted as its first file changed.
func halfRepaired(t *testing.T, h *harness) (left *vfs.Mem) {
	old, _ := killedImage(t, h, uncleanDamages["ends short of its journal"])
	eachCrash(t, old, "data", func(mem *vfs.Mem) {
		if _, err := mem.Stat(asideManifest); err == nil && left == nil {
			left = mem
		}
	})
	if left == nil {
		t.Fatal("none")
	}
	return left
}

// What was set aside counts only as long as nobody else was there.
func TestHalfRepairedAndThenKafkas(t *testing.T) {
	h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 400 })
	mem := halfRepaired(t, h)
	overwrite(t, mem, "data/logs/recovery-point-offset-checkpoint", []byte("0\n2\nt 0 2\nu 0 1\n"))
	r := repair(t, mem, "data")
	if !r.Unclean || exists(t, mem, asideManifest) {
		t.Errorf("it was not settled: %+v", r)
	}
	o := h.openTree(t, mem)
	if err := o.log.Err(); err != nil || o.log.Offset(logstore.LogEnd) != 8 {
		t.Errorf("%v, ends at %d: Kafka's log ends where its data does", err, o.log.Offset(logstore.LogEnd))
	}
}

// What a newer program knows of a store, set aside or not, this one does not throw away.
func TestRepairLeavesWhatANewerVersionWrote(t *testing.T) {
	half := halfRepaired(t, newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 400 }))
	m, _ := storeImage(t)
	flipBit(m, logFiles(m, "data/logs/t-0")[0], 70)
	for name, mem := range map[string]*vfs.Mem{asideManifest: half, ownManifest: m.fs(t)} {
		b := readAll(t, mem, name)
		b[11] = 9
		binary.BigEndian.PutUint32(b[20:], crc32.Checksum(b[:20], crc32.MakeTable(crc32.Castagnoli)))
		overwrite(t, mem, name, b)
		before := imageOf(t, mem, ".")
		if _, err := logstore.Repair(mem, "data", repairOptions()); !errors.Is(err, manifest.ErrVersion) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
		wantImage(t, imageOf(t, mem, "."), before)
	}
}

// wantHalfRepaired wants every way to open the store, and a repair of a part of it, to
// be refused, and a check to tell.
func wantHalfRepaired(t *testing.T, mem *vfs.Mem) {
	t.Helper()
	for _, readOnly := range []bool{false, true} {
		s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true, ReadOnly: readOnly})
		if !errors.Is(err, logstore.ErrHalfRepaired) {
			if err == nil {
				_ = s.Close()
			}
			t.Fatalf("read-only %v: %v, want it refused", readOnly, err)
		}
	}
	if _, err := logstore.Repair(mem, "data/logs/t-0", repairOptions()); !errors.Is(err, logstore.ErrHalfRepaired) {
		t.Fatalf("repair of one log: %v", err)
	}
	o := repairOptions()
	o.DryRun = true
	r, err := logstore.Repair(mem, "data", o)
	must(t, err)
	if !slices.ContainsFunc(r.Changes, func(c *logstore.Change) bool { return c.File == asideManifest }) {
		t.Fatalf("a dry run tells %+v", r.Changes)
	}
	report, err := logstore.Check(mem, "data", logstore.CheckOptions{})
	must(t, err)
	if !slices.ContainsFunc(report.Findings, func(f logstore.Finding) bool { return f.File == asideManifest && f.Severity == logstore.Fault }) {
		t.Fatalf("%v", report.Findings)
	}
}

// TestRepairGivesUpOnADiskError takes every operation for one that fails.
func TestRepairGivesUpOnADiskError(t *testing.T) {
	old := damagedImage(t)
	count := vfs.NewFault(old.durable(t))
	repair(t, count, "data")
	for at := int64(1); at <= count.Ops(); at += 7 {
		mem := old.durable(t)
		fault := vfs.NewFault(mem)
		fault.SetHook(func(op vfs.Op) error {
			if op.Seq == at {
				return vfs.ErrReadOnly
			}
			return nil
		})
		_, _ = logstore.Repair(fault, "data", repairOptions())
		fault.SetHook(nil)
		if r := repair(t, mem, "data"); len(r.Remaining) > 0 {
			t.Fatalf("error at %d: %v", at, r.Remaining)
		}
	}
}

// TestRepairAfterRandomDamage flips and cuts anywhere, and wants all batches that
// were not touched back at their offsets, and the old bytes from the backup.
func TestRepairAfterRandomDamage(t *testing.T) {
	sound, all := storeImage(t)
	var names []string
	for name, b := range sound {
		if len(b) > 0 {
			names = append(names, name)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := maps.Clone(sound)
		touched := map[logstore.TopicPartition]map[int64]bool{tp: {}, otherTP: {}}
		for range rapid.IntRange(1, 4).Draw(rt, "damages") {
			name := rapid.SampledFrom(sorted(names)).Draw(rt, "file")
			b := bytes.Clone(m[name])
			if len(b) == 0 {
				continue
			}
			at := rapid.IntRange(0, len(b)-1).Draw(rt, "byte")
			to := at + 1
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				to = len(b)
				b = b[:at]
			case 1:
				to = min(at+200, len(b))
				clear(b[at:to])
			default:
				b[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
			}
			m[name] = b
			touch(sound, name, at, to, touched)
		}
		mem := m.fs(t)
		r, err := logstore.Repair(mem, "data", repairOptions())
		if err != nil || len(r.Remaining) > 0 {
			rt.Fatalf("%v, %+v", err, r.Remaining)
		}
		if len(r.Changes) > 0 {
			wantImage(rt, restore(rt, imageOf(t, mem, "."), repairDir), m)
		}
		untouched := map[logstore.TopicPartition]map[int64]string{}
		for name, records := range all {
			untouched[name] = maps.Clone(records)
			maps.DeleteFunc(untouched[name], func(offset int64, _ string) bool { return touched[name][offset] })
		}
		wantServed(rt, mem, untouched)
	})
}

// touch notes the offsets of the batches that damage from at to to is in.
func touch(m image, name string, from, to int, touched map[logstore.TopicPartition]map[int64]bool) {
	for _, log := range []logstore.TopicPartition{tp, otherTP} {
		if !strings.HasPrefix(name, "data/logs/"+log.String()+"/") || !strings.HasSuffix(name, ".log") {
			continue
		}
		for at := 0; at < len(m[name]); {
			b := record.Batch(m[name][at:])
			if at < to && from < at+b.Size() {
				for offset := b.BaseOffset(); offset <= b.LastOffset(); offset++ {
					touched[log][offset] = true
				}
			}
			at += b.Size()
		}
	}
}
