package storage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"moldau/fuzz/corpus"
	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
)

// FuzzBeside opens a log beside whose sound segment lies one file of any content: a
// checkpoint of recovery points, start offsets, high watermarks or of the cleaner, the
// log's epochs, a producer snapshot, or the marker of a clean shutdown. It holds that
//
//   - no content makes the open fail or panic, and no batch is lost for it, but for
//     what a well-formed start offset drops;
//   - a checkpoint that is malformed counts as none, epochs are then those of the
//     batches, producers those of the segment;
//   - a recovery point behind the log's end makes it take no appends;
//   - a snapshot that is well-formed is believed at its offset, and no other is.
func FuzzBeside(f *testing.F) { besides.Fuzz(f) }

// The files beside a segment.
const (
	recoveryPoints = iota
	startOffsets
	highWatermarks
	cleanerOffsets
	epochFile
	snapshotFile
	cleanMarker
	besideKinds
)

var besides = target.New("FuzzBeside", func() (all []target.Seed, err error) {
	all, err = fromFiles(func(f corpus.File) []target.Seed {
		return []target.Seed{{Data: f.Content, Program: []byte{snapshotFile, 0}}, {Data: f.Content, Program: []byte{snapshotFile, 1, 0, 2, 1}}}
	}, ".snapshot")()
	for kind := range byte(besideKinds) {
		all = append(all,
			target.Seed{Data: []byte("0\n1\nt 0 6\n"), Program: []byte{kind, 0, 0}},
			target.Seed{Data: []byte("0\n2\nother 3 4\nt 0 99\n"), Program: []byte{kind, 1, 0}},
			target.Seed{Data: []byte("0\n2\nt 0 3\n"), Program: []byte{kind, 0, 0}}, // which has lost a line
			target.Seed{Data: []byte("0\n2\n0 0\n3 6\n"), Program: []byte{kind, 0, 1, 3}},
			target.Seed{Data: naive.Snapshot([]naive.Producer{{ID: 4, LastSequence: 2, LastOffset: 8, TxnFirst: 3}}, map[int64]int32{4: 1}), Program: []byte{kind, 1, 0}})
	}
	return all, err
}, func(t testing.TB, data, program []byte) target.Class {
	p := mutate.NewProgram(program)
	kind := p.Below(besideKinds)
	base := int64(p.Below(2) * 5)
	b := &beside{kind: kind, want: besideSegment(t, base), content: bytes.Clone(data[:min(len(data), mutate.BytesMax)])}
	damages := p.Below(3)
	for range damages {
		b.content = mutate.Rot(b.content, p)
	}
	if kind == snapshotFile && len(b.content) >= 10 && !p.One(6) {
		binary.BigEndian.PutUint16(b.content, 1)
		binary.BigEndian.PutUint32(b.content[6:], uint32(len(b.content)-10)/46)
		b.content = b.content[:10+(len(b.content)-10)/46*46]
		binary.BigEndian.PutUint32(b.content[2:], crc32.Checksum(b.content[6:], crc32.MakeTable(crc32.Castagnoli)))
	}
	return b.check(t)
})

// beside is a segment, and a file of any content that lies beside it.
type beside struct {
	kind    int
	want    naive.Segment
	content []byte
}

// besideSegment is three batches of two epochs, of which the second is of a producer.
func besideSegment(t testing.TB, base int64) naive.Segment {
	var data []byte
	for i := range int64(3) {
		o := record.BuilderOptions{BaseOffset: base + 3*i, LeaderEpoch: int32(i / 2)}
		if i == 1 {
			o.Producer = &record.Producer{ID: 4}
		}
		b := record.NewBuilder(o)
		for range 3 {
			b.Append(1_700_000_000_000+i, nil, []byte("value"))
		}
		batch, err := b.Finish()
		must(t, err)
		data = append(data, batch...)
	}
	return naive.ReadSegment(data, base)
}

func (b *beside) name() string {
	switch b.kind {
	case recoveryPoints:
		return "data/logs/recovery-point-offset-checkpoint"
	case startOffsets:
		return "data/logs/log-start-offset-checkpoint"
	case highWatermarks:
		return "data/logs/replication-offset-checkpoint"
	case cleanerOffsets:
		return "data/logs/cleaner-offset-checkpoint"
	case epochFile:
		return logDir + "/leader-epoch-checkpoint"
	case snapshotFile:
		return fileOf(b.want.End, ".snapshot")
	}
	return "data/logs/.kafka_cleanshutdown"
}

