package logstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

const repairDir = "data/moldau/repair-20231114T221320Z"

// logFiles are the data files of a log, in order.
func logFiles(m image, dir string) (files []string) {
	for name := range m {
		if strings.HasPrefix(name, dir+"/") && strings.HasSuffix(name, ".log") {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

func beside(file, suffix string) string { return strings.TrimSuffix(file, ".log") + suffix }

// storeDamage is done to a store; files is the files of t-0 in order.
type storeDamage struct {
	name    string
	do      func(m image, files []string)
	lost    int64  // records of t-0, exactly; -1 some
	changes string // a part of a change's text
}

func flipBit(m image, file string, at int) {
	b := bytes.Clone(m[file])
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	m[file] = b
}

func recordsIn(m image, file string, i int) int64 {
	return int64(record.Batch(m[file][batchAt(m, file, i):]).Count())
}

var storeDamages = []storeDamage{
	{"flipped record", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+70) }, 4, "CRC-32C"},
	{"flipped CRC", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+18) }, 4, "CRC-32C"},
	{"flipped record of the last batch", func(m image, f []string) { flipBit(m, f[len(f)-1], -1) }, 3, "CRC-32C"},
	{"flipped record of a segment's last batch", func(m image, f []string) { flipBit(m, f[1], -1) }, -1, "CRC-32C"},
	{"flipped length", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+11) }, 0, "put right"},
	{"flipped high byte of length", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+8) }, 0, "put right"},
	{"flipped magic", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+16) }, 0, "put right"},
	{"flipped base offset", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+7) }, 0, "put right"},
	{"base offset far up", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+5) }, 0, "put right"},
	{"base offset beyond the segment", func(m image, f []string) { flipBit(m, f[1], batchAt(m, f[1], 2)+1) }, 0, "put right"},
	{"base offset of the last batch", func(m image, f []string) {
		last := f[len(f)-1]
		b := record.Batch(bytes.Clone(m[last]))
		n := 0
		for at := 0; at < len(b); at += record.Batch(b[at:]).Size() {
			n = at
		}
		record.Batch(b[n:]).SetBaseOffset(record.Batch(b[n:]).BaseOffset() + 64)
		m[last] = b
	}, 0, "put right"},
	{"cut in mid-batch", func(m image, f []string) { m[f[1]] = m[f[1]][:len(m[f[1]])-5] }, -1, "off its end"},
	{"last file cut in mid-batch", func(m image, f []string) { m[f[len(f)-1]] = m[f[len(f)-1]][:len(m[f[len(f)-1]])-5] }, 3, "off its end"},
	{"last file cut between batches", func(m image, f []string) {
		last := f[len(f)-1]
		m[last] = m[last][:batchAt(m, last, 1)]
	}, -1, "no offset is given twice"},
	{"zeroed page", func(m image, f []string) { m[f[1]] = append(make([]byte, 512), m[f[1]][512:]...) }, -1, "took out"},
	{"zeros behind", func(m image, f []string) { m[f[len(f)-1]] = append(bytes.Clone(m[f[len(f)-1]]), make([]byte, 700)...) }, 0, "cut 700 bytes off"},
	{"rubbish between batches", func(m image, f []string) {
		at := batchAt(m, f[1], 2)
		m[f[1]] = slices.Concat(m[f[1]][:at], []byte("rubbish"), m[f[1]][at:])
	}, 0, "took out 7 bytes"},
	{"a file of rubbish", func(m image, f []string) { m["data/logs/t-0/00000000000000000005.log"] = []byte("rubbish") }, 0, "set aside"},
	{"a copy under another name", func(m image, f []string) { m["data/logs/t-0/00000000000000000005.log"] = m[f[1]] }, 0, "set aside"},
	{"an empty file within another", func(m image, f []string) { m["data/logs/t-0/00000000000000000005.log"] = nil }, 0, "set aside"},
	{"a whole file rotten", func(m image, f []string) { m[f[1]] = bytes.Repeat([]byte("x"), 1000) }, -1, "set aside"},
	{"the last file rotten", func(m image, f []string) { m[f[len(f)-1]] = bytes.Repeat([]byte("x"), 1000) }, -1, "set aside"},
	{"the last file missing", func(m image, f []string) { delete(m, f[len(f)-1]) }, -1, "no offset is given twice"},
	{"all files missing", func(m image, f []string) {
		for _, file := range f {
			delete(m, file)
		}
	}, -1, "no offset is given twice"},

	{"index entry", func(m image, f []string) { flipBit(m, beside(f[1], ".index"), 3) }, 0, "built anew"},
	{"index cut", func(m image, f []string) { m[beside(f[1], ".index")] = m[beside(f[1], ".index")][:5] }, 0, "built anew"},
	{"index missing", func(m image, f []string) { delete(m, beside(f[1], ".index")) }, 0, "built anew"},
	{"last index", func(m image, f []string) { flipBit(m, beside(f[len(f)-1], ".index"), 7) }, 0, "built anew"},
	{"time entry", func(m image, f []string) { flipBit(m, beside(f[1], ".timeindex"), 7) }, 0, "built anew"},
	{"time index missing", func(m image, f []string) { delete(m, beside(f[1], ".timeindex")) }, 0, "built anew"},
	{"transaction index", func(m image, f []string) { m[beside(f[1], ".txnindex")] = []byte{1, 2, 3} }, 0, "built anew"},

	{"snapshot", func(m image, f []string) {
		for name := range m {
			if strings.HasPrefix(name, "data/logs/t-0/") && strings.HasSuffix(name, ".snapshot") {
				flipBit(m, name, -1)
			}
		}
	}, 0, "older snapshot"},
	{"epochs", func(m image, f []string) { m["data/logs/t-0/leader-epoch-checkpoint"] = []byte("0\n2\n1 0\n0 9\n") }, 0, "batch headers"},
	{"partition metadata", func(m image, f []string) { flipBit(m, "data/logs/t-0/partition.metadata", 0) }, 0, "topic id"},
	{"recovery points malformed", func(m image, f []string) { flipBit(m, "data/logs/recovery-point-offset-checkpoint", 0) }, 0, "written anew"},
	{"recovery point too high", func(m image, f []string) {
		m["data/logs/recovery-point-offset-checkpoint"] = []byte("0\n3\nmoldau! 0 0\nt 0 1000\nu 3 100\n")
	}, 0, "past its end"},
	{"start too high", func(m image, f []string) { m["data/logs/log-start-offset-checkpoint"] = []byte("0\n1\nt 0 1000\n") }, 0, "first segment"},
	{"high watermark too high", func(m image, f []string) {
		m["data/logs/replication-offset-checkpoint"] = []byte("0\n2\nt 0 1000\nu 3 100\n")
	}, 0, "past its end"},
	{"much at once", func(m image, f []string) {
		flipBit(m, f[0], 70)
		flipBit(m, f[1], batchAt(m, f[1], 2)+7)
		delete(m, beside(f[1], ".index"))
		flipBit(m, f[len(f)-1], -1)
		flipBit(m, "data/logs/recovery-point-offset-checkpoint", 0)
	}, -1, "put right"},
}

