package logstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// Without the manifest a directory is read as another program's.
const (
	cleanMarker = "data/logs/.kafka_cleanshutdown"
	ownManifest = "data/moldau/manifest"
)

// Indexes that are lost or spoilt are built anew, to the same bytes, whether
// the log is scanned or believed.
func TestIndexesAreBuiltAnew(t *testing.T) {
	h, _ := manySegments(t, 40)
	must(t, h.store.Close())
	h.mem = h.mem.Clone()
	before := tree(t, h.mem, logDir)
	spoil := map[string]func(b []byte) []byte{
		"emptied":            func([]byte) []byte { return nil },
		"halved":             func(b []byte) []byte { return b[:len(b)/2/12*12] },
		"odd length":         func(b []byte) []byte { return append(slices.Clone(b), 1, 2, 3) },
		"garbage":            func(b []byte) []byte { return bytes.Repeat([]byte{0xa5}, len(b)) },
		"zeros":              func(b []byte) []byte { return make([]byte, len(b)) },
		"shifted":            func(b []byte) []byte { return append([]byte{0}, b[:len(b)-1]...) },
		"beyond":             func(b []byte) []byte { return append(slices.Clone(b), bytes.Repeat([]byte{0x7f}, 24)...) },
		"off by one":         func(b []byte) []byte { b = slices.Clone(b); b[len(b)-1]++; return b },
		"as it was":          func(b []byte) []byte { return b },
		"padded Kafka's way": func(b []byte) []byte { return append(slices.Clone(b), make([]byte, 240)...) },
	}
	for _, open := range []struct {
		name    string
		scanned bool
		prepare func(mem *vfs.Mem)
		only    string // the manipulations that a believed index must show
	}{
		{"scanned from the first segment", true, func(mem *vfs.Mem) {
			removeFile(t, mem, cleanMarker)
			removeFile(t, mem, "data/logs/recovery-point-offset-checkpoint")
		}, ""},
		{"below the recovery point", false, func(mem *vfs.Mem) { removeFile(t, mem, cleanMarker) }, "emptied odd length garbage"},
		{"after Kafka's clean close", false, func(mem *vfs.Mem) { removeFile(t, mem, ownManifest) }, "emptied odd length garbage"},
		{"at rest", false, func(*vfs.Mem) {}, "emptied odd length garbage"},
	} {
		for _, suffix := range []string{".index", ".timeindex", "index"} {
			for how, f := range spoil {
				if open.only != "" && !strings.Contains(open.only, how) {
					continue // what looks right is believed where it was synced
				}
				t.Run(fmt.Sprint(open.name, ", ", suffix, " ", how), func(t *testing.T) {
					mem := h.mem.Clone()
					open.prepare(mem)
					for _, name := range filesIn(t, mem, logDir, suffix) {
						overwrite(t, mem, name, f(readAll(t, mem, name)))
					}
					o := h.openTree(t, mem)
					wantValues(t, values(t, o.log, logstore.HighWatermark), names(0, 40)...)
					o.store.Housekeep(h.clock.Now())
					must(t, o.store.Close())
					sameTree(t, tree(t, mem, logDir), before)
				})
			}
		}
	}
	t.Run("padded Kafka's way, sealed", func(t *testing.T) {
		mem := h.mem.Clone()
		removeFile(t, mem, ownManifest)
		for _, name := range filesIn(t, mem, logDir, "index") {
			overwrite(t, mem, name, append(readAll(t, mem, name), make([]byte, 240)...))
		}
		o := h.openTree(t, mem)
		wantValues(t, values(t, o.log, logstore.HighWatermark), names(0, 40)...)
		at, ok, err := o.log.OffsetForTimestamp(h.clock.ms() + 45)
		must(t, err)
		if !ok || at.Offset != 7 {
			t.Fatalf("found %+v, %v", at, ok)
		}
		active := filesIn(t, mem, logDir, ".index")
		must(t, o.store.Close())
		last := active[len(active)-1]
		if got := string(readAll(t, mem, last)); got != before[last] {
			t.Fatalf("the active index keeps its padding: %d bytes", len(got))
		}
	})
	t.Run("missing files", func(t *testing.T) {
		mem := h.mem.Clone()
		removeFile(t, mem, ownManifest)
		for _, name := range filesIn(t, mem, logDir, "index") {
			removeFile(t, mem, name)
		}
		o := h.openTree(t, mem)
		at, ok, err := o.log.OffsetOfMaxTimestamp()
		must(t, err)
		if !ok || at.Offset != 7 || at.TimestampMs != h.clock.ms()+49 {
			t.Fatalf("largest timestamp at %+v, %v", at, ok)
		}
		must(t, o.store.Close())
		sameTree(t, tree(t, mem, logDir), before)
	})
}

