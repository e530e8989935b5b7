package logstore_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A repair raises the recovery point of a log to its end. What a start would have
// built from the batches above the old one it has to build itself.

// uncleanDamages are what a store that was killed is found with: t-0 is quarantined,
// and a part of it above the recovery point is lost.
var uncleanDamages = map[string]func(t *testing.T, h *harness, l, u *logstore.Log) *vfs.Mem{
	"rot in a segment before": func(t *testing.T, h *harness, _, _ *logstore.Log) *vfs.Mem {
		m := imageOf(t, h.mem.Crash(), ".")
		first := logFiles(m, "data/logs/t-0")[0]
		flipBit(m, first, batchAt(m, first, 2)+70)
		return m.durable(t)
	},
	"ends short of its journal": func(t *testing.T, h *harness, l, u *logstore.Log) *vfs.Mem {
		h.appendDurably(l, "acknowledged", 1)
		h.appendDurably(u, "later", 1)
		mem, rotten := h.mem.Crash(), false
		for _, name := range filesIn(t, mem, "data/moldau/journal", ".journal") {
			b := readAll(t, mem, name)
			if at := bytes.Index(b, []byte("acknowledged-0")); at >= 0 {
				overwrite(t, mem, name, withByte(b, at, b[at]^1))
				rotten = true
			}
		}
		if !rotten {
			t.Fatal("it is in no journal")
		}
		return mem
	},
}

// repairedUnclean damages a store with an aborted transaction and a leader epoch
// above the recovery point, repairs it, and returns the log once more.
func repairedUnclean(t *testing.T, damage func(*testing.T, *harness, *logstore.Log, *logstore.Log) *vfs.Mem) (*logstore.Log, logstore.AbortedTransaction) {
	t.Helper()
	h := newJournalHarness(t, 3, func(c *logstore.Config) { c.SegmentBytes = 400 })
	old, aborted := killedImage(t, h, damage)
	mem := old.durable(t)
	r := repair(t, mem, "data")
	if !r.Unclean || len(r.Remaining) > 0 || len(r.Lost()) != 1 {
		t.Fatalf("%+v %v", r, r.Lost())
	}
	wantMended(t, mem, nil, r)
	o := h.openTree(t, mem)
	must(t, o.log.Err())
	return o.log, aborted
}

// killedImage is the damaged store.
func killedImage(t *testing.T, h *harness, damage func(*testing.T, *harness, *logstore.Log, *logstore.Log) *vfs.Mem) (image, logstore.AbortedTransaction) {
	t.Helper()
	l, u := h.log(), h.another()
	h.appendDurably(u, "0", 1)
	appendIn(t, h, l, 1)
	must(t, h.store.Checkpoint())
	p := &txn{h: h, id: 1}
	first := p.write(l, 1).First
	appendIn(t, h, l, 1, 1, 1, 1, 4)
	last := p.end(l, false).Last
	must(t, l.Wait(t.Context(), logstore.HighWatermark, last+1))
	if n := len(l.Segments()); n < 2 {
		t.Fatalf("%d segments", n)
	}
	must(t, h.store.CutJournal()) // synced, and noted
	return imageOf(t, damage(t, h, l, u), "."), logstore.AbortedTransaction{ProducerID: 1, First: first, Last: last}
}

// A recovery point file that cannot be read says nothing; once it can be read again it
// must say that it is ours, or the journal would count for nothing.
func TestRepairOfRecoveryPointsKeepsWhatTheJournalHolds(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "without our mark": "0\n3\nmo dau! 0 0\nt 0 0\nu 0 0\n"} {
		t.Run(name, func(t *testing.T) {
			h := newJournalHarness(t, 3, nil)
			l, u := h.log(), h.another()
			h.appendDurably(u, "0", 1)
			h.appendDurably(l, "acknowledged", 1)
			mem := h.mem.Crash()
			overwrite(t, mem, "data/logs/recovery-point-offset-checkpoint", []byte(text))
			if r := repair(t, mem, "data"); !r.Unclean || len(r.Remaining) > 0 {
				t.Fatalf("%+v", r)
			}
			o := h.openTree(t, mem)
			must(t, o.log.Err())
			wantValues(t, values(t, o.log, logstore.LogEnd), "acknowledged-0")
		})
	}
}