func (b *beside) check(t testing.TB) target.Class {
	var data []byte
	for _, batch := range b.want.Batches {
		data = append(data, batch.Bytes...)
	}
	offsets, times := b.want.Index(intervalBytes)
	files := map[string][]byte{fileOf(b.want.Base, ".log"): data, fileOf(b.want.Base, ".index"): offsets, fileOf(b.want.Base, ".timeindex"): times}
	if b.kind == snapshotFile { // which is looked at only below a recovery point
		files["data/logs/recovery-point-offset-checkpoint"] = fmt.Appendf(nil, "0\n1\nt 0 %d\n", b.want.End)
	}
	files[b.name()] = b.content
	m := image(t, files)
	s, l := openStore(t, m)
	defer func() { _ = s.Close() }()
	point, pointErr := naive.ReadCheckpoint(string(b.content), tp.Topic, int(tp.Partition))
	start, end := b.want.Base, b.want.End
	switch {
	case b.kind == startOffsets && pointErr == nil:
		if start = max(start, point); start > end {
			end = start
		}
	case b.kind == recoveryPoints && pointErr == nil && point > end:
		if l.Err() == nil {
			t.Fatalf("the recovery point is %d, the log ends at %d and takes appends", point, end)
		}
		b.checkBatches(t, l, start, end)
		return target.Deep
	}
	must(t, l.Err())
	b.checkBatches(t, l, start, end)
	if b.kind == epochFile && start < end {
		// Read off the batches, whatever a file said of offsets above the recovery point.
		if got := l.EpochOf(b.want.Base + 7); got != 1 || l.EpochOf(b.want.Base) != 0 {
			t.Fatalf("the last batch is of epoch %d", got)
		}
	}
	class := target.Accepted
	if b.kind == snapshotFile && !b.checkSnapshot(t, l) || b.kind < epochFile && pointErr != nil {
		class = target.Early
	}
	if _, err := l.Append(context.Background(), record.Record{Value: []byte("after")}); err != nil && end < 1<<62 {
		t.Fatal(err)
	}
	return class
}

func (b *beside) checkBatches(t testing.TB, l *logstore.Log, start, end int64) {
	if l.StartOffset() != start || l.Offset(logstore.LogEnd) != end {
		t.Fatalf("the log is from %d to %d, want %d to %d", l.StartOffset(), l.Offset(logstore.LogEnd), start, end)
	}
	i := 0
	for i < len(b.want.Batches) && b.want.Batches[i].Last < start {
		i++
	}
	for batch, err := range l.Batches(context.Background(), start, logstore.LogEnd) {
		must(t, err)
		if i >= len(b.want.Batches) || !bytes.Equal(batch, b.want.Batches[i].Bytes) {
			t.Fatalf("batch %d is not what was written", i)
		}
		i++
	}
	if i != len(b.want.Batches) {
		t.Fatalf("%d batches, want %d", i, len(b.want.Batches))
	}
}

// checkSnapshot tells whether the snapshot was to be believed.
func (b *beside) checkSnapshot(t testing.TB, l *logstore.Log) bool {
	byID, err := naive.ReadSnapshot(b.content)
	var want []naive.Producer
	if err == nil {
		for _, id := range slices.Sorted(maps.Keys(byID)) {
			want = append(want, byID[id])
		}
	} else {
		want = naive.Follow(b.want.Batches, unpackNaive).Producers
	}
	found, err2 := l.Producers()
	must(t, err2)
	var got []naive.Producer
	for _, p := range found {
		got = append(got, naive.Producer{ID: p.ID, Epoch: p.Epoch, LastSequence: p.LastSequence, LastOffset: p.LastOffset, Timestamp: p.LastTimestampMs, CoordinatorEpoch: p.CoordinatorEpoch, TxnFirst: p.TransactionFirst})
	}
	if !slices.Equal(got, want) {
		t.Fatalf("producers are %+v, want %+v (%v)", got, want, err)
	}
	return err == nil
}