func TestRepairMendsWhatIsDamaged(t *testing.T) {
	sound, all := storeImage(t)
	for _, d := range storeDamages {
		t.Run(d.name, func(t *testing.T) {
			m := image{}
			for name, b := range sound {
				m[name] = b
			}
			files := logFiles(m, "data/logs/t-0")
			d.do(m, files)
			mem := m.fs(t)
			r := repair(t, mem, "data")
			if len(r.Remaining) > 0 || !r.Complete || r.Backup != repairDir {
				t.Fatalf("%+v", r)
			}
			text, lost := "", int64(0)
			for _, c := range r.Changes {
				text += fmt.Sprintln(c.File, c.Problem, c.Action)
			}
			for _, l := range r.Lost() {
				if l.Records >= 0 {
					lost += l.Records
				} else {
					lost += l.Last - l.First + 1
				}
			}
			if d.lost >= 0 && lost != d.lost || d.lost < 0 && lost == 0 || !strings.Contains(text, d.changes) {
				t.Errorf("%d lost: %v, want %d; changes without %q:\n%s", lost, r.Lost(), d.lost, d.changes, text)
			}
			wantImage(t, restore(t, imageOf(t, mem, "."), repairDir), m)
			wantMended(t, mem, all, r)
		})
	}
}

// TestRepairOfARottenLogOfOneRecord has the segment that keeps the end take the
// place of the one that is rotten.
func TestRepairOfARottenLogOfOneRecord(t *testing.T) {
	h := newHarness(t, nil)
	h.appendDurably(h.log(), "only", 1)
	must(t, h.store.Close())
	m := imageOf(t, h.mem, ".")
	const file = "data/logs/t-0/00000000000000000000.log"
	flipBit(m, file, 65)
	mem := m.fs(t)
	r := repair(t, mem, "data")
	if len(r.Remaining) > 0 || len(r.Lost()) != 1 || r.Lost()[0] != (logstore.Lost{Log: "t-0", First: 0, Last: 0, Records: 1}) {
		t.Fatalf("%+v %v", r, r.Lost())
	}
	wantImage(t, restore(t, imageOf(t, mem, "."), repairDir), m)
	wantMended(t, mem, map[logstore.TopicPartition]map[int64]string{tp: {}}, r)
	s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
	must(t, err)
	defer s.Close()
	if l, err := s.Log(tp); err != nil || l.Offset(logstore.LogEnd) != 3 || len(recordsOf(t, l)) != 2 {
		t.Errorf("%v: the log is not at 3", err)
	}
}

