package kraft_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server/kraft"
)

// golden is what Kafka 4.3.1 left, but for the partitions.
func golden(t *testing.T) *vfs.Mem {
	t.Helper()
	f, err := os.Open("../interchange/testdata/kafka-4.3.1.tar.gz")
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	fsys := vfs.NewMem()
	must(t, fsys.Mkdir("data", 0o755))
	must(t, fsys.Mkdir("data/"+kraft.MetadataDir, 0o755))
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return fsys
		}
		must(t, err)
		dir := path.Dir(head.Name)
		if head.Typeflag == tar.TypeDir || dir != "data" && dir != "data/"+kraft.MetadataDir {
			continue
		}
		b, err := io.ReadAll(r)
		must(t, err)
		must(t, kraft.WriteText(fsys, head.Name, string(b)))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, img *kraft.Image) string {
	t.Helper()
	var all []string
	for _, topic := range img.Topics() {
		all = append(all, fmt.Sprintf("%s/%d", topic.Name, len(topic.Partitions)))
	}
	return strings.Join(all, " ")
}

func TestReadsWhatKafkaLeft(t *testing.T) {
	fsys := golden(t)
	img, source, err := kraft.Read(fsys, "data")
	must(t, err)
	const want = "__consumer_offsets/3 __transaction_state/2 compacted/1 configured.by-hand_1/3 cut/1 empty/2 plain/2 transactions/1"
	if got := names(t, img); got != want {
		t.Errorf("topics are %s", got)
	}
	if source.Snapshot == "" || source.Torn != nil {
		t.Errorf("read from %+v", source)
	}
	if img.Features["metadata.version"] != 30 || img.Features["eligible.leader.replicas.version"] != 1 {
		t.Errorf("features are %v", img.Features)
	}
	if !img.Quotas["producer_byte_rate of user alice"] || !img.ScramUsers["alice SCRAM-SHA-256"] || img.NextProducerID == 0 {
		t.Errorf("quotas %v, users %v, next producer id %d", img.Quotas, img.ScramUsers, img.NextProducerID)
	}
	if got := img.Configs[kraft.Resource{Type: kraft.ResourceTopic, Name: "configured.by-hand_1"}]; got["retention.ms"] != "86400000000" || len(got) != 5 {
		t.Errorf("configs are %v", got)
	}
	topic, _ := img.Topic("plain")
	for n := range topic.Partitions {
		// A clean close takes the last replica out of the ISR, and keeps it eligible.
		if p := &topic.Partitions[n]; !slices.Equal(p.Replicas, []int32{1}) || p.LeaderEpoch < 1 || !slices.Contains(append(p.ISR, p.ELR...), 1) || !p.InSync(1) || p.InSync(2) {
			t.Errorf("partition %d is %+v", n, p)
		}
	}

	// The log alone tells the same as the snapshot and the rest of the log.
	must(t, fsys.Remove(source.Snapshot))
	alone, source, err := kraft.Read(fsys, "data")
	must(t, err)
	if source.Snapshot != "" || names(t, alone) != want || alone.End != img.End || alone.NextProducerID != img.NextProducerID || !maps.Equal(alone.Features, img.Features) {
		t.Errorf("the log alone, from %+v, tells %s up to %d", source, names(t, alone), alone.End)
	}
	for _, topic := range img.Topics() {
		other, _ := alone.Topic(topic.Name)
		for n := range topic.Partitions {
			if a, b := topic.Partitions[n], other.Partitions[n]; a.LeaderEpoch != b.LeaderEpoch || a.PartitionEpoch != b.PartitionEpoch || !slices.Equal(a.ISR, b.ISR) || !slices.Equal(a.ELR, b.ELR) {
				t.Errorf("%s-%d is %+v by the snapshot, %+v by the log", topic.Name, n, a, b)
			}
		}
	}
}

func TestBrokenSnapshotIsDoneWithout(t *testing.T) {
	fsys := golden(t)
	_, source, err := kraft.Read(fsys, "data")
	must(t, err)
	f, err := fsys.OpenFile(source.Snapshot, os.O_RDWR, 0)
	must(t, err)
	size, err := f.Size()
	must(t, err)
	must(t, f.Truncate(size-80)) // its footer
	must(t, f.Close())
	img, source, err := kraft.Read(fsys, "data")
	must(t, err)
	if source.Snapshot != "" || len(img.Topics()) != 8 {
		t.Errorf("from %+v: %s", source, names(t, img))
	}
}

// batches of the metadata log, for tests that write one by hand.
type logWriter struct {
	t      testing.TB
	fsys   *vfs.Mem
	offset int64
	bytes  []byte
}

func newLog(t testing.TB) *logWriter {
	w := &logWriter{t: t, fsys: vfs.NewMem()}
	must(t, w.fsys.Mkdir(kraft.MetadataDir, 0o755))
	return w
}

func (w *logWriter) append(values ...[]byte) {
	w.t.Helper()
	b := record.NewBuilder(record.BuilderOptions{BaseOffset: w.offset, LeaderEpoch: 1})
	for _, v := range values {
		b.Append(1000, nil, v)
	}
	batch, err := b.Finish()
	must(w.t, err)
	w.bytes = append(w.bytes, batch...)
	w.offset = batch.LastOffset() + 1
}

func (w *logWriter) read() (*kraft.Image, kraft.Source, error) {
	w.t.Helper()
	must(w.t, kraft.WriteText(w.fsys, kraft.MetadataDir+"/00000000000000000000.log", string(w.bytes)))
	return kraft.Read(w.fsys, ".")
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	must(t, err)
	return b
}

// topicRecord creates a topic, named by one letter.
func topicRecord(t testing.TB, letter byte) []byte {
	return unhex(t, fmt.Sprintf("01 02 00 02 %02x %032x 00", letter, letter))
}

