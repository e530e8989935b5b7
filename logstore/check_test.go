package logstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

func check(t *testing.T, m image, dir string, o logstore.CheckOptions) *logstore.CheckReport {
	t.Helper()
	r, err := logstore.Check(m.fs(t), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckOfASoundDirectoryFindsNothing(t *testing.T) {
	data := soundImage(t).below("logs")
	for name, b := range soundImage(t).below("moldau/metadata/logs") {
		data[name] = b
	}
	for _, c := range []struct {
		name       string
		image      image
		dir        string
		partitions int
	}{
		{"log directory", soundImage(t), ".", 1},
		{"partition", soundImage(t), imageDir, 1},
		{"partition further down", soundImage(t).below("p"), "p/" + imageDir, 1},
		{"store", data, ".", 2},
	} {
		r := check(t, c.image, c.dir, logstore.CheckOptions{Deep: true})
		if len(r.Findings) > 0 {
			t.Errorf("%s: %v", c.name, r.Findings)
		}
		n := int64(c.partitions)
		if r.Partitions != c.partitions || r.Segments != 3*c.partitions || r.Batches != 18*n || r.Records != 52*n || r.Bytes == 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// damage is done to a sound image; what must be found of it is a Note or a
// Fault, in a file, with a text.
type damage struct {
	name  string
	dirty bool // no clean marker, and a recovery point of 40
	do    func(image)
	want  logstore.Severity
	file  string
	text  string
}

// flip inverts a bit of a byte, counted from the end if negative.
func flip(file string, at int) func(image) {
	return func(m image) {
		b := bytes.Clone(m[file])
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		m[file] = b
	}
}

// cut removes the last n bytes.
func cut(file string, n int) func(image) {
	return func(m image) { m[file] = m[file][:len(m[file])-n] }
}

func put(file, content string) func(image) { return func(m image) { m[file] = []byte(content) } }

func remove(file string) func(image) { return func(m image) { delete(m, file) } }

// batchAt is where a batch of a segment begins.
func batchAt(m image, file string, i int) (at int) {
	for range i {
		b, _, err := record.Next(m[file][at:])
		if err != nil {
			panic(err)
		}
		at += b.Size()
	}
	return at
}

// change sets a field, outside the CRC, of a batch.
func change(file string, i int, set func(record.Batch)) func(image) {
	return func(m image) {
		b := bytes.Clone(m[file])
		set(record.Batch(b[batchAt(m, file, i):]))
		m[file] = b
	}
}

func swapEntries(file string, entryBytes int) func(image) {
	return func(m image) {
		b := m[file]
		m[file] = append(bytes.Clone(b[entryBytes:2*entryBytes]), append(bytes.Clone(b[:entryBytes]), b[2*entryBytes:]...)...)
	}
}

const (
	fault, note = logstore.Fault, logstore.Note

	sealedLog, sealedIndex, sealedTimes = sealedName + ".log", sealedName + ".index", sealedName + ".timeindex"
	lastLog, lastIndex, lastTimes       = lastName + ".log", lastName + ".index", lastName + ".timeindex"
	snapshot                            = imageDir + "/00000000000000000054.snapshot"
)

var dataDamages = []damage{
	{"flipped byte", false, flip(sealedLog, 80), fault, sealedLog, "CRC"},
	{"flipped byte in a directory that was killed", true, flip(sealedLog, 80), fault, sealedLog, "CRC"},
	{"flipped byte in the last batch", true, flip(sealedLog, -1), fault, sealedLog, "CRC"},
	{"cut in mid-batch", true, cut(sealedLog, 5), fault, sealedLog, "cut in mid-batch"},
	{"cut inside a header", false, cut(sealedLog, 60), fault, sealedLog, "cut in mid-batch"},
	{"cut between batches", true, func(m image) { m[sealedLog] = m[sealedLog][:batchAt(m, sealedLog, 5)] }, fault, sealedIndex, "past the last batch"},
	{"cut to nothing", true, func(m image) { m[sealedLog] = nil }, fault, sealedTimes, "past the last batch"},
	{"no length", false, change(sealedLog, 2, func(b record.Batch) { binary.BigEndian.PutUint32(b[8:], 0) }), fault, sealedLog, "not checked"},
	{"length too large", false, change(sealedLog, 2, func(b record.Batch) { b[9] = 1 }), fault, sealedLog, "cut in mid-batch"},
	{"magic 1", false, change(sealedLog, 2, func(b record.Batch) { b[16] = 1 }), fault, sealedLog, "0 or 1"},
	{"offset goes back", false, change(sealedLog, 2, func(b record.Batch) { b.SetBaseOffset(20) }), fault, sealedLog, "goes back"},
	{"offset before the segment", false, change(sealedLog, 0, func(b record.Batch) { b.SetBaseOffset(3) }), fault, sealedLog, "cannot lie"},
	{"offset in the next segment", false, change(sealedLog, 5, func(b record.Batch) { b.SetBaseOffset(35) }), fault, sealedLog, "reach into"},
	{"offset far away", false, change(lastLog, 5, func(b record.Batch) { b.SetBaseOffset(1 << 40) }), fault, lastLog, "cannot lie"},
	{"offset beyond all", false, change(lastLog, 5, func(b record.Batch) { b.SetBaseOffset(1<<63 - 1) }), fault, lastLog, "cannot lie"},
	{"leader epoch goes back", false, change(sealedLog, 2, func(b record.Batch) { b.SetLeaderEpoch(3) }), note, sealedLog, "leader epoch"},

	{"last segment torn", true, cut(lastLog, 5), note, lastLog, "torn"},
	{"last segment torn, closed cleanly", false, cut(lastLog, 5), fault, lastLog, "cut in mid-batch"},
	{"last segment flipped", true, flip(lastLog, -1), note, lastLog, "torn"},
	{"last segment flipped, closed cleanly", false, flip(lastLog, -1), fault, lastLog, "CRC"},
	{"last segment flipped below the recovery point", true, flip(lastLog, 70), fault, lastLog, "CRC"},
	{"zeros behind the last batch", true, func(m image) { m[lastLog] = append(m[lastLog], make([]byte, 500)...) }, note, lastLog, "torn"},
	{"last segment cut between batches", false, func(m image) { m[lastLog] = m[lastLog][:batchAt(m, lastLog, 5)] }, fault, lastLog, "below what was synced"},
	{"last segment cut below the recovery point", true, func(m image) { m[lastLog] = nil }, fault, lastLog, "below what was synced"},
	{"a segment is gone", false, func(m image) { delete(m, sealedLog); delete(m, sealedIndex); delete(m, sealedTimes) }, note, lastLog, "1 gaps between offsets, the first at 18"},
	{"no segment", true, func(m image) {
		for name := range m {
			if strings.HasSuffix(name, ".log") {
				delete(m, name)
			}
		}
	}, note, imageDir, "no segment"},
}

var indexDamages = []damage{
	{"offset changed", true, flip(sealedIndex, 11), fault, sealedIndex, "names offset"},
	{"position changed", true, flip(sealedIndex, 15), fault, sealedIndex, "no batch begins at"},
	{"entries swapped", true, swapEntries(sealedIndex, 8), fault, sealedIndex, "corrupt"},
	{"cut inside an entry", false, cut(sealedIndex, 3), fault, sealedIndex, "corrupt"},
	{"entry past the end", false, func(m image) { m[sealedIndex] = append(m[sealedIndex], 0, 0, 1, 0, 0, 1, 0, 0) }, fault, sealedIndex, "past the last batch"},
	{"missing", true, remove(sealedIndex), fault, sealedIndex, "missing"},
	{"last segment's, rebuilt at a start", true, func(m image) { flip(lastIndex, -1)(m); m["recovery-point-offset-checkpoint"] = nil }, note, lastIndex, "past the last batch"},
	{"last segment's missing, rebuilt at a start", true, func(m image) { remove(lastIndex)(m); m["recovery-point-offset-checkpoint"] = nil }, note, lastIndex, "missing"},
	{"last segment's, closed cleanly", false, flip(lastIndex, -1), fault, lastIndex, "past the last batch"},
	{"padded with zeros", true, func(m image) { m[lastIndex] = append(m[lastIndex], make([]byte, 800)...) }, note, lastIndex, "800 bytes of zeros"},
	{"sealed one padded with zeros", true, func(m image) { m[sealedIndex] = append(m[sealedIndex], make([]byte, 800)...) }, note, sealedIndex, "800 bytes of zeros"},

	{"timestamp changed", true, flip(sealedTimes, 19), fault, sealedTimes, "names timestamp"},
	{"time's offset changed", true, flip(sealedTimes, 23), fault, sealedTimes, "no batch ends at"},
	{"time entries swapped", true, swapEntries(sealedTimes, 12), fault, sealedTimes, "corrupt"},
	{"time index cut inside an entry", false, cut(sealedTimes, 3), fault, sealedTimes, "corrupt"},
	{"final time entry missing", true, cut(sealedTimes, 12), fault, sealedTimes, "last entry is at"},
	{"final time entry missing above the recovery point", true, func(m image) { cut(sealedTimes, 12)(m); m["recovery-point-offset-checkpoint"] = nil }, note, sealedTimes, "last entry is at"},
	{"final time entry missing in the last segment", false, cut(lastTimes, 12), fault, lastTimes, "last entry is at"},
	{"time index missing", true, remove(sealedTimes), fault, sealedTimes, "missing"},
	{"time entry past the end", false, func(m image) {
		m[sealedTimes] = append(m[sealedTimes], 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0)
	}, fault, sealedTimes, "past the last batch"},
	{"larger timestamp before an entry", false, func(m image) {
		b := record.Batch(m[sealedLog])
		b.SetMaxTimestamp(imageTimestamp + 1000)
		whole, _, _ := record.Next(b)
		whole.SetCRC(whole.ComputeCRC())
	}, fault, sealedTimes, "but there is one of"},

	{"transaction of version 1", true, func(m image) {
		m[sealedName+".txnindex"] = imageAborted(1, imageProducer, imageTxnFirst, imageTxnAbort)
	}, fault, sealedName + ".txnindex", "version"},
	{"transaction past the end", true, func(m image) { m[sealedName+".txnindex"] = imageAborted(0, imageProducer, imageTxnFirst, 36) }, fault, sealedName + ".txnindex", "past the segment's end"},
	{"transaction of nobody", true, func(m image) { m[sealedName+".txnindex"] = imageAborted(0, imageProducer, imageTxnFirst, 24) }, fault, sealedName + ".txnindex", "where no abort marker is"},
	{"transaction of another", true, func(m image) { m[sealedName+".txnindex"] = imageAborted(0, 6, imageTxnFirst, imageTxnAbort) }, fault, sealedName + ".txnindex", "names producer 6"},
	{"transaction that begins late", true, func(m image) {
		m[sealedName+".txnindex"] = imageAborted(0, imageProducer, imageTxnFirst+1, imageTxnAbort)
	}, fault, sealedName + ".txnindex", "begin at 22, but it began at 21"},
	{"transaction that begins early", true, func(m image) {
		m[sealedName+".txnindex"] = imageAborted(0, imageProducer, imageTxnFirst-1, imageTxnAbort)
	}, fault, sealedName + ".txnindex", "begin at 20, but it began at 21"},
	{"transaction with a late last stable offset", true, func(m image) { m[sealedName+".txnindex"][33]++ }, fault, sealedName + ".txnindex", "but it was 31"},
	{"transaction index lacks one", true, func(m image) { delete(m, sealedName+".txnindex") }, fault, sealedName + ".txnindex", "lacks the transaction of producer 5 from 21"},
	{"transaction that never began", true, func(m image) {
		change(sealedLog, 1, func(b record.Batch) {
			whole, _, _ := record.Next(b)
			whole.SetAttributes(whole.Attributes() &^ 0x10)
			whole.SetCRC(whole.ComputeCRC())
		})(m)
	}, fault, sealedName + ".txnindex", "that never began"},
	{"transaction index without segment", false, func(m image) { m[imageDir+"/00000000000000000007.txnindex"] = nil }, note, imageDir + "/00000000000000000007.txnindex", "without a segment"},
}

var besideDamages = []damage{
	{"snapshot's CRC", false, flip(snapshot, 9), fault, snapshot, "checksum"},
	{"snapshot above the recovery point", true, flip(snapshot, 9), note, snapshot, "checksum"},
	{"snapshot cut", false, cut(snapshot, 3), fault, snapshot, "malformed"},
	{"epochs go back", false, put(imageDir+"/leader-epoch-checkpoint", "0\n2\n4 0\n3 7\n"), fault, imageDir + "/leader-epoch-checkpoint", "goes back"},
	{"epochs of a wrong count", false, put(imageDir+"/leader-epoch-checkpoint", "0\n2\n4 0\n"), fault, imageDir + "/leader-epoch-checkpoint", "count"},
	{"epoch past the end", true, put(imageDir+"/leader-epoch-checkpoint", "0\n1\n4 99\n"), note, imageDir + "/leader-epoch-checkpoint", "past the log's end"},
	{"topic id", false, put(imageDir+"/partition.metadata", "version: 0\ntopic_id: ?"), fault, imageDir + "/partition.metadata", "topic id"},

	{"recovery points", false, put("recovery-point-offset-checkpoint", "0\n2\nt 0 54\n"), fault, "recovery-point-offset-checkpoint", "malformed"},
	{"start offsets", false, put("log-start-offset-checkpoint", "1\n0\n"), fault, "log-start-offset-checkpoint", "malformed"},
	{"high watermarks", false, put("replication-offset-checkpoint", "0\n1\nt x 5\n"), fault, "replication-offset-checkpoint", "malformed"},
	{"cleaner offsets", false, put("cleaner-offset-checkpoint", ""), fault, "cleaner-offset-checkpoint", "malformed"},
	{"start past the end", true, put("log-start-offset-checkpoint", "0\n1\nt 0 55\n"), fault, lastLog, "below the start offset"},
	{"high watermark past the end", true, put("replication-offset-checkpoint", "0\n1\nt 0 55\n"), note, lastLog, "below the high watermark"},
	{"high watermark past the end, closed cleanly", false, put("replication-offset-checkpoint", "0\n1\nt 0 55\n"), fault, lastLog, "below the high watermark"},

	{"properties of an unknown version", false, put("meta.properties", "version=7\n"), fault, "meta.properties", "version"},
	{"properties without node", false, put("meta.properties", "version=1\ncluster.id=c\n"), fault, "meta.properties", "node.id"},
	{"properties that are none", false, put("meta.properties", "version=1\nhello\n"), fault, "meta.properties", "hello"},
	{"clean marker", false, put(".kafka_cleanshutdown", "x"), note, ".kafka_cleanshutdown", "version"},

	{"unknown file", false, put("hello", ""), note, "hello", "unknown"},
	{"temporary file", false, put("meta.properties.tmp", ""), note, "meta.properties.tmp", "left over"},
	{"unknown directory", false, put("hello/.", ""), note, "hello", "does not start"},
	{"deleted partition", false, put("t-1.00-delete/hello", ""), note, "t-1.00-delete", "left alone"},
	{"stray partition", false, put("t-1-stray/00000000000000000000.log", "x"), note, "t-1-stray", "left alone"},
	{"future partition", false, put("t-1-future/00000000000000000000.log", "x"), note, "t-1-future", "left alone"},
	{"unknown file of a partition", false, put(imageDir+"/hello", ""), note, imageDir + "/hello", "unknown"},
	{"deleted segment", false, put(sealedLog+".deleted", ""), note, imageDir, "1 deleted files"},
	{"half a compaction", false, put(sealedLog+".cleaned", ""), note, sealedLog + ".cleaned", "unfinished"},
	{"a compaction to finish", false, put(sealedLog+".swap", ""), note, sealedLog + ".swap", "unfinished"},
	{"temporary file of a partition", false, put(imageDir+"/leader-epoch-checkpoint.tmp", ""), note, imageDir + "/leader-epoch-checkpoint.tmp", "left over"},
	{"what recovery cut", false, put(sealedName+".cut", ""), note, sealedName + ".cut", "recovery cut"},
}

func TestCheckFindsDamageAndTellsFaultFromNote(t *testing.T) {
	for kind, damages := range map[string][]damage{"data": dataDamages, "index": indexDamages, "beside": besideDamages} {
		for _, d := range damages {
			t.Run(kind+"/"+d.name, func(t *testing.T) {
				m := soundImage(t)
				if d.dirty {
					delete(m, ".kafka_cleanshutdown")
					m["recovery-point-offset-checkpoint"] = []byte("0\n1\nt 0 40\n")
				}
				d.do(m)
				if m["recovery-point-offset-checkpoint"] == nil {
					delete(m, "recovery-point-offset-checkpoint")
				}
				r := check(t, m, ".", logstore.CheckOptions{})
				found := false
				for _, f := range r.Findings {
					found = found || f.Severity == d.want && f.File == d.file && strings.Contains(f.Text, d.text)
				}
				if !found || d.want == note && r.Faults() > 0 {
					t.Errorf("want %v in %s: %q, found %v", d.want, d.file, d.text, r.Findings)
				}
			})
		}
	}
}

// TestCheckOfWhatTheEngineWrote looks at a store's directory after a clean close,
// after kill -9 and once that was recovered.
func TestCheckOfWhatTheEngineWrote(t *testing.T) {
	h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 1000, 200 })
	l := h.log()
	want := func(when string, fsys vfs.FS, findings bool) {
		t.Helper()
		r, err := logstore.Check(fsys, "data", logstore.CheckOptions{Deep: true})
		must(t, err)
		if r.Faults() > 0 || !findings && len(r.Findings) > 0 || r.Segments < 3 || r.Partitions != 1 || r.Records != l.Offset(logstore.LogEnd) {
			t.Errorf("%s: %+v", when, r)
		}
	}
	for round := range 3 {
		for i := range 40 {
			h.append(l, fmt.Sprint(i), 1+i%5)
			if i == 20 {
				h.store.Housekeep(h.clock.Now())
			}
		}
		want(fmt.Sprint("killed in round ", round), h.mem.Clone(), true)
		must(t, h.store.Close())
		want(fmt.Sprint("closed in round ", round), h.mem, false)
		h.open()
		var err error
		l, err = h.store.Log(tp)
		must(t, err)
		h.append(l, "killed", 2)
		l = h.kill()
		want(fmt.Sprint("recovered in round ", round), h.mem.Clone(), true)
	}
}

func TestCheckGivesThePositionAndGoesOn(t *testing.T) {
	m := soundImage(t)
	at := int64(batchAt(m, sealedLog, 3))
	flip(sealedLog, int(at)+70)(m)
	flip(imageDir+"/00000000000000000000.log", 70)(m)
	r := check(t, m, ".", logstore.CheckOptions{})
	if r.Faults() != 2 || r.Batches != 18 || r.Findings[0].Offset != 0 || r.Findings[1].Offset != at {
		t.Errorf("%v", r.Findings)
	}
	if got := r.Findings[1].String(); !strings.HasPrefix(got, fmt.Sprintf("fault: %s at byte %d: ", sealedLog, at)) {
		t.Error(got)
	}
}

func TestCheckAcceptsWhatCompactionLeaves(t *testing.T) {
	m := soundImage(t)
	first := imageDir + "/00000000000000000000"
	m[first+".log"], m[first+".index"], m[first+".timeindex"] = nil, nil, nil
	m.segment(t, imageDir, 18, record.Zstd, 0, 2, 3)
	r := check(t, m, ".", logstore.CheckOptions{Deep: true})
	if r.Faults() > 0 || len(r.Findings) != 1 || r.Batches != 9 {
		t.Errorf("%v", r.Findings)
	}
	// An empty segment needs no index.
	delete(m, first+".index")
	delete(m, first+".timeindex")
	if r := check(t, m, ".", logstore.CheckOptions{}); r.Faults() > 0 {
		t.Errorf("%v", r.Findings)
	}
}

func TestCheckDeepWalksRecords(t *testing.T) {
	lie := func(b record.Batch) {
		whole, _, err := record.Next(b)
		must(t, err)
		whole.SetMaxTimestamp(imageTimestamp + 500)
		whole.SetCRC(whole.ComputeCRC())
	}
	shred := func(b record.Batch) {
		whole, _, err := record.Next(b)
		must(t, err)
		whole[len(whole)-1] = 2 // a header that is not there
		whole.SetCRC(whole.ComputeCRC())
	}
	for _, c := range []struct {
		name string
		file string
		set  func(record.Batch)
		o    logstore.CheckOptions
		want logstore.Severity
		text string
	}{
		{"lying max timestamp", lastLog, lie, logstore.CheckOptions{}, fault, "max timestamp is"},
		{"lying max timestamp of a compressed batch", sealedLog, lie, logstore.CheckOptions{}, note, "max timestamp is"},
		{"malformed record", lastLog, shred, logstore.CheckOptions{}, fault, "malformed"},
		{"bomb", sealedLog, func(record.Batch) {}, logstore.CheckOptions{DecompressedBytesMax: 10}, fault, "too large"},
	} {
		m := soundImage(t)
		change(c.file, 0, c.set)(m)
		for _, deep := range []bool{false, true} {
			c.o.Deep = deep
			found := false
			for _, f := range check(t, m, ".", c.o).Findings {
				found = found || f.Severity == c.want && f.File == c.file && strings.Contains(f.Text, c.text)
			}
			if found != deep {
				t.Errorf("%s, deep %v: found %v", c.name, deep, found)
			}
		}
	}
}

// TestCheckOfABatchLargerThanItsWindow has one of 3 MiB.
func TestCheckOfABatchLargerThanItsWindow(t *testing.T) {
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(imageTimestamp, nil, make([]byte, 3<<20))
	batch, err := b.Finish()
	must(t, err)
	m := image{"p-0/00000000000000000000.log": batch, "p-0/00000000000000000000.index": nil, "p-0/00000000000000000000.timeindex": nil}
	var done int64
	o := logstore.CheckOptions{Deep: true, Progress: func(p logstore.CheckProgress) error { done = p.Done; return nil }}
	if r := check(t, m, "p-0", o); len(r.Findings) > 0 || r.Records != 1 || done != int64(len(batch)) {
		t.Errorf("%v, %d bytes done", r.Findings, done)
	}
	batch[2<<20] ^= 1
	m["p-0/00000000000000000001.log"], m["p-0/00000000000000000001.index"], m["p-0/00000000000000000001.timeindex"] = nil, nil, nil
	if r := check(t, m, "p-0", o); r.Faults() == 0 || !strings.Contains(r.Findings[0].Text, "CRC") {
		t.Errorf("%v", r.Findings)
	}
}

func TestCheckBoundsWhatItFinds(t *testing.T) {
	m := image{"p-0/00000000000000000000.index": nil, "p-0/00000000000000000000.timeindex": nil}
	var data, offsets []byte
	for i := range int64(500) {
		b := record.NewBuilder(record.BuilderOptions{BaseOffset: i})
		b.Append(-1, nil, nil)
		batch, err := b.Finish()
		must(t, err)
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(i+1))
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(len(data)))
		data = append(data, batch...)
	}
	m["p-0/00000000000000000000.log"], m["p-0/00000000000000000000.index"] = data, offsets
	r := check(t, m, "p-0", logstore.CheckOptions{})
	if n := len(r.Findings); n != 20 || !strings.Contains(r.Findings[n-1].Text, "and more") {
		t.Errorf("%d findings", n)
	}
}

