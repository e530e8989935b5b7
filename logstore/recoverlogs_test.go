package logstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"moldau/logstore"
	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

func numbered(i int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "many", Partition: int32(i)}
}

// killedMany is what a process leaves that was killed with records of many logs in the
// page cache only.
func killedMany(t *testing.T, logs int) (h *harness, mem *vfs.Mem) {
	h = newHarness(t, func(c *logstore.Config) { c.Durability = logstore.OS })
	for i := range logs {
		l, err := h.store.Create(numbered(i), logstore.TopicID{1}, h.config)
		must(t, err)
		h.append(l, fmt.Sprint("a", i), 1)
		h.append(l, fmt.Sprint("b", i), 1)
	}
	return h, h.mem.Clone()
}

func wantRecovered(t *testing.T, s *logstore.Store, logs int) {
	t.Helper()
	for i := range logs {
		l, err := s.Log(numbered(i))
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), fmt.Sprintf("a%d-0", i), fmt.Sprintf("b%d-0", i))
	}
}

// syncs has the names of what was synced by itself, and how often all was.
type syncs struct {
	mu  sync.Mutex
	one []string
	all int
}

func (s *syncs) hook(op vfs.Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case op.Kind == vfs.OpSyncAll:
		s.all++
	case (op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir) && strings.HasPrefix(op.Name, "data/logs/many"):
		s.one = append(s.one, path.Base(op.Name))
	}
	return nil
}

// What is found of many logs is made durable by one call before anybody sees it.
func TestRecoveredTogetherIsSynced(t *testing.T) {
	const logs = 5
	h, mem := killedMany(t, logs)
	fault := vfs.NewFault(mem)
	var seen syncs
	fault.SetHook(seen.hook)
	s, err := logstore.Open("data", logstore.SyncAllFrom(logstore.Options{FS: fault, Manual: true}, logs))
	must(t, err)
	wantRecovered(t, s, logs)
	if len(seen.one) > 0 || seen.all != 1 {
		t.Errorf("synced one by one: %v; all %d times", seen.one, seen.all)
	}
	crashed := mem.Crash()
	_ = s.Close()
	s, err = logstore.Open("data", logstore.Options{FS: crashed, Clock: h.clock, Manual: true})
	must(t, err)
	defer s.Close()
	wantRecovered(t, s, logs)
}

// Where that fails, each is synced by itself.
func TestRecoveredIsSyncedOneByOneWhereAllFails(t *testing.T) {
	const logs = 5
	for _, failure := range []error{errors.ErrUnsupported, errors.New("device failed")} {
		_, mem := killedMany(t, logs)
		fault := vfs.NewFault(mem)
		var seen syncs
		fault.SetHook(vfs.Each(seen.hook, vfs.Fail(failure, vfs.OpSyncAll)))
		s, err := logstore.Open("data", logstore.SyncAllFrom(logstore.Options{FS: fault, Manual: true}, logs))
		must(t, err)
		if len(seen.one) != 2*logs {
			t.Errorf("%v: synced %v", failure, seen.one)
		}
		crashed := mem.Crash()
		_ = s.Close()
		s, err = logstore.Open("data", logstore.Options{FS: crashed, Manual: true})
		must(t, err)
		wantRecovered(t, s, logs)
		must(t, s.Close())
	}
}

// found is a file system that cannot write one of the files that it syncs.
type found struct {
	vfs.FS
	bad int
}

func (f found) SyncFound(dir string, files []vfs.File) (each []error, err error) {
	each, err = vfs.SyncFound(f.FS, dir, files)
	if err == nil {
		each[f.bad] = errDevice
	}
	return each, err
}

var errDevice = errors.New("device failed")

// A log of which a part could not be written is not opened; the others are.
func TestRecoveredThatCannotBeSyncedIsNotOpened(t *testing.T) {
	const logs = 5
	_, mem := killedMany(t, logs)
	s, err := logstore.Open("data", logstore.SyncAllFrom(logstore.Options{FS: found{mem, 3}, Manual: true}, logs))
	must(t, err)
	defer s.Close()
	for i := range logs {
		if _, err := s.Log(numbered(i)); errors.Is(err, errDevice) != (i == 3) {
			t.Errorf("log %d: %v", i, err)
		}
	}
}

// rereads is a file system of which the journal reads otherwise the second time.
type rereads struct {
	vfs.FS
	find []byte
	from int // the reading that is the first to be wrong
	mu   sync.Mutex
	n    int // how often it was read
}

type rereadFile struct {
	vfs.File
	fs *rereads
}

func (f *rereads) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil || !strings.HasSuffix(name, ".journal") {
		return file, err
	}
	return rereadFile{file, f}, nil
}

func (f rereadFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if at := bytes.Index(p[:n], f.fs.find); at >= 0 {
		f.fs.mu.Lock()
		defer f.fs.mu.Unlock()
		if f.fs.n++; f.fs.n >= f.fs.from {
			p[at] ^= 1
		}
	}
	return n, err
}

// What is put back is what was verified: a device that reads otherwise the second
// time ends the open, and nothing is lost.
func TestJournalThatReadsOtherwiseIsNotReplayed(t *testing.T) {
	h := newJournalHarness(t, 3, nil)
	h.appendDurably(h.log(), "acknowledged", 1)
	mem := h.mem.Crash()
	open := func(fsys vfs.FS) error {
		o := h.options()
		o.FS, o.RecoveryWorkers = fsys, 1
		s, err := logstore.Open("data", o)
		if err == nil {
			must(t, s.Close())
		}
		return err
	}
	sound := &rereads{FS: mem.Clone(), find: []byte("acknowledged-0"), from: math.MaxInt}
	must(t, open(sound))
	if err := open(&rereads{FS: mem, find: sound.find, from: sound.n}); !errors.Is(err, journal.ErrCorrupt) {
		t.Fatalf("of %d readings the last was wrong: %v", sound.n, err)
	}
	h.mem = mem
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "acknowledged-0")
}

// Logs that were scanned beside each other get what the journal holds of each, in
// its order.
func TestReplayOfManyLogs(t *testing.T) {
	const logs, rounds = 12, 5
	h := newJournalHarness(t, 40, nil)
	var want [logs][]string
	all := make([]*logstore.Log, logs)
	for i := range all {
		var err error
		all[i], err = h.store.Create(numbered(i), logstore.TopicID{1}, h.config)
		must(t, err)
	}
	for n := range rounds {
		for i, l := range all {
			h.appendDurably(l, fmt.Sprint(n, "/", i), 1+i%3)
			for k := range 1 + i%3 {
				want[i] = append(want[i], fmt.Sprintf("%d/%d-%d", n, i, k))
			}
		}
	}
	h.mem = h.mem.Crash()
	_ = h.store.Close()
	h.open()
	if n := h.store.Counters().ReplayedBytes; n == 0 {
		t.Fatal("nothing was replayed")
	}
	for i := range all {
		l, err := h.store.Log(numbered(i))
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), slices.Clone(want[i])...)
	}
}