var (
	beginTransaction = []byte{1, 23, 0, 0}
	endTransaction   = []byte{1, 24, 0, 0}
	abortTransaction = []byte{1, 25, 0, 0}
	noOp             = []byte{1, 20, 0, 0}
)

func TestTransactionsOfTheControllerCountWhenTheyEnd(t *testing.T) {
	w := newLog(t)
	w.append(topicRecord(t, 'a'), noOp)
	w.append(beginTransaction, topicRecord(t, 'b'))
	w.append(topicRecord(t, 'c'), endTransaction)
	w.append(beginTransaction, topicRecord(t, 'd'), abortTransaction)
	w.append(topicRecord(t, 'e'))
	w.append(beginTransaction, topicRecord(t, 'f'))
	img, _, err := w.read()
	must(t, err)
	if got := names(t, img); got != "a/0 b/0 c/0 e/0" || img.End != w.offset {
		t.Errorf("topics are %s up to offset %d", got, img.End)
	}
}

func TestTornEndIsTold(t *testing.T) {
	w := newLog(t)
	w.append(topicRecord(t, 'a'))
	whole := len(w.bytes)
	w.append(topicRecord(t, 'b'))
	w.bytes = w.bytes[:len(w.bytes)-1]
	img, source, err := w.read()
	must(t, err)
	if source.Torn == nil || source.Torn.At != int64(whole) || source.Torn.Bytes != int64(len(w.bytes)-whole) || names(t, img) != "a/0" {
		t.Errorf("%+v, topics %s", source.Torn, names(t, img))
	}
}

// A bad batch with a whole one behind it was whole once: it is told from an append
// that was cut short.
func TestRotIsToldFromATornEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		at   int // in the second batch
		cut  int // bytes at the end
		want bool
	}{
		{"in its records", 70, 0, true},
		{"in its length", 10, 0, true},
		{"in its version", 16, 0, true},
		{"with the batch behind torn", 70, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLog(t)
			w.append(topicRecord(t, 'a'))
			whole := len(w.bytes)
			w.append(topicRecord(t, 'b'))
			w.append(topicRecord(t, 'c'))
			w.bytes = w.bytes[:len(w.bytes)-c.cut]
			w.bytes[whole+c.at] ^= 1
			_, source, err := w.read()
			must(t, err)
			if source.Torn == nil || source.Torn.At != int64(whole) || source.Torn.Rot != c.want {
				t.Errorf("%+v, want rot at %d: %v", source.Torn, whole, c.want)
			}
		})
	}
}

func TestHoleInTheLogIsRefused(t *testing.T) {
	w := newLog(t)
	w.append(topicRecord(t, 'a'))
	w.offset = 5
	w.append(topicRecord(t, 'b'))
	if _, _, err := w.read(); err == nil || !strings.Contains(err.Error(), "records 1 to 4 are missing") {
		t.Errorf("%v", err)
	}
}

func TestUnknownAndMalformedRecordsAreRefused(t *testing.T) {
	topic := topicRecord(t, 'a')
	for name, value := range map[string][]byte{
		"empty":                {},
		"another frame":        append([]byte{2}, topic[1:]...),
		"an unknown type":      {1, 99, 0, 0},
		"an unknown version":   append([]byte{1, 2, 1}, topic[3:]...),
		"cut":                  topic[:len(topic)-3],
		"bytes behind the end": append(slices.Clone(topic), 0),
		"a topic twice":        nil,
		"a null name":          unhex(t, "01 02 00 00 00000000000000000000000000000061 00"),
		"a config's count":     unhex(t, "01 03 00 00000000 00000000000000000000000000000061 ffffff7f"),
		"an unknown topic":     unhex(t, "01 09 00 000000000000000000000000000000ff 00"),
	} {
		w := newLog(t)
		w.append(topic)
		if value == nil {
			value = topic
		}
		w.append(value)
		if img, _, err := w.read(); err == nil {
			t.Errorf("%s: accepted, topics %s", name, names(t, img))
		}
	}
}

func TestPartitionsWithoutARecordAreRefused(t *testing.T) {
	w := newLog(t)
	w.append(topicRecord(t, 'a'))
	var b []byte
	b = append(b, 1, 3, 0)
	b = binary.BigEndian.AppendUint32(b, 2)
	b = append(b, unhex(t, fmt.Sprintf("%032x 02 00000001 02 00000001 01 01 00000001 00000000 00000000 00", 'a'))...)
	w.append(b)
	if _, _, err := w.read(); err == nil || !strings.Contains(err.Error(), "no record describes partition 0") {
		t.Errorf("%v", err)
	}
}

func TestDirectoryWithoutMetadata(t *testing.T) {
	if _, _, err := kraft.Read(vfs.NewMem(), "."); !errors.Is(err, kraft.ErrNoMetadata) {
		t.Errorf("%v", err)
	}
}

// Whatever is in a record, reading it ends, and takes no memory that the bytes
// do not account for.
func FuzzRead(f *testing.F) {
	f.Add(topicRecord(f, 'b'))
	f.Add(unhex(f, "01 0c 00 11 6d65746164617461 2e76657273696f6e 001e 00"))
	f.Add(unhex(f, fmt.Sprintf("01 05 02 00000000 %032x 02 00 05 02 00000001 01 04 00000001", 'a')))
	f.Fuzz(func(t *testing.T, value []byte) {
		w := newLog(t)
		w.append(topicRecord(t, 'a'))
		w.append(value)
		img, _, err := w.read()
		if (img == nil) == (err == nil) {
			t.Errorf("image %v, error %v", img, err)
		}
	})
}
