package logstore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// trace lists what changes files, in order: "kind name", directories and leading
// zeros left out.
type trace struct {
	mu  sync.Mutex
	all []string
}

func (tr *trace) hook(op vfs.Op) error {
	short := func(name string) string {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "data/logs"), "/t-0")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "data/moldau"), "/")
		if name == "manifest.tmp" && op.Kind != vfs.OpCreate && op.Kind != vfs.OpRename {
			name = "manifest" // written under its first name, as long as the store is open
		}
		if trimmed := strings.TrimLeft(name, "0"); trimmed != name {
			if trimmed == "" || trimmed[0] == '.' {
				trimmed = "0" + trimmed
			}
			name = trimmed
		}
		return name
	}
	name := short(op.Name)
	if name == "" && strings.HasSuffix(op.Name, "t-0") {
		name = "t-0"
	}
	line := fmt.Sprint(op.Kind, " ", name)
	switch op.Kind {
	case vfs.OpRead, vfs.OpOpen, vfs.OpStat, vfs.OpReadDir, vfs.OpClose, vfs.OpLock, vfs.OpSpace:
		return nil
	case vfs.OpCreate, vfs.OpTruncate:
		if strings.HasSuffix(name, "index") {
			return nil // when an index is opened, and cut to length, is its own affair
		}
	case vfs.OpRename:
		line += " to " + short(op.NewName)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.all = append(tr.all, line)
	return nil
}

// text is how a file is replaced: whole, synced, renamed.
func text(name string) []string {
	tmp := name + ".tmp"
	return []string{"create " + tmp, "write " + tmp, "sync " + tmp, "rename " + tmp + " to " + name}
}

func lines(parts ...any) (all []string) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}

