package logstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"

	"go.uber.org/goleak"
)

// osTreeOf is the content of every file below a directory of the system.
func osTreeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = "directory"
			return err
		}
		info, err := d.Info()
		must(t, err)
		b, err := os.ReadFile(path)
		all[path] = fmt.Sprint(info.ModTime(), info.Mode(), string(b))
		return err
	}))
	return all
}

func TestSecondOpenIsLockedOut(t *testing.T) {
	dir := t.TempDir()
	s, err := logstore.Open(dir, logstore.Options{Manual: true})
	must(t, err)
	if _, err := logstore.Open(dir, logstore.Options{Manual: true}); !errors.Is(err, logstore.ErrLocked) {
		t.Fatalf("a second store: %v, want ErrLocked", err)
	}
	must(t, s.Close())
	s, err = logstore.Open(dir, logstore.Options{Manual: true})
	must(t, err)
	must(t, s.Close())
	must(t, s.Close()) // closing twice is no error
}

// A read-only open looks at a live directory and leaves no trace.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	c := logstore.DefaultConfig()
	c.SegmentBytes, c.IndexIntervalBytes = 400, 100
	s, err := logstore.Open(dir, logstore.Options{Manual: true, Clock: clock})
	must(t, err)
	defer s.Close()
	l, err := s.Create(tp, logstore.TopicID{5}, c)
	must(t, err)
	empty := logstore.TopicPartition{Topic: "empty", Partition: 3}
	_, err = s.Create(empty, logstore.TopicID{}, c)
	must(t, err)
	var want []string
	for i := range 20 {
		_, err := l.AppendLeader(batchOf(t, record.BuilderOptions{}, clock.ms(), fmt.Sprint(i), 1), int32(i/7))
		must(t, err)
		want = append(want, fmt.Sprint(i, "-0"))
		if i == 8 {
			s.Housekeep(clock.Now())
			must(t, s.Checkpoint())
		}
	}
	must(t, l.Flush())
	for _, torn := range []bool{false, true} {
		if torn { // as if the writer were in the middle of an append
			logs, err := filepath.Glob(filepath.Join(dir, "logs", "t-0", "*.log"))
			must(t, err)
			f, err := os.OpenFile(logs[len(logs)-1], os.O_WRONLY|os.O_APPEND, 0)
			must(t, err)
			_, err = f.Write(make([]byte, 40))
			must(t, err)
			must(t, f.Close())
			must(t, os.WriteFile(filepath.Join(dir, "logs", "t-0", "00000000000000000099.log.deleted"), nil, 0o644))
			must(t, os.Remove(filepath.Join(dir, "logs", "t-0", "00000000000000000000.timeindex")))
		}
		before := osTreeOf(t, dir)
		ro, err := logstore.Open(dir, logstore.Options{ReadOnly: true, Clock: clock})
		must(t, err)
		r, err := ro.Log(tp)
		must(t, err)
		wantValues(t, values(t, r, logstore.HighWatermark), want...)
		if r.ID() != (logstore.TopicID{5}) || r.LatestEpoch() != 2 || r.Err() != nil {
			t.Fatalf("id %v, epoch %d, %v", r.ID(), r.LatestEpoch(), r.Err())
		}
		at, ok, err := r.OffsetForTimestamp(newClock().ms())
		if err != nil || !ok || at.Offset != 0 {
			t.Fatalf("%+v, %v, %v", at, ok, err)
		}
		if e, err := ro.Log(empty); err != nil || e.Offset(logstore.LogEnd) != 0 {
			t.Fatalf("empty: %v", err)
		}
		_, create := ro.Create(logstore.TopicPartition{Topic: "new"}, logstore.TopicID{}, c)
		for what, err := range map[string]error{
			"append":   errOf(r.AppendLeader(batchOf(t, record.BuilderOptions{}, clock.ms(), "x", 1), 9)),
			"follow":   errOf(r.AppendFollower(batchOf(t, record.BuilderOptions{BaseOffset: 100, LeaderEpoch: 9}, clock.ms(), "x", 1))),
			"truncate": r.TruncateTo(0), "start": r.AdvanceStart(1), "create": create, "delete": ro.Delete(tp),
		} {
			if !errors.Is(err, logstore.ErrReadOnly) {
				t.Errorf("%s: %v, want ErrReadOnly", what, err)
			}
		}
		clock.add(1000 * time.Hour)
		ro.Housekeep(clock.Now())
		_ = ro.Checkpoint()
		must(t, ro.Close())
		sameTree(t, osTreeOf(t, dir), before)
	}
	if _, err := logstore.Open(t.TempDir(), logstore.Options{ReadOnly: true}); !errors.Is(err, logstore.ErrNotFound) {
		t.Fatalf("nothing to read: %v", err)
	}
	_ = s.Close()
}

