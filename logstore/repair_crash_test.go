package logstore_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"moldau/logstore"
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

// TestRepairCrashedAnywhereIsRunAgain loses power, or just the process, at every
// operation of a repair that changes anything.
func TestRepairCrashedAnywhereIsRunAgain(t *testing.T) {
	old := damagedImage(t)
	whole, ops := vfs.NewFault(old.durable(t)), 0
	whole.SetHook(func(op vfs.Op) error {
		if changes(op) {
			ops++
		}
		return nil
	})
	repair(t, whole, "data")
	whole.SetHook(nil)
	want := withoutBackups(imageOf(t, whole, "."))
	if _, ok := want["data/moldau/manifest"]; ok || len(want) == 0 {
		t.Fatal("the manifest is still there")
	}
	for at := range ops {
		for _, power := range []bool{true, false} {
			mem := old.durable(t)
			fault := vfs.NewFault(mem)
			crashAt(fault, at)
			if _, err := logstore.Repair(fault, "data", repairOptions()); err == nil || !fault.Crashed() {
				t.Fatalf("crash at %d: %v", at, err)
			}
			if power {
				mem = mem.Crash()
			} else {
				mem = mem.Clone()
			}
			left := withoutBackups(imageOf(t, mem, "."))
			if b, ok := left[asideManifest]; ok {
				if delete(left, asideManifest); !bytes.Equal(b, old["data/moldau/manifest"]) {
					t.Fatalf("crash at %d: not the manifest was set aside", at)
				}
			}
			for name, b := range left {
				if !bytes.Equal(b, old[name]) && !bytes.Equal(b, want[name]) && !strings.HasSuffix(name, ".tmp") {
					t.Fatalf("crash at %d: %s is neither the old nor the new file", at, name)
				}
			}
			r := repair(t, mem, "data")
			if len(r.Remaining) > 0 {
				t.Fatalf("crash at %d: %v", at, r.Remaining)
			}
			got := withoutBackups(imageOf(t, mem, "."))
			maps.DeleteFunc(got, func(name string, _ []byte) bool { return strings.HasSuffix(name, ".tmp") && want[name] == nil })
			wantImage(t, got, want)
			if t.Failed() {
				t.Fatalf("crash at %d, power %v", at, power)
			}
		}
	}
}

// crashAt has the file system crash at the change of that number, from 0 on.
func crashAt(fault *vfs.Fault, at int) {
	fault.SetHook(func(op vfs.Op) error {
		if !changes(op) {
			return nil
		}
		if at--; at < 0 {
			return vfs.ErrCrashed
		}
		return nil
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
			repaired, ops := old.durable(t), 0
			whole := vfs.NewFault(repaired)
			whole.SetHook(func(op vfs.Op) error {
				if changes(op) {
					ops++
				}
				return nil
			})
			repair(t, whole, "data")
			want := h.openTree(t, repaired)
			end, epoch, records := want.log.Offset(logstore.LogEnd), want.log.LatestEpoch(), values(t, want.log, logstore.LogEnd)
			refused := 0
			for at := range ops {
				for _, power := range []bool{true, false} {
					mem := old.durable(t)
					fault := vfs.NewFault(mem)
					crashAt(fault, at)
					if _, err := logstore.Repair(fault, "data", repairOptions()); err == nil {
						t.Fatalf("crash at %d: none", at)
					}
					if power {
						mem = mem.Crash()
					} else {
						mem = mem.Clone()
					}
					left := imageOf(t, mem, ".")
					if _, ok := left[asideManifest]; ok {
						refused++
						wantHalfRepaired(t, mem)
						wantImage(t, imageOf(t, mem, "."), left)
					}
					r := repair(t, mem, "data")
					o := h.openTree(t, mem)
					if got := values(t, o.log, logstore.LogEnd); len(r.Remaining) > 0 || o.log.Err() != nil || o.log.Offset(logstore.LogEnd) != end || o.log.LatestEpoch() != epoch || !slices.Equal(got, records) {
						t.Errorf("%v, %v: %q up to %d in epoch %d, want %q up to %d in %d", r.Remaining, o.log.Err(), got, o.log.Offset(logstore.LogEnd), o.log.LatestEpoch(), records, end, epoch)
					}
					wantAborted(t, o.log, 0, end, aborted)
					must(t, o.store.Close())
					if t.Failed() {
						t.Fatalf("crash at %d, power %v", at, power)
					}
				}
			}
			if refused == 0 {
				t.Error("no crash left it half repaired")
			}
		})
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