// The start that finds the log to be corrupt has dropped the transaction indexes
// above the recovery point already.
func TestRepairKeepsAbortedWhatAStartForgot(t *testing.T) {
	for name, damage := range uncleanDamages {
		t.Run(name, func(t *testing.T) {
			l, aborted := repairedUnclean(t, damage)
			wantAborted(t, l, 0, l.Offset(logstore.LogEnd), aborted)
			if slices.Contains(values(t, l, logstore.LastStable), "1.0.0-0") {
				t.Error("a record that was aborted reads as committed")
			}
		})
	}
}

// The start cannot read the marker that the index ends with, and drops that; the
// repair can mend the marker.
func TestRepairKeepsAbortedByAMarkerThatItMends(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	p := &txn{h: h, id: 1}
	p.write(l, 1) // 0
	p.end(l, false)
	settled(t, l, 2)
	must(t, h.store.Checkpoint())
	m := imageOf(t, h.mem.Crash(), ".")
	flipBit(m, firstLog, batchAt(m, firstLog, 1)+11)
	mem := m.durable(t)
	if r := repair(t, mem, "data"); len(r.Remaining) > 0 || len(r.Lost()) > 0 {
		t.Fatalf("%+v %v", r.Remaining, r.Lost())
	}
	wantMended(t, mem, nil)
	wantAborted(t, h.openTree(t, mem).log, 0, 2, logstore.AbortedTransaction{ProducerID: 1, First: 0, Last: 1})
}

// txnBatch is a batch of a transaction, or, with end, what ends it.
func txnBatch(t *testing.T, base, producer int64, epoch int32, end ...record.ControlType) []byte {
	t.Helper()
	o := record.BuilderOptions{BaseOffset: base, LeaderEpoch: epoch, Transactional: true, Producer: &record.Producer{ID: producer}}
	key, value := []byte("k"), []byte("v")
	if len(end) > 0 {
		o.Control, o.Producer.BaseSequence = true, -1
		key, value = record.ControlKey(end[0]), record.EndOfTransaction(0)
	}
	b := record.NewBuilder(o)
	b.Append(imageTimestamp+base, key, value)
	batch, err := b.Finish()
	must(t, err)
	return bytes.Clone(batch)
}

// txnEntries is a transaction index: producer, first and last offset, and the last
// stable one, of each entry.
func txnEntries(entries ...[4]uint64) (b []byte) {
	for _, e := range entries {
		b = binary.BigEndian.AppendUint16(b, 0)
		for _, v := range e {
			b = binary.BigEndian.AppendUint64(b, v)
		}
	}
	return b
}

const (
	uncleanFirst  = "kafka/t-0/00000000000000000000"
	uncleanSecond = "kafka/t-0/00000000000000000002"
	uncleanThird  = "kafka/t-0/00000000000000000007"
	uncleanPoint  = "kafka/recovery-point-offset-checkpoint"
	uncleanEpochs = "kafka/t-0/leader-epoch-checkpoint"
)

// uncleanImage is a log directory of Kafka's that was not closed, of a log that ends
// at 8. In its second segment the marker at 4 has rotted, and is in the index; the
// one at 5 is not; and the index names one that is nowhere.
func uncleanImage(t *testing.T) image {
	abort, commit := record.ControlAbort, record.ControlCommit
	m := image{
		"kafka/meta.properties": []byte("#\nversion=1\ncluster.id=c\nnode.id=1\n"),
		uncleanPoint:            []byte("0\n1\nt 0 1\n"),
		uncleanEpochs:           []byte("0\n2\n0 0\n1 3\n"),

		uncleanFirst + ".log":       slices.Concat(txnBatch(t, 0, 1, 0), txnBatch(t, 1, 1, 0, abort)),
		uncleanFirst + ".txnindex":  txnEntries([4]uint64{1, 0, 1, 2}),
		uncleanSecond + ".log":      slices.Concat(txnBatch(t, 2, 2, 0), txnBatch(t, 3, 3, 1), txnBatch(t, 4, 2, 1, abort), txnBatch(t, 5, 3, 1, abort), txnBatch(t, 6, 4, 1)),
		uncleanSecond + ".txnindex": txnEntries([4]uint64{2, 2, 4, 3}, [4]uint64{9, 5, 77, 78}),
		uncleanThird + ".log":       txnBatch(t, 7, 4, 1, commit),
	}
	flipBit(m, uncleanSecond+".log", batchAt(m, uncleanSecond+".log", 2)+70)
	return m
}