// TestRepairedLogLetsConsumersPastALostTail wants a batch that ends where the log
// does.
func TestRepairedLogLetsConsumersPastALostTail(t *testing.T) {
	m, all := storeImage(t)
	files := logFiles(m, "data/logs/t-0")
	flipBit(m, files[len(files)-1], -1)
	mem := m.fs(t)
	repair(t, mem, "data")
	files = logFiles(imageOf(t, mem, "."), "data/logs/t-0")
	b := record.Batch(readAll(t, mem, files[len(files)-1]))
	if err := b.Check(); err != nil || b.LastOffset() != int64(len(all[tp]))-1 || b.Count() != 0 || b.LeaderEpoch() != 2 {
		t.Errorf("%v: %d records up to %d of epoch %d", err, b.Count(), b.LastOffset(), b.LeaderEpoch())
	}
}

func TestRepairOfASoundStoreChangesNothing(t *testing.T) {
	m, _ := storeImage(t)
	for _, dir := range []string{"data", "data/logs", "data/logs/t-0"} {
		mem := m.fs(t)
		if r := repair(t, mem, dir); len(r.Changes) > 0 || r.Backup != "" || len(r.Remaining) > 0 {
			t.Errorf("%s: %+v", dir, r)
		}
		wantImage(t, imageOf(t, mem, "."), m)
	}
}

func TestRepairBuildsTheIndexesThatWere(t *testing.T) {
	sound, _ := storeImage(t)
	m := sound.below(".")
	for name, b := range sound {
		if m[name] = b; strings.HasSuffix(name, ".index") || strings.HasSuffix(name, ".timeindex") {
			delete(m, name)
		}
	}
	for name := range m {
		if strings.HasPrefix(name, "./") {
			delete(m, name)
		}
	}
	mem := m.fs(t)
	r := repair(t, mem, "data")
	if len(r.Changes) == 0 || len(r.Lost()) > 0 {
		t.Fatalf("%+v", r)
	}
	got := imageOf(t, mem, ".")
	for name := range got {
		if strings.HasPrefix(name, repairDir) {
			delete(got, name)
		}
	}
	delete(sound, ownManifest) // what is mended is read as it lies
	wantImage(t, got, sound)
}

func TestRepairDryRunChangesNothing(t *testing.T) {
	m, _ := storeImage(t)
	files := logFiles(m, "data/logs/t-0")
	flipBit(m, files[1], batchAt(m, files[1], 2)+70)
	o := repairOptions()
	o.DryRun = true
	broken := vfs.NewFault(m.fs(t))
	broken.SetHook(func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpWrite, vfs.OpTruncate, vfs.OpMkdir, vfs.OpRename, vfs.OpRemove, vfs.OpCreate:
			t.Errorf("%s of %s", op.Kind, op.Name)
		}
		return nil
	})
	planned, err := logstore.Repair(broken, "data", o)
	must(t, err)
	mem := m.fs(t)
	done := repair(t, mem, "data")
	if len(planned.Changes) == 0 || len(planned.Changes) != len(done.Changes) || planned.Complete || len(planned.Remaining) != 1 {
		t.Fatalf("%+v, %+v", planned, done)
	}
	for i, c := range planned.Changes {
		if d := done.Changes[i]; c.File != d.File || c.Problem != d.Problem || c.Action != d.Action || fmt.Sprint(c.Lost) != fmt.Sprint(d.Lost) {
			t.Errorf("planned %+v, done %+v", c, d)
		}
	}
}