// The order of I/O is what durability rests on: data, then indexes, snapshot and
// epochs, then the directory, then checkpoints, then the clean marker.
func TestOrderOfWrites(t *testing.T) {
	manifest := lines("write manifest", "sync manifest")
	store := lines(manifest, text("replication-offset-checkpoint"), "syncdir ", text("recovery-point-offset-checkpoint"), "syncdir ")
	for _, c := range []struct {
		name    string
		prepare func(h *harness, l *logstore.Log)
		do      func(h *harness, l *logstore.Log)
		want    []string
	}{
		{"the first append syncs data; directory and row were synced with the log's creation", nil, func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1) },
			lines("write 0.log", "sync 0.log")},
		{"the second append finds the log in the dirty set", func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1) }, func(h *harness, l *logstore.Log) { h.appendDurably(l, "b", 1) },
			lines("write 0.log", "sync 0.log")},
		{"an append after a clean close enters the dirty set first", func(h *harness, l *logstore.Log) { h.reopen() }, func(h *harness, _ *logstore.Log) { h.appendDurably(h.log(), "a", 1) },
			lines("write manifest", "write 0.log", "sync manifest", "sync 0.log")},
		{"an append in os mode syncs nothing", func(h *harness, l *logstore.Log) {
			h.reconfigure(l, func(c *logstore.Config) { c.Durability = logstore.OS })
		},
			func(h *harness, l *logstore.Log) { h.append(l, "a", 1) }, lines("write 0.log")},
		{"an append that rolls syncs its data and its directory entry", fill, func(h *harness, l *logstore.Log) { h.appendDurably(l, "rolls", 1) },
			lines("create 2.log", "write 2.log", "sync 2.log", "syncdir t-0")},
		{"an append that rolls a log at rest enters the dirty set durably first", func(h *harness, l *logstore.Log) {
			fill(h, l)
			h.config.SegmentBytes = l.Config().SegmentBytes
			h.reopen()
		}, func(h *harness, l *logstore.Log) { h.appendDurably(h.log(), "rolls", 1) },
			lines(manifest, "create 2.log", "write 2.log", "sync 2.log", "syncdir t-0")},
		{"seal", func(h *harness, l *logstore.Log) { fill(h, l); h.appendDurably(l, "rolls", 1) }, func(h *harness, l *logstore.Log) { h.store.Housekeep(h.clock.Now()) },
			lines("write 0.index", "write 0.timeindex", "sync 0.index", "sync 0.timeindex",
				text("2.snapshot"), "syncdir t-0")},
		{"checkpoint", func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1); h.appendDurably(l, "b", 1) }, func(h *harness, l *logstore.Log) { must(h.t, h.store.Checkpoint()) },
			lines(text("2.snapshot"), "write 0.index", "write 0.timeindex", text("leader-epoch-checkpoint"), text("partition.metadata"), "sync 0.index", "sync 0.timeindex", "syncdir t-0", store)},
		{"checkpoint in os mode syncs the data first", func(h *harness, l *logstore.Log) {
			h.reconfigure(l, func(c *logstore.Config) { c.Durability = logstore.OS })
			h.append(l, "a", 1)
		}, func(h *harness, l *logstore.Log) { must(h.t, h.store.Checkpoint()) },
			lines("sync 0.log", text("1.snapshot"), text("leader-epoch-checkpoint"), text("partition.metadata"), "sync 0.index", "sync 0.timeindex", "syncdir t-0", store)},
		{"truncation lowers the recovery point first", func(h *harness, l *logstore.Log) {
			h.appendDurably(l, "a", 1)
			h.appendDurably(l, "b", 1)
			must(h.t, h.store.Checkpoint())
		}, func(h *harness, l *logstore.Log) { must(h.t, l.TruncateTo(1)) },
			lines("create 0.index.cleaned", "create 0.timeindex.cleaned", "!", manifest, "truncate 0.log", "sync 0.log", "!",
				"sync 0.index.cleaned", "sync 0.timeindex.cleaned", "rename 0.index.cleaned to 0.index", "rename 0.timeindex.cleaned to 0.timeindex", "syncdir t-0", "!")},
		{"truncation drops later segments newest first", func(h *harness, l *logstore.Log) {
			fill(h, l)
			for i := range 4 {
				h.appendDurably(l, fmt.Sprint("more", i), 1)
			}
		}, func(h *harness, l *logstore.Log) { must(h.t, l.TruncateTo(1)) },
			lines("create 0.index.cleaned", "create 0.timeindex.cleaned", "!", "remove 4.log", "syncdir t-0", "remove 4.index", "!", "remove 2.log", "syncdir t-0", "remove 2.index", "!", "truncate 0.log", "sync 0.log", "!", "syncdir t-0", "!")},
		{"several appends enter the dirty set first, and share a write and a sync", func(h *harness, l *logstore.Log) {
			h.appendDurably(l, "a", 1)
			h.reopen()
			o, err := h.store.Create(other, logstore.TopicID{2}, h.config)
			must(h.t, err)
			h.appendDurably(o, "asks for room", 1)
		}, func(h *harness, l *logstore.Log) {
			l, several := h.log(), h.five(func(int) record.BuilderOptions { return record.BuilderOptions{} })
			l.AppendLeaderEach(several, 0)
			must(h.t, several[4].Err)
			must(h.t, l.Flush())
		}, lines("write manifest", "write 0.log", "sync manifest", "sync 0.log")},
		{"start offset", func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 2) }, func(h *harness, l *logstore.Log) { must(h.t, l.AdvanceStart(1)) },
			manifest},
		{"delete", nil, func(h *harness, l *logstore.Log) { must(h.t, h.store.Delete(tp)) }, lines("rename t-0 to !", "syncdir ", "write manifest")},
		{"a new log of that name waits for the manifest to forget the old one", func(h *harness, l *logstore.Log) { must(h.t, h.store.Delete(tp)) }, func(h *harness, l *logstore.Log) { h.log() },
			lines("sync manifest", "mkdir t-0", "!", "syncdir t-0", "syncdir ", manifest)},
		{"close", func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1) }, func(h *harness, l *logstore.Log) { must(h.t, h.store.Close()) },
			lines("write 0.timeindex", "sync 0.index", "sync 0.timeindex", text("1.snapshot"), text("leader-epoch-checkpoint"), text("partition.metadata"), "syncdir t-0", "write manifest",
				text("replication-offset-checkpoint"), "syncdir ", text("recovery-point-offset-checkpoint"), "syncdir ", text(".kafka_cleanshutdown"), "syncdir ", manifest)},
		{"close in os mode syncs the data first", func(h *harness, l *logstore.Log) {
			h.reconfigure(l, func(c *logstore.Config) { c.Durability = logstore.OS })
			h.append(l, "a", 1)
		}, func(h *harness, l *logstore.Log) { must(h.t, h.store.Close()) }, lines("sync 0.log", "!", "sync 0.index", "sync 0.timeindex", "!", text(".kafka_cleanshutdown"), "syncdir ", manifest)},
		{"close of a log at rest touches nothing of it", func(h *harness, l *logstore.Log) { h.appendDurably(l, "a", 1); h.reopen() }, func(h *harness, l *logstore.Log) { must(h.t, h.store.Close()) },
			lines(text(".kafka_cleanshutdown"), "syncdir ", manifest)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(c *logstore.Config) { c.IndexIntervalBytes = 0 })
			l := h.log()
			if c.prepare != nil {
				c.prepare(h, l)
			}
			var tr trace
			h.fault.SetHook(tr.hook)
			c.do(h, l)
			h.fault.SetHook(nil)
			wantTrace(t, tr.all, c.want)
		})
	}
}

