package logstore_test

import (
	"fmt"
	"path"
	"slices"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// holey is a directory whose segments do not touch, and was not closed cleanly.
func holey(t *testing.T) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	for _, dir := range []string{"data", "data/logs", logDir} {
		must(t, mem.Mkdir(dir, 0o755))
		must(t, mem.SyncDir(path.Dir(dir)))
	}
	for _, base := range []int64{0, 10, 25} {
		name := fmt.Sprintf("%s/%020d", logDir, base)
		overwrite(t, mem, name+".log", batchOf(t, record.BuilderOptions{BaseOffset: base}, 1000, fmt.Sprint("r", base), 1))
		overwrite(t, mem, name+".index", nil)
		overwrite(t, mem, name+".timeindex", nil)
	}
	return mem
}

// A follower of a compacted topic leaves segments that do not touch, in Kafka.
// In our own directories only lost writes do.
func TestHolesAreLegalInKafkasDirectories(t *testing.T) {
	mem := holey(t)
	want := []string{"r0-0", "r10-0", "r25-0"}
	for range 2 { // the second time as ours, from the recovery point of the first
		s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
		must(t, err)
		l, err := s.Log(tp)
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), want...)
		mem = mem.Crash()
		_ = s.Close()
	}
}

func TestHolesStayLegalBesideALogThatDoesNotOpen(t *testing.T) {
	mem := holey(t)
	must(t, mem.Mkdir("data/logs/u-0", 0o755))
	overwrite(t, mem, "data/logs/u-0/partition.metadata", []byte("garbage"))
	must(t, mem.SyncDir("data/logs"))
	for range 3 {
		s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
		must(t, err)
		l, err := s.Log(tp)
		must(t, err)
		wantValues(t, values(t, l, logstore.HighWatermark), "r0-0", "r10-0", "r25-0")
		must(t, s.Checkpoint())
		mem = mem.Crash()
		_ = s.Close()
	}
}

func TestHolesAreLostWritesInOurs(t *testing.T) {
	holesAreLost(t, func(*vfs.Mem) {})
}

// Where the manifest holds, a file of Kafka's does not make holes legal: it may be of a
// log that was deleted.
func TestCleanerCheckpointMakesNoHolesLegalInOurs(t *testing.T) {
	holesAreLost(t, func(mem *vfs.Mem) {
		overwrite(t, mem, "data/logs/cleaner-offset-checkpoint", []byte("0\n1\nt 0 1000\n"))
	})
}

func holesAreLost(t *testing.T, change func(*vfs.Mem)) {
	h, l := manySegments(t, 30)
	segments := l.Segments()
	if len(segments) != 4 {
		t.Fatalf("%d segments", len(segments))
	}
	mem := h.mem.Crash()
	change(mem)
	removeFile(t, mem, fmt.Sprintf("%s/%020d.log", logDir, segments[1].Base))
	var told events
	s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true, Events: told.add})
	must(t, err)
	defer s.Close()
	l, err = s.Log(tp)
	must(t, err)
	wantValues(t, values(t, l, logstore.HighWatermark), names(0, int(segments[1].Base))...)
	r := eventsOf[logstore.LogRecovered](&told)
	if len(r) != 1 || r[0].Reason == nil || len(r[0].Kept) != 2 {
		t.Fatalf("recovered %+v", r)
	}
	for _, name := range r[0].Kept {
		if len(readAll(t, mem, name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// A recovery point is of what is there: a log whose segments are gone begins anew, and is
// what it has become after the next crash, too.
func TestRecoveryPointOfALogWithoutSegments(t *testing.T) {
	mem := vfs.NewMem()
	for _, dir := range []string{"data", "data/logs", logDir} {
		must(t, mem.Mkdir(dir, 0o755))
		must(t, mem.SyncDir(path.Dir(dir)))
	}
	overwrite(t, mem, "data/logs/recovery-point-offset-checkpoint", []byte("0\n1\nt 0 1000\n"))
	for i := range 3 {
		s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
		must(t, err)
		l, err := s.Log(tp)
		must(t, err)
		must(t, l.Err())
		if end := l.Offset(logstore.LogEnd); end != int64(i) {
			t.Fatalf("ends at %d, want %d", end, i)
		}
		_, err = l.Append(t.Context(), record.Record{Value: []byte("v")})
		must(t, err)
		mem = mem.Crash()
		_ = s.Close()
	}
}

// A start that crashes while it cuts a bad tail leaves no hole before the segments
// behind: in Kafka's directories the next would take it for a legal one.
func TestCutThatCrashesLeavesNoHole(t *testing.T) {
	old := holey(t)
	bad := batchOf(t, record.BuilderOptions{BaseOffset: 1}, 1000, "bad", 1)
	overwrite(t, old, firstLog, slices.Concat(readAll(t, old, firstLog), withByte(bad, 70, bad[70]^1)))
	cut := 0
	for at := 0; ; at++ {
		for _, power := range []bool{true, false} {
			mem := old.Clone()
			fault := vfs.NewFault(mem)
			crashAt(fault, at)
			if s, err := logstore.Open("data", logstore.Options{FS: fault, Manual: true}); err == nil {
				if _ = s.Close(); cut == 0 {
					t.Error("no crash came behind the cut")
				}
				return
			}
			if power {
				mem = mem.Crash()
			} else {
				mem = mem.Clone()
			}
			if len(readAll(t, mem, firstLog)) < len(readAll(t, old, firstLog)) {
				cut++
			}
			s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
			must(t, err)
			l, err := s.Log(tp)
			must(t, err)
			if got := values(t, l, logstore.LogEnd); len(got) != 1 || l.Offset(logstore.LogEnd) != 1 {
				t.Errorf("crash at %d, power %v: %q up to %d", at, power, got, l.Offset(logstore.LogEnd))
			}
			_ = s.Close()
		}
	}
}

// A whole batch behind a bad one is kept and told: it may be what was
// acknowledged, and the bad one rot.
func TestCutThatHoldsABatchIsKept(t *testing.T) {
	for _, c := range []struct {
		name string
		flip int // batch in which a byte is flipped
		kept bool
	}{{"the last one is bad", 4, false}, {"others follow", 1, true}} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, nil)
			l := h.log()
			positions := []int64{}
			for i := range 5 {
				positions = append(positions, l.Bytes())
				h.appendDurably(l, fmt.Sprint("r", i), 1)
			}
			mem := h.mem.Crash()
			text := readAll(t, mem, firstLog)
			cut := text[positions[c.flip]:]
			text[positions[c.flip]+70] ^= 1
			overwrite(t, mem, firstLog, text)
			var told events
			s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true, Events: told.add})
			must(t, err)
			defer s.Close()
			l, err = s.Log(tp)
			must(t, err)
			if got := values(t, l, logstore.HighWatermark); len(got) != c.flip {
				t.Fatalf("%v", got)
			}
			r := eventsOf[logstore.LogRecovered](&told)[0]
			if (len(r.Kept) == 1) != c.kept {
				t.Fatalf("recovered %+v", r)
			}
			if c.kept && len(readAll(t, mem, r.Kept[0])) != len(cut) {
				t.Errorf("%d bytes were kept of %d", len(readAll(t, mem, r.Kept[0])), len(cut))
			}
		})
	}
}