func TestRepairRefusesWhatIsInUse(t *testing.T) {
	m, _ := storeImage(t)
	mem := m.fs(t)
	s, err := logstore.Open("data", logstore.Options{FS: mem, Manual: true})
	must(t, err)
	for _, dir := range []string{"data", "data/logs", "data/logs/t-0"} {
		if _, err := logstore.Repair(mem, dir, repairOptions()); !errors.Is(err, logstore.ErrLocked) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	must(t, s.Close())
	if _, err := logstore.Repair(mem, "nothing", repairOptions()); !errors.Is(err, logstore.ErrNotFound) {
		t.Error(err)
	}
}

// TestRepairAfterACrashLetsTheEngineRecoverFirst has a torn tail, which recovery
// cuts, and rot below the recovery point, which it must not touch.
func TestRepairAfterACrashLetsTheEngineRecoverFirst(t *testing.T) {
	m, all := storeImage(t)
	delete(m, "data/logs/.kafka_cleanshutdown")
	files, others := logFiles(m, "data/logs/t-0"), logFiles(m, "data/logs/u-3")
	flipBit(m, files[1], batchAt(m, files[1], 2)+70)
	last := others[len(others)-1]
	m["data/logs/recovery-point-offset-checkpoint"] = []byte("0\n3\nmoldau! 0 0\nt 0 106\nu 3 100\n")
	m[last] = append(bytes.Clone(m[last]), m[last][:100]...)
	mem := m.fs(t)
	r := repair(t, mem, "data")
	if !r.Unclean || len(r.Remaining) > 0 || len(r.Lost()) != 1 || r.Lost()[0].Records != 4 ||
		len(r.Recovered) != 1 || r.Recovered[0].Log != "u-3" || r.Recovered[0].BytesCut != 100 {
		t.Fatalf("%+v %v", r, r.Lost())
	}
	if _, err := mem.Stat("data/logs/.kafka_cleanshutdown"); err != nil {
		t.Error(err)
	}
	wantMended(t, mem, all, r)
}

// TestRepairKeepsRecoveryPointsWhereTheyMatter takes them from a store that was
// not closed: recovery would cut every log at its first bad batch.
func TestRepairKeepsRecoveryPointsWhereTheyMatter(t *testing.T) {
	m, all := storeImage(t)
	delete(m, "data/logs/.kafka_cleanshutdown")
	files := logFiles(m, "data/logs/t-0")
	flipBit(m, files[1], batchAt(m, files[1], 2)+70)
	flipBit(m, "data/logs/recovery-point-offset-checkpoint", 0)
	mem := m.fs(t)
	r := repair(t, mem, "data")
	if len(r.Remaining) > 0 || len(r.Lost()) != 1 || r.Lost()[0].Records != 4 || len(r.Recovered) != 0 {
		t.Fatalf("%+v %v", r, r.Lost())
	}
	wantMended(t, mem, all, r)
}

// What is gone without a trace in what is left: a log at rest is opened by the
// manifest, which still has it, and its reads would fail.
func TestRepairOfWhatOnlyTheManifestHas(t *testing.T) {
	cut := func(t *testing.T, mem *vfs.Mem, file string, size int) {
		overwrite(t, mem, file, readAll(t, mem, file)[:size])
	}
	for name, do := range map[string]func(t *testing.T, mem *vfs.Mem, m image, f []string){
		"first file gone":          func(t *testing.T, mem *vfs.Mem, _ image, f []string) { must(t, mem.Remove(f[0])) },
		"file in the middle gone":  func(t *testing.T, mem *vfs.Mem, _ image, f []string) { must(t, mem.Remove(f[1])) },
		"file cut between batches": func(t *testing.T, mem *vfs.Mem, m image, f []string) { cut(t, mem, f[1], batchAt(m, f[1], 2)) },
		"file emptied":             func(t *testing.T, mem *vfs.Mem, _ image, f []string) { cut(t, mem, f[1], 0) },
		"file cut in a batch":      func(t *testing.T, mem *vfs.Mem, m image, f []string) { cut(t, mem, f[1], batchAt(m, f[1], 2)+70) },
	} {
		t.Run(name, func(t *testing.T) {
			m, all := storeImage(t)
			mem := m.fs(t)
			wantServed(t, mem, nil) // closed here, so that the manifest holds
			do(t, mem, m, logFiles(m, "data/logs/t-0"))
			if report, err := logstore.Check(mem, "data", logstore.CheckOptions{}); err != nil || report.Faults() == 0 {
				t.Errorf("no fault is found: %v", err)
			}
			r := repair(t, mem, "data")
			if len(r.Lost()) != 1 || r.Lost()[0].First > r.Lost()[0].Last {
				t.Errorf("lost %v", r.Lost())
			}
			wantMended(t, mem, all, r)
		})
	}
}

// A snapshot that a crash left half written is below the recovery point once a repair
// has raised that.
func TestRepairTakesSnapshotsThatNoCrashWouldExplain(t *testing.T) {
	m, all := storeImage(t)
	delete(m, "data/logs/.kafka_cleanshutdown")
	delete(m, "data/moldau/manifest")
	m["data/logs/recovery-point-offset-checkpoint"] = []byte("0\n3\nmoldau! 0 0\nt 0 12\nu 3 106\n")
	files := logFiles(m, "data/logs/t-0")
	flipBit(m, files[0], batchAt(m, files[0], 1)+70)
	flipBit(m, beside(files[2], ".snapshot"), -1)
	mem := m.fs(t)
	r := repair(t, mem, "data")
	if len(r.Remaining) > 0 {
		t.Errorf("remaining: %v", r.Remaining)
	}
	wantMended(t, mem, all, r)
}

// partitionImage is the partition of soundImage, without what lies beside it.
func partitionImage(t *testing.T, dir string) image {
	m := image{}
	for name, b := range soundImage(t) {
		if file, ok := strings.CutPrefix(name, imageDir+"/"); ok {
			m[dir+"/"+file] = b
		}
	}
	return m
}

func TestRepairOfKafkasDirectories(t *testing.T) {
	for _, c := range []struct {
		name, dir, backup string
		image             func() image
	}{
		{"log directory", "kafka", "kafka-repair-20231114T221320Z", func() image { return soundImage(t).below("kafka") }},
		{"partition of one", "kafka/t-0", "kafka-repair-20231114T221320Z", func() image { return soundImage(t).below("kafka") }},
		{"partition among others", "p/t-0", "p-repair-20231114T221320Z", func() image { return partitionImage(t, "p/t-0") }},
		{"partition on its own", "p/t", "p/t-repair-20231114T221320Z", func() image { return partitionImage(t, "p/t") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.image()
			home := c.dir
			if home == "kafka" {
				home += "/t-0"
			}
			file := home + "/00000000000000000018.log"
			flipBit(m, file, batchAt(m, file, 3)+70)
			mem := m.fs(t)
			r := repair(t, mem, c.dir)
			if len(r.Remaining) > 0 || r.Backup != c.backup || len(r.Lost()) != 1 || r.Lost()[0] != (logstore.Lost{Log: path.Base(home), First: 27, Last: 29, Records: 3}) {
				t.Fatalf("%+v %v", r, r.Lost())
			}
			wantImage(t, restore(t, imageOf(t, mem, "."), c.backup), m)
			if again := repair(t, mem, c.dir); len(again.Changes) > 0 {
				t.Errorf("again: %+v", again.Changes[0])
			}
		})
	}
}

// TestRepairCutsTheTornTailOfKafkas has no engine recover before.
func TestRepairCutsTheTornTailOfKafkas(t *testing.T) {
	m := soundImage(t).below("kafka")
	delete(m, "kafka/.kafka_cleanshutdown")
	m["kafka/recovery-point-offset-checkpoint"] = []byte("0\n1\nt 0 40\n")
	m["kafka/"+lastLog] = m["kafka/"+lastLog][:len(m["kafka/"+lastLog])-5]
	mem := m.fs(t)
	r := repair(t, mem, "kafka")
	if len(r.Remaining) > 0 || len(r.Changes) < 3 || len(r.Changes[0].Taken) != 1 {
		t.Fatalf("%+v", r)
	}
	report, err := logstore.Check(mem, "kafka", logstore.CheckOptions{})
	must(t, err)
	for _, f := range report.Findings {
		if f.Severity == fault || strings.Contains(f.Text, "torn") {
			t.Error(f)
		}
	}
}

func TestRepairBuildsATransactionIndexFromMarkers(t *testing.T) {
	var data []byte
	add := func(base int64, id int64, marker record.ControlType, control bool) {
		b := record.NewBuilder(record.BuilderOptions{BaseOffset: base, Transactional: true, Control: control,
			Producer: &record.Producer{ID: id, BaseSequence: map[bool]int32{true: -1, false: int32(base)}[control]}})
		key, value := []byte("k"), []byte("v")
		if control {
			key = binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(marker))
			value = make([]byte, 6)
		}
		b.Append(imageTimestamp+base, key, value)
		batch, err := b.Finish()
		must(t, err)
		data = append(data, batch...)
	}
	add(0, 1, 0, false)
	add(1, 2, 0, false)
	add(2, 1, record.ControlAbort, true)
	add(3, 3, 0, false)
	add(4, 2, record.ControlAbort, true)
	add(5, 3, record.ControlCommit, true)
	m := image{"p/t-0/00000000000000000000.log": data, "p/t-0/00000000000000000000.txnindex": []byte("bad"), "p/.kafka_cleanshutdown": nil}
	mem := m.fs(t)
	if r := repair(t, mem, "p/t-0"); len(r.Remaining) > 0 || len(r.Lost()) > 0 {
		t.Fatalf("%+v", r)
	}
	var want []byte
	for _, e := range [][4]uint64{{1, 0, 2, 1}, {2, 1, 4, 3}} {
		want = binary.BigEndian.AppendUint16(want, 0)
		for _, v := range e {
			want = binary.BigEndian.AppendUint64(want, v)
		}
	}
	if got := readAll(t, mem, "p/t-0/00000000000000000000.txnindex"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestRepairTellsWhatItCannotRead(t *testing.T) {
	m, all := storeImage(t)
	files, others := logFiles(m, "data/logs/t-0"), logFiles(m, "data/logs/u-3")
	flipBit(m, others[1], batchAt(m, others[1], 2)+70)
	mem := m.fs(t)
	broken := vfs.NewFault(mem)
	eio := errors.New("input/output error")
	broken.SetHook(func(op vfs.Op) error {
		if op.Name == files[1] && op.Kind == vfs.OpRead {
			return eio
		}
		return nil
	})
	r := repair(t, broken, "data")
	if len(r.Remaining) == 0 || r.Remaining[0].File != files[1] || len(r.Lost()) != 1 {
		t.Fatalf("%+v", r)
	}
	broken.SetHook(nil)
	wantMended(t, mem, all, r)
}

func TestRepairWantsAnUnusedBackup(t *testing.T) {
	m, _ := storeImage(t)
	files := logFiles(m, "data/logs/t-0")
	flipBit(m, files[1], 70)
	m["b/receipt.json"] = []byte("{}")
	mem := m.fs(t)
	o := repairOptions()
	o.Backup = "b"
	if _, err := logstore.Repair(mem, "data", o); err == nil || !strings.Contains(err.Error(), "receipt") {
		t.Error(err)
	}
	o.Backup, o.BackupFS = ".", vfs.NewMem()
	r, err := logstore.Repair(mem, "data", o)
	must(t, err)
	i := slices.IndexFunc(r.Changes, func(c *logstore.Change) bool { return c.File == files[1] })
	if got := readAll(t, o.BackupFS, r.Changes[i].Backup); !bytes.Equal(got, m[files[1]]) {
		t.Error("the backup is not what was there")
	}
}