// fill leaves room for no more in the first segment.
func fill(h *harness, l *logstore.Log) {
	h.appendDurably(l, "a", 1)
	h.reconfigure(l, func(c *logstore.Config) { c.SegmentBytes = 2 * (l.Bytes() + 4) })
	h.appendDurably(l, "b", 1)
}

// wantTrace compares line by line; "!" stands for any lines, and at the end of a
// line for anything.
func wantTrace(t *testing.T, got, want []string) {
	t.Helper()
	all := got
	skipping := false
	for _, w := range want {
		if w == "!" {
			skipping = true
			continue
		}
		i := 0
		for i < len(got) && !matches(got[i], w) {
			i++
		}
		if i == len(got) || i > 0 && !skipping {
			t.Fatalf("want %q, got %q of\n  %s\nwant\n  %s", w, got[:min(1, len(got))], strings.Join(all, "\n  "), strings.Join(want, "\n  "))
		}
		got, skipping = got[i+1:], false
	}
	if len(got) > 0 && !skipping {
		t.Fatalf("too much: %q of\n  %s", got, strings.Join(all, "\n  "))
	}
}

func matches(got, want string) bool {
	if prefix, ok := strings.CutSuffix(want, "!"); ok {
		return strings.HasPrefix(got, prefix)
	}
	return got == want
}

// A commit that spans a roll syncs both segments and the directory, in the order
// of offsets.
func TestCommitThatSpansARoll(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	fill(h, l)
	c := l.Config()
	c.Durability = logstore.OS
	c.SegmentBytes *= 2
	must(t, l.Configure(c))
	h.append(l, "c", 1)
	h.append(l, "d", 1)
	h.append(l, "rolls, surely, for it is long enough to", 4)
	if len(l.Segments()) != 2 {
		t.Fatalf("%d segments", len(l.Segments()))
	}
	var tr trace
	h.fault.SetHook(tr.hook)
	must(t, l.Flush())
	wantTrace(t, tr.all, lines("sync 0.log", "sync 4.log", "syncdir t-0"))
}

// What recovery found is synced before anybody can read it.
func TestRecoverySyncsWhatItFound(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.Durability = logstore.OS })
	l := h.log()
	h.append(l, "a", 1)
	h.append(l, "b", 1)
	mem := h.mem.Clone()
	fault := vfs.NewFault(mem)
	var tr trace
	fault.SetHook(tr.hook)
	s, err := logstore.Open("data", logstore.Options{FS: fault, Manual: true})
	must(t, err)
	wantTrace(t, tr.all, lines("!", "sync 0.log", "!", "syncdir t-0", "!"))
	l, err = s.Log(tp)
	must(t, err)
	got := values(t, l, logstore.HighWatermark)
	crashed := mem.Crash()
	_ = s.Close()
	wantValues(t, values(t, h.openTree(t, crashed).log, logstore.HighWatermark), got...)
	if len(got) != 2 {
		t.Fatalf("found %v", got)
	}
}