var badCheckpoints = map[string]string{
	"empty":              "",
	"version only":       "0\n",
	"other version":      "1\n0\n",
	"count too large":    "0\n2\nt 0 5\n",
	"count too small":    "0\n1\nt 0 5\nu 0 5\n",
	"count no number":    "0\nx\n",
	"negative count":     "0\n-1\n",
	"offset no number":   "0\n1\nt 0 x\n",
	"negative offset":    "0\n1\nt 0 -5\n",
	"negative partition": "0\n1\nt -1 5\n",
	"missing field":      "0\n1\nt 5\n",
	"field too many":     "0\n1\nt 0 5 7\n",
	"offset overflows":   "0\n1\nt 0 99999999999999999999\n",
	"binary":             "\x00\x01\xff\xfe\n\n\n",
	"cut":                "0\n1\nt 0",
}

// A checkpoint that cannot be read is reported and costs no record; that of the
// recovery points, where there is no manifest either, a full scan.
func TestCorruptCheckpoints(t *testing.T) {
	h, l := manySegments(t, 30)
	must(t, h.store.Checkpoint())
	bytes := l.Bytes()
	for _, file := range []string{"recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint", "cleaner-offset-checkpoint"} {
		for name, text := range badCheckpoints {
			t.Run(file+" "+name, func(t *testing.T) {
				mem := h.mem.Clone()
				overwrite(t, mem, "data/logs/"+file, []byte(text))
				if file == "recovery-point-offset-checkpoint" {
					removeFile(t, mem, ownManifest)
				}
				o := h.openTree(t, mem)
				ignored := eventsOf[logstore.CheckpointIgnored](o.events)
				if len(ignored) != 1 || ignored[0].File != file || ignored[0].Err == nil {
					t.Fatalf("events %v, want %s ignored", ignored, file)
				}
				r := o.recovered(t)
				if file == "recovery-point-offset-checkpoint" && (r.RecoveryPoint != 0 || r.BytesScanned != bytes) {
					t.Fatalf("recovered %+v, want all of %d bytes scanned", r, bytes)
				}
				wantValues(t, values(t, o.log, logstore.HighWatermark), names(0, 30)...)
			})
		}
	}
}

// The start offset is durable in its checkpoint; the recovery point bounds what
// is scanned.
func TestRecoveryScansFromTheRecoveryPoint(t *testing.T) {
	h, l := manySegments(t, 30)
	must(t, l.AdvanceStart(9))
	must(t, h.store.Checkpoint())
	before := l.Bytes()
	h.appendDurably(l, "after", 1)
	o := h.openTree(t, h.mem.Clone().Crash())
	r := o.recovered(t)
	if r.RecoveryPoint != 30 || r.BytesScanned != l.Bytes()-before || r.End != 31 || r.BytesCut != 0 || r.Reason != nil {
		t.Fatalf("recovered %+v, want one batch scanned", r)
	}
	if o.log.StartOffset() != 9 {
		t.Fatalf("starts at %d", o.log.StartOffset())
	}
}