func TestNames(t *testing.T) {
	h := newHarness(t, nil)
	for _, bad := range []logstore.TopicPartition{{}, {Topic: "."}, {Topic: ".."}, {Topic: "a/b"}, {Topic: "../x"}, {Topic: "a b"}, {Topic: "ä"}, {Topic: "a\x00"},
		{Topic: strings.Repeat("x", 250)}, {Topic: "t", Partition: -1}} {
		if _, err := h.store.Create(bad, logstore.TopicID{}, h.config); !errors.Is(err, logstore.ErrInvalidName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	good := []logstore.TopicPartition{{Topic: "-"}, {Topic: "a-1", Partition: 2}, {Topic: "a", Partition: 1<<31 - 1}, {Topic: strings.Repeat("x", 200)}, {Topic: "a-1-2"}, {Topic: "_A.z-9"}}
	for _, tp := range good {
		l, err := h.store.Create(tp, logstore.TopicID{9}, h.config)
		must(t, err)
		h.appendDurably(l, tp.Topic[:1], 1)
	}
	h.mem = h.mem.Clone().Crash()
	_ = h.store.Close()
	h.open()
	if got := len(h.store.Logs()); got != len(good) {
		t.Fatalf("%d logs, want %d", got, len(good))
	}
	for _, tp := range good {
		l, err := h.store.Log(tp)
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), tp.Topic[:1]+"-0")
		must(t, h.store.Delete(tp))
		if _, err := h.store.Log(tp); !errors.Is(err, logstore.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

func TestCreateAndDelete(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	if _, err := h.store.Create(tp, logstore.TopicID{}, h.config); !errors.Is(err, logstore.ErrExists) {
		t.Fatalf("created twice: %v", err)
	}
	h.appendDurably(l, "old", 1)
	must(t, h.store.Checkpoint())
	must(t, h.store.Delete(tp))
	if err := h.store.Delete(tp); !errors.Is(err, logstore.ErrNotFound) {
		t.Fatalf("deleted twice: %v", err)
	}
	l, err := h.store.Create(tp, logstore.TopicID{2}, h.config) // without waiting for the old one's files
	must(t, err)
	h.appendDurably(l, "new", 1)
	wantValues(t, values(t, h.powerCut(), logstore.HighWatermark), "new-0")
	must(t, h.store.Close())
	if _, err := h.store.Create(logstore.TopicPartition{Topic: "x"}, logstore.TopicID{}, h.config); !errors.Is(err, logstore.ErrClosed) {
		t.Fatalf("created in a closed store: %v", err)
	}
	if err := h.store.Delete(tp); !errors.Is(err, logstore.ErrClosed) {
		t.Fatalf("deleted in a closed store: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]logstore.Options{
		"checkpoint": {CheckpointMs: -1}, "expiry": {ProducerExpiryMs: -1}, "config": {Log: logstore.Config{SegmentBytes: 5}},
	} {
		o.FS = vfs.NewMem()
		if s, err := logstore.Open("data", o); err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// ConfigFor rules for what is found on disk.
func TestConfigFor(t *testing.T) {
	h := newHarness(t, nil)
	h.log()
	h.change = func(o *logstore.Options) {
		o.ConfigFor = func(name logstore.TopicPartition) logstore.Config {
			c := logstore.DefaultConfig()
			c.MaxMessageBytes = int64(len(name.Topic))
			return c
		}
	}
	if got := h.reopen().Config().MaxMessageBytes; got != 1 {
		t.Fatalf("configured %d", got)
	}
}

// The ten lines of an embedder, on a real disk, with the store's own goroutine.
func TestEmbedding(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	for round := range 3 {
		s, err := logstore.Open(dir, logstore.Options{})
		must(t, err)
		l, err := s.Log(tp)
		if round == 0 {
			l, err = s.Create(tp, logstore.TopicID{}, logstore.DefaultConfig())
		}
		must(t, err)
		first, err := l.Append(t.Context(), record.Record{Key: []byte("k"), Value: fmt.Append(nil, "a", round)}, record.Record{Value: []byte("b"), TimestampMs: 77,
			Headers: []record.Header{{Key: []byte("h"), Value: []byte("v")}}})
		must(t, err)
		if first != int64(2*round) {
			t.Fatalf("appended at %d", first)
		}
		n := 0
		for r, err := range l.Records(t.Context(), 0, logstore.HighWatermark) {
			must(t, err)
			if r.Offset != int64(n) || n%2 == 1 && (r.TimestampMs != 77 || string(r.Headers[0].Value) != "v") || n%2 == 0 && r.TimestampMs < 1e12 {
				t.Fatalf("record %+v", r)
			}
			n++
		}
		if n != 2*round+2 {
			t.Fatalf("%d records", n)
		}
		for range l.Records(t.Context(), 0, logstore.HighWatermark) {
			break
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range l.Records(cancelled, 0, logstore.HighWatermark) {
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if _, err := l.Append(t.Context()); err == nil {
			t.Fatal("appended no records")
		}
		must(t, s.Close())
	}
}
