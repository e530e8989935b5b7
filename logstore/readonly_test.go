package logstore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// lookAt opens a directory that is in use and returns what each log holds, by name.
// A log of which the writer took a segment away meanwhile is left out.
func lookAt(t *testing.T, dir string) map[string][]record.Record {
	t.Helper()
	ro, err := logstore.Open(dir, logstore.Options{ReadOnly: true, Events: func(e logstore.Event) {
		if failed, ok := e.(logstore.LogNotOpened); !ok || !errors.Is(failed.Err, fs.ErrNotExist) {
			t.Errorf("told %T %+v", e, e)
		}
	}})
	must(t, err)
	defer func() { must(t, ro.Close()) }()
	found := map[string][]record.Record{}
	for _, l := range ro.Logs() {
		var all []record.Record
		for r, err := range l.Records(t.Context(), l.StartOffset(), logstore.HighWatermark) {
			if errors.Is(err, fs.ErrNotExist) {
				all = nil
				break
			}
			must(t, err)
			all = append(all, record.Record{Offset: r.Offset, Value: append([]byte(nil), r.Value...)})
		}
		if all != nil {
			found[l.Name().Topic] = all
		}
	}
	return found
}

// Whoever looks at a directory while it is written sees, of each log, all that was
// acknowledged before, whole and in order, whatever is rolled, cut, retired or
// compacted meanwhile.
func TestReadOnlyOfALiveDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := logstore.Open(dir, logstore.Options{JournalBytes: 64 << 10, CheckpointMs: 5, CompactionIntervalMs: 1, ConfigFor: func(name logstore.TopicPartition) logstore.Config {
		c := logstore.DefaultConfig()
		c.SegmentBytes, c.FileDeleteDelayMs = 4096, 0
		switch name.Topic {
		case "retired":
			c.RetentionBytes = 8192
		case "compacted":
			c.Compact, c.MinCleanableDirtyRatio = true, 0
		}
		return c
	}})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer func() { stop(); writers.Wait(); must(t, s.Close()) }()
	acknowledged := map[string]*atomic.Int64{"a": {}, "b": {}, "retired": {}, "compacted": {}}
	for name, end := range acknowledged {
		l, err := s.OpenLog(logstore.TopicPartition{Topic: name})
		must(t, err)
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := n
				if n >= 5 { // the first stay for ever
					key = 5 + n%7
				}
				first, err := l.Append(context.Background(), record.Record{Key: strconv.AppendInt(nil, int64(key), 10), Value: fmt.Appendf(nil, "%d%200d", n, 0)})
				if err != nil || first != int64(n) {
					t.Errorf("%s: at %d, %v", name, first, err)
					return
				}
				end.Store(first + 1)
			}
		})
	}
	complete := map[string]int{}
	for round := 0; round < 100_000 && (round < 20 || len(complete) < len(acknowledged)); round++ {
		before := map[string]int64{}
		for name, end := range acknowledged {
			before[name] = end.Load()
		}
		for name, all := range lookAt(t, dir) {
			next := int64(0)
			for i, r := range all {
				gap := i == 0 && name == "retired" || i >= 5 && name == "compacted"
				if r.Offset < next || r.Offset > next && !gap || string(r.Value) != fmt.Sprintf("%d%200d", r.Offset, 0) {
					t.Fatalf("%s: record %d after %d", name, r.Offset, next-1)
				}
				next = r.Offset + 1
			}
			if next < before[name] {
				t.Fatalf("%s: ends at %d, %d were acknowledged", name, next, before[name])
			}
			if next > 100 {
				complete[name]++
			}
		}
	}
	if len(complete) < len(acknowledged) {
		t.Fatalf("seen whole: %v", complete)
	}
}

// A directory of Kafka's has any name, no manifest, index files that are longer than
// what is in them, and while Kafka runs no marker and a torn end.
func TestReadOnlyOfKafkasDirectory(t *testing.T) {
	ours := t.TempDir()
	s, err := logstore.Open(ours, logstore.Options{})
	must(t, err)
	l, err := s.OpenLog(tp)
	must(t, err)
	for i := range 50 {
		_, err := l.Append(t.Context(), record.Record{Value: fmt.Appendf(nil, "%d%500d", i, 0)})
		must(t, err)
	}
	must(t, s.Close())
	theirs := filepath.Join(t.TempDir(), "kafka-logs")
	must(t, os.CopyFS(theirs, os.DirFS(filepath.Join(ours, "logs"))))
	must(t, os.Remove(filepath.Join(theirs, ".kafka_cleanshutdown")))
	must(t, os.WriteFile(filepath.Join(theirs, "meta.properties"), []byte("version=1\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(theirs, "recovery-point-offset-checkpoint"), []byte("0\n1\nt 0 0\n"), 0o644))
	for _, suffix := range []string{"index", "timeindex"} {
		must(t, os.Truncate(filepath.Join(theirs, "t-0", "00000000000000000000."+suffix), 10<<20/12*12))
	}
	segment := filepath.Join(theirs, "t-0", "00000000000000000000.log")
	data, err := os.ReadFile(segment)
	must(t, err)
	must(t, os.WriteFile(segment, append(data, data[:300]...), 0o644))
	before := osTreeOf(t, theirs)
	if all := lookAt(t, theirs)["t"]; len(all) != 50 || all[49].Offset != 49 {
		t.Fatalf("%d records", len(all))
	}
	sameTree(t, osTreeOf(t, theirs), before)
	if _, err := logstore.Open(filepath.Dir(theirs), logstore.Options{ReadOnly: true}); !errors.Is(err, logstore.ErrNotFound) {
		t.Fatalf("the directory above: %v", err)
	}
}