// Leader epochs are in every batch: the file that lists them can be rebuilt.
func TestLeaderEpochsAreRebuilt(t *testing.T) {
	h, _ := manySegments(t, 35)
	dirty := h.mem.Clone()
	must(t, h.store.Close())
	h.mem = h.mem.Clone()
	name := logDir + "/leader-epoch-checkpoint"
	want := readAll(t, h.mem, name)
	if string(want) != "0\n4\n0 0\n1 10\n2 20\n3 30\n" {
		t.Fatalf("written: %q", want)
	}
	bad := map[string]string{"missing": "", "empty": "", "other version": "1\n0\n", "count": "0\n3\n0 0\n", "goes back": "0\n2\n1 10\n0 0\n",
		"offsets go back": "0\n2\n0 10\n1 5\n", "negative": "0\n1\n-1 0\n", "no number": "0\n1\nx 0\n", "three fields": "0\n1\n0 0 0\n"}
	for _, mem := range []*vfs.Mem{dirty, h.mem} {
		for how, text := range bad {
			t.Run(fmt.Sprintf("%s, clean %v", how, mem != dirty), func(t *testing.T) {
				mem := mem.Clone()
				removeFile(t, mem, ownManifest)
				if how == "missing" {
					if exists(t, mem, name) {
						removeFile(t, mem, name)
					}
				} else {
					overwrite(t, mem, name, []byte(text))
				}
				o := h.openTree(t, mem)
				for offset := range int64(35) {
					if got := o.log.EpochOf(offset); got != int32(offset/10) {
						t.Fatalf("offset %d is of epoch %d", offset, got)
					}
				}
				must(t, o.store.Close())
				if got := readAll(t, mem, name); !bytes.Equal(got, want) {
					t.Fatalf("written anew: %q, want %q", got, want)
				}
			})
		}
	}
}

// What a crash left half done among the files is finished or undone, by Kafka's
// rules.
func TestLeftOverFiles(t *testing.T) {
	h, l := manySegments(t, 30)
	s := l.Segments()
	at := func(i int, suffix string) string { return fmt.Sprintf("%s/%020d%s", logDir, s[i].Base, suffix) }
	merged := func(mem *vfs.Mem) []byte { // segments 1 and 2 after compaction: batch 1 of each is gone
		var b []byte
		for i := 1; i <= 2; i++ {
			file := readAll(t, mem, at(i, ".log"))
			_, rest, err := record.Next(file)
			must(t, err)
			if i == 1 { // its first batch stays: a segment begins at its base
				first := file[:len(file)-len(rest)]
				_, rest, err = record.Next(rest)
				must(t, err)
				rest = append(slices.Clone(first), rest...)
			}
			b = append(b, rest...)
		}
		return b
	}
	without := func(offsets ...int64) []string {
		all := names(0, 30)
		for _, o := range slices.Backward(offsets) {
			all = slices.Delete(all, int(o), int(o)+1)
		}
		return all
	}
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, mem *vfs.Mem)
		want    []string
		gone    []string // suffixes
	}{
		{"retired and compacted files, half-written text", func(t *testing.T, mem *vfs.Mem) {
			for _, n := range []string{at(0, ".log.deleted"), at(0, ".index.deleted"), at(1, ".log.cleaned"), at(1, ".timeindex.cleaned"),
				logDir + "/leader-epoch-checkpoint.tmp", at(2, ".snapshot.tmp"), at(2, ".snapshot.deleted")} {
				overwrite(t, mem, n, []byte("left over"))
			}
		}, names(0, 30), []string{".deleted", ".cleaned", ".tmp"}},
		{"a complete swap beside its originals", func(t *testing.T, mem *vfs.Mem) {
			overwrite(t, mem, at(1, ".log.swap"), merged(mem))
			overwrite(t, mem, at(1, ".index.swap"), []byte("whatever"))
		}, without(s[1].Base+1, s[2].Base), []string{".swap"}},
		{"a complete swap, originals going", func(t *testing.T, mem *vfs.Mem) {
			overwrite(t, mem, at(1, ".log.swap"), merged(mem))
			removeFile(t, mem, at(2, ".log"))
			overwrite(t, mem, at(2, ".log.deleted"), nil)
		}, without(s[1].Base+1, s[2].Base), []string{".swap", ".deleted"}},
		{"a swap of a split that was not complete", func(t *testing.T, mem *vfs.Mem) {
			overwrite(t, mem, at(1, ".log.swap"), merged(mem))
			overwrite(t, mem, at(1, ".log.cleaned"), nil)
		}, names(0, 30), []string{".swap", ".cleaned"}},
		{"names that are nobody's", func(t *testing.T, mem *vfs.Mem) {
			for _, n := range []string{"/1.log", "/0000000000000000000x.log", "/99999999999999999999.log", "/x.log", "/notes"} {
				overwrite(t, mem, logDir+n, []byte("mine"))
			}
		}, names(0, 30), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := h.mem.Clone()
			c.prepare(t, mem)
			o := h.openTree(t, mem)
			wantValues(t, values(t, o.log, logstore.HighWatermark), c.want...)
			crashed := mem.Crash()
			for _, suffix := range c.gone {
				if left := filesIn(t, crashed, logDir, suffix); len(left) > 0 {
					t.Fatalf("left: %v", left)
				}
			}
			again := h.openTree(t, crashed)
			wantValues(t, values(t, again.log, logstore.HighWatermark), c.want...)
			again.goesOn(t, h, crashed, c.want)
		})
	}
}