// uncleanTxns is what the transaction index of the second segment is to be.
func uncleanTxns() []byte { return txnEntries([4]uint64{2, 2, 4, 3}, [4]uint64{3, 3, 5, 2}) }

// changedFiles are a receipt's changes of files whose names end so.
func changedFiles(r *logstore.Receipt, suffix string) (files []string) {
	for _, c := range r.Changes {
		if strings.HasSuffix(c.File, suffix) {
			files = append(files, c.File)
		}
	}
	return files
}

func TestRepairMergesTransactionIndexesWithMarkers(t *testing.T) {
	for _, past := range []bool{true, false} {
		m := uncleanImage(t)
		if !past {
			m[uncleanSecond+".txnindex"] = txnEntries([4]uint64{2, 2, 4, 3})
		}
		mem := m.fs(t)
		r := repair(t, mem, "kafka")
		if len(r.Remaining) > 0 || len(r.Lost()) != 1 || r.Lost()[0] != (logstore.Lost{Log: "t-0", First: 4, Last: 4, Records: 1}) {
			t.Fatalf("%+v %v", r, r.Lost())
		}
		if got := readAll(t, mem, uncleanSecond+".txnindex"); !bytes.Equal(got, uncleanTxns()) {
			t.Errorf("%x, want %x", got, uncleanTxns())
		}
		if files := changedFiles(r, ".txnindex"); !slices.Equal(files, []string{uncleanSecond + ".txnindex"}) || exists(t, mem, uncleanThird+".txnindex") {
			t.Errorf("changed %v", files)
		}
		if again := repair(t, mem, "kafka"); len(again.Changes) > 0 {
			t.Errorf("again: %+v", again.Changes[0])
		}
	}
}

// A commit marker that is lost makes the next abort no wider: what was committed stays so.
func TestRepairKeepsCommittedWhatHasLostItsMarker(t *testing.T) {
	m := uncleanImage(t)
	m[uncleanFirst+".log"] = slices.Concat(txnBatch(t, 0, 1, 0), txnBatch(t, 1, 1, 0, record.ControlCommit))
	delete(m, uncleanFirst+".txnindex")
	m[uncleanSecond+".log"] = slices.Concat(txnBatch(t, 2, 1, 0), txnBatch(t, 3, 1, 0, record.ControlAbort), txnBatch(t, 4, 4, 1))
	index := txnEntries([4]uint64{1, 2, 3, 4})
	m[uncleanSecond+".txnindex"] = index
	flipBit(m, uncleanFirst+".log", batchAt(m, uncleanFirst+".log", 1)+70)
	mem := m.fs(t)
	// The checker sees no marker between the two transactions, and says so.
	if r := repair(t, mem, "kafka"); len(r.Remaining) != 1 || !strings.Contains(r.Remaining[0].Text, "begin at 2, but it began at 0") || len(r.Lost()) != 1 {
		t.Fatalf("%+v %v", r.Remaining, r.Lost())
	}
	if got := readAll(t, mem, uncleanSecond+".txnindex"); !bytes.Equal(got, index) {
		t.Errorf("%x, want %x", got, index)
	}
	if again := repair(t, mem, "kafka"); len(again.Changes) > 0 {
		t.Errorf("again: %+v", again.Changes[0])
	}
}

