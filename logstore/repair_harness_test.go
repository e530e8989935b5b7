package logstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// tb is what helpers need of a test; rapid's has no more.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// imageOf reads a tree into an image.
func imageOf(t tb, fsys vfs.FS, dir string) image {
	t.Helper()
	m := image{}
	entries, err := fsys.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			below := imageOf(t, fsys, name)
			if len(below) == 0 {
				below = image{name + "/.": nil}
			}
			maps.Copy(m, below)
			continue
		}
		m[name] = readAll(t, fsys, name)
	}
	return m
}

// durable is an image's file system, with all of it on stable storage.
func (m image) durable(t testing.TB) *vfs.Mem {
	t.Helper()
	mem := m.fs(t)
	dirs := map[string]bool{".": true}
	for name := range m {
		if path.Base(name) != "." {
			f, err := mem.OpenFile(name, os.O_RDWR, 0)
			must(t, err)
			must(t, f.Sync())
			must(t, f.Close())
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		must(t, mem.SyncDir(dir))
	}
	return mem
}

var otherTP = logstore.TopicPartition{Topic: "u", Partition: 3}

// repairConfig cuts small segments with several index entries.
func repairConfig(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 1500, 200 }

// storeImage is a store of two logs, closed cleanly, with all codecs, idempotent
// producers and two leader epochs.
func storeImage(t testing.TB) (image, map[logstore.TopicPartition]map[int64]string) {
	t.Helper()
	c := logstore.DefaultConfig()
	repairConfig(&c)
	mem, clock := vfs.NewMem(), newClock()
	s, err := logstore.Open("data", logstore.Options{FS: mem, Clock: clock, Manual: true, Log: c})
	must(t, err)
	all := map[logstore.TopicPartition]map[int64]string{}
	for _, name := range []logstore.TopicPartition{tp, otherTP} {
		l, err := s.Create(name, logstore.TopicID{1, byte(name.Partition)}, c)
		must(t, err)
		sequence := int32(0)
		for i := range 43 {
			o := record.BuilderOptions{Codec: record.Codec(i % 5)}
			if i%3 == 0 {
				o.Producer = &record.Producer{ID: 7, BaseSequence: sequence}
				sequence += int32(1 + i%4)
			}
			_, err := l.AppendLeader(batchOf(t, o, clock.ms()+int64(i), fmt.Sprintf("%v-%d", name, i), 1+i%4), int32(i/20))
			must(t, err)
		}
		s.Housekeep(clock.Now())
		must(t, l.Wait(t.Context(), logstore.HighWatermark, l.Offset(logstore.LogEnd)))
		all[name] = recordsOf(t, l)
	}
	must(t, s.Close())
	return imageOf(t, mem, "."), all
}

// recordsOf are a log's records by their offsets.
func recordsOf(t tb, l *logstore.Log) map[int64]string {
	t.Helper()
	all := map[int64]string{}
	for r, err := range l.Records(context.Background(), l.StartOffset(), logstore.LogEnd) {
		must(t, err)
		all[r.Offset] = string(r.Value)
	}
	return all
}

func repairOptions() logstore.RepairOptions {
	return logstore.RepairOptions{Clock: newClock(), Version: "test", IndexIntervalBytes: 200}
}

func repair(t testing.TB, fsys vfs.FS, dir string) *logstore.Receipt {
	t.Helper()
	r, err := logstore.Repair(fsys, dir, repairOptions())
	must(t, err)
	return r
}

// wantMended wants a repaired store to be sound, to hold all records but those
// that the receipts tell, to take appends, and to need no further repair.
func wantMended(t testing.TB, fsys vfs.FS, all map[logstore.TopicPartition]map[int64]string, receipts ...*logstore.Receipt) {
	t.Helper()
	report, err := logstore.Check(fsys, "data", logstore.CheckOptions{Deep: true})
	must(t, err)
	if report.Faults() > 0 {
		t.Fatalf("faults remain: %v", report.Findings)
	}
	if again := repair(t, fsys, "data"); len(again.Changes) > 0 {
		t.Fatalf("a second repair found %+v", *again.Changes[0])
	}
	kept := map[logstore.TopicPartition]map[int64]string{}
	for name, records := range all {
		kept[name] = maps.Clone(records)
		for _, r := range receipts {
			for _, l := range r.Lost() {
				maps.DeleteFunc(kept[name], func(offset int64, _ string) bool {
					return l.Log == name.String() && l.First <= offset && offset <= l.Last
				})
			}
		}
	}
	wantServed(t, fsys, kept)
}

// wantServed wants a store to open, to serve these records at least, and to take
// appends.
func wantServed(t tb, fsys vfs.FS, all map[logstore.TopicPartition]map[int64]string) {
	t.Helper()
	c := logstore.DefaultConfig()
	repairConfig(&c)
	s, err := logstore.Open("data", logstore.Options{FS: fsys, Clock: newClock(), Manual: true, Log: c})
	must(t, err)
	for name, want := range all {
		l, err := s.Log(name)
		must(t, err)
		got := recordsOf(t, l)
		for offset, value := range want {
			if got[offset] != value {
				t.Errorf("%v: offset %d is %q, want %q", name, offset, got[offset], value)
			}
		}
		if end := l.Offset(logstore.LogEnd); end < int64(len(got)) {
			t.Errorf("%v: %d records; ends at %d", name, len(got), end)
		}
		a, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, 1_700_000_000_000, "after", 2), max(0, l.LatestEpoch()))
		must(t, err)
		must(t, l.Wait(context.Background(), logstore.HighWatermark, a.Last+1))
		if got := recordsOf(t, l); got[a.Last] != "after-1" {
			t.Errorf("%v: the append is not there", name)
		}
	}
	must(t, s.Close())
	if report, err := logstore.Check(fsys, "data", logstore.CheckOptions{Deep: true}); err != nil || report.Faults() > 0 {
		t.Fatalf("after an append: %v, %v", err, report.Findings)
	}
}

// restore undoes a repair by its receipt, read back from the backup.
func restore(t tb, after image, dir string) image {
	t.Helper()
	var r logstore.Receipt
	must(t, json.Unmarshal(after[dir+"/receipt.json"], &r))
	if !r.Complete || r.Version != 1 || r.Backup != dir {
		t.Fatalf("receipt %+v", r)
	}
	m := maps.Clone(after)
	for _, c := range slices.Backward(r.Changes) {
		delete(m, c.File)
		if c.Aside != "" {
			delete(m, c.Aside)
		}
		if c.Backup == "" {
			continue
		}
		b := after[dir+"/"+c.Backup]
		if sum := sha256.Sum256(b); c.Old == nil || c.Old.SHA256 != hex.EncodeToString(sum[:]) || c.Old.Bytes != int64(len(b)) {
			t.Fatalf("%s: %+v of %d bytes", c.Backup, c.Old, len(b))
		}
		m[c.File] = b
	}
	maps.DeleteFunc(m, func(name string, _ []byte) bool {
		return name == dir+"/." || len(name) > len(dir) && name[:len(dir)+1] == dir+"/"
	})
	return m
}

func wantImage(t tb, got, want image) {
	t.Helper()
	for name := range want {
		if b, ok := got[name]; !ok || !bytes.Equal(b, want[name]) {
			t.Errorf("%s: there %v, %d bytes, want %d", name, ok, len(b), len(want[name]))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok && path.Base(name) != "." && path.Base(name) != ".lock" {
			t.Errorf("%s should not be there", name)
		}
	}
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}