func TestCheckRefusesWhatIsNoLogDirectory(t *testing.T) {
	m := image{"some/file": nil}
	for _, dir := range []string{"some", "other"} {
		if _, err := logstore.Check(m.fs(t), dir, logstore.CheckOptions{}); !errors.Is(err, logstore.ErrNotFound) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestCheckEndsWhenItsProgressFails(t *testing.T) {
	stop := errors.New("stop")
	_, err := logstore.Check(soundImage(t).fs(t), ".", logstore.CheckOptions{Progress: func(p logstore.CheckProgress) error {
		if p.Done <= 0 || p.Done > p.Total || p.File == "" {
			t.Errorf("%+v", p)
		}
		return stop
	}})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestCheckReportsWhatCannotBeRead(t *testing.T) {
	for _, file := range []string{sealedLog, sealedIndex, sealedTimes, snapshot, "meta.properties", "cleaner-offset-checkpoint", sealedName + ".txnindex"} {
		broken := vfs.NewFault(soundImage(t).fs(t))
		eio := errors.New("input/output error")
		broken.SetHook(func(op vfs.Op) error {
			if op.Name == file && op.Kind == vfs.OpRead {
				return eio
			}
			return nil
		})
		r, err := logstore.Check(broken, ".", logstore.CheckOptions{})
		must(t, err)
		found := false
		for _, f := range r.Findings {
			found = found || f.Severity == fault && f.File == file && strings.Contains(f.Text, eio.Error())
		}
		if !found {
			t.Errorf("%s: %v", file, r.Findings)
		}
	}
}