func TestDirectoriesBesideLogs(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "a", 1)
	mem := h.mem.Clone()
	for _, d := range []string{"t-1.0123456789abcdef0123456789abcdef-delete", "t-2.0123-future", "t-3.0123-stray", "no log", "t-x", "t-01", ".-0"} {
		must(t, mem.Mkdir("data/logs/"+d, 0o755))
		overwrite(t, mem, "data/logs/"+d+"/00000000000000000000.log", []byte("x"))
	}
	o := h.openTree(t, mem)
	if logs := o.store.Logs(); len(logs) != 1 {
		t.Fatalf("%d logs", len(logs))
	}
	o.store.Housekeep(h.clock.Now())
	if exists(t, mem, "data/logs/t-1.0123456789abcdef0123456789abcdef-delete") {
		t.Fatal("a deleted log's directory was left")
	}
	for _, d := range []string{"t-2.0123-future", "t-3.0123-stray", "no log", "t-x", "t-01"} {
		if !exists(t, mem, "data/logs/"+d+"/00000000000000000000.log") {
			t.Fatalf("%s was touched", d)
		}
	}
	if failed := eventsOf[logstore.HousekeepingFailed](o.events); len(failed) > 0 {
		t.Fatal(failed)
	}
}

// Files that name a log's topic are not guessed.
func TestCorruptPartitionMetadata(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "other version": "version: 1\ntopic_id: AQAAAAAAAAAAAAAAAAAAAA", "no id": "version: 0\n", "short id": "version: 0\ntopic_id: AQAA",
		"no base64": "version: 0\ntopic_id: !!AAAAAAAAAAAAAAAAAAAA",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, nil)
			h.appendDurably(h.log(), "a", 1)
			mem := h.mem.Clone()
			overwrite(t, mem, logDir+"/partition.metadata", []byte(text))
			other := logstore.TopicPartition{Topic: "other"}
			var told events
			s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true, Events: told.add})
			must(t, err)
			defer s.Close()
			if _, err := s.Log(tp); err == nil || errors.Is(err, logstore.ErrNotFound) || len(eventsOf[logstore.LogNotOpened](&told)) != 1 {
				t.Fatalf("opened: %v", err)
			}
			if _, err := s.Create(tp, logstore.TopicID{2}, logstore.DefaultConfig()); !errors.Is(err, logstore.ErrExists) {
				t.Fatalf("created over it: %v", err)
			}
			// The others are served, and the name is free once it was set aside.
			if _, err := s.Create(other, logstore.TopicID{3}, logstore.DefaultConfig()); err != nil {
				t.Fatal(err)
			}
			must(t, s.SetAside(tp))
			if _, err := s.Create(tp, logstore.TopicID{2}, logstore.DefaultConfig()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