// TestRepairRaisesRecoveryPointsLast loses power, or just the process, at every
// operation that changes anything: a recovery point is either the old one, and a
// start builds what is above it, or all is there.
func TestRepairRaisesRecoveryPointsLast(t *testing.T) {
	old := uncleanImage(t)
	whole := old.durable(t)
	repair(t, whole, "kafka")
	raised := readAll(t, whole, uncleanPoint)
	if bytes.Equal(raised, old[uncleanPoint]) {
		t.Fatal("the recovery point is not raised")
	}
	want := imageOf(t, whole, "kafka/t-0")
	if !bytes.Equal(want[uncleanSecond+".txnindex"], uncleanTxns()) {
		t.Fatal("the transaction index is not built")
	}
	wantWhole := func(mem *vfs.Mem) {
		t.Helper()
		switch point := readAll(t, mem, uncleanPoint); {
		case bytes.Equal(point, old[uncleanPoint]):
		case !bytes.Equal(point, raised):
			t.Fatalf("recovery point %q", point)
		default:
			wantImage(t, imageOf(t, mem, "kafka/t-0"), want)
		}
	}
	eachCrash(t, old, "kafka", func(mem *vfs.Mem) {
		wantWhole(mem)
		if r := repair(t, mem, "kafka"); len(r.Remaining) > 0 {
			t.Fatal(r.Remaining)
		}
		wantWhole(mem)
	})
}

// The file has the epochs of the last checkpoint, and a start those of the batches
// behind.
func TestRepairKeepsEpochsAboveTheRecoveryPoint(t *testing.T) {
	for name, damage := range uncleanDamages {
		t.Run(name, func(t *testing.T) {
			l, aborted := repairedUnclean(t, damage)
			wantEpochs(t, l, 4, asked{1, 1, aborted.Last - 1}, asked{3, 1, aborted.Last - 1}, asked{4, 4, l.Offset(logstore.LogEnd)})
		})
	}
}

// What the file says is kept, though no batch of it is left, as is what nothing is to
// be added to.
func TestRepairMergesEpochsWithBatchHeaders(t *testing.T) {
	for _, c := range []struct{ name, found, want string }{
		{"complete", "0\n2\n0 0\n1 3\n", "0\n2\n0 0\n1 3\n"},
		{"lacks the last", "0\n1\n0 0\n", "0\n2\n0 0\n1 3\n"},
		{"of no batch, at the end", "0\n3\n0 0\n1 3\n6 8\n", "0\n3\n0 0\n1 3\n6 8\n"},
		{"past the end", "0\n3\n0 0\n1 3\n6 9\n", "0\n2\n0 0\n1 3\n"},
		{"past the end, lacks one", "0\n2\n0 0\n6 9\n", "0\n2\n0 0\n1 3\n"},
		{"empty", "0\n0\n", "0\n2\n0 0\n1 3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := uncleanImage(t)
			m[uncleanEpochs] = []byte(c.found)
			if c.name == "empty" {
				m[uncleanPoint] = []byte("0\n1\nt 0 0\n")
			}
			mem := m.fs(t)
			r := repair(t, mem, "kafka")
			if got := string(readAll(t, mem, uncleanEpochs)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if n := len(changedFiles(r, "/leader-epoch-checkpoint")); n > 0 != (c.found != c.want) {
				t.Errorf("%d changes of it", n)
			}
			if again := repair(t, mem, "kafka"); len(again.Changes) > 0 || len(r.Remaining) > 0 {
				t.Errorf("again: %+v", again)
			}
		})
	}
}

// What a process wrote before kill -9 need not be on stable storage, and is vouched
// for by the recovery point.
func TestRepairSyncsTheTransactionIndexesThatItKeeps(t *testing.T) {
	m := uncleanImage(t)
	const kept = uncleanFirst + ".txnindex"
	content := m[kept]
	delete(m, kept)
	mem := m.durable(t)
	f, err := mem.OpenFile(kept, os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	_, err = f.WriteAt(content, 0)
	must(t, err)
	must(t, f.Close())
	if r := repair(t, mem, "kafka"); slices.Contains(changedFiles(r, ".txnindex"), kept) {
		t.Fatal("it is not kept")
	}
	if got := readAll(t, mem.Crash(), kept); !bytes.Equal(got, content) {
		t.Errorf("after a power cut it is %x, want %x", got, content)
	}
}
