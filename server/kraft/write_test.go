package kraft_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"slices"
	"testing"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server/kraft"
)

func TestWriteIsReadBack(t *testing.T) {
	img := kraft.NewImage()
	img.Features = kraft.Features()
	img.NextProducerID = 5000
	topic := &kraft.Topic{Name: "orders", ID: kraft.UUID{1, 2, 3}}
	for n := range int32(2500) { // several batches
		topic.Partitions = append(topic.Partitions, kraft.Partition{Leader: -1, LeaderEpoch: n, PartitionEpoch: 2 * n, Replicas: []int32{4}, ISR: []int32{4}})
	}
	must(t, img.AddTopic(topic))
	must(t, img.AddTopic(&kraft.Topic{Name: "empty", ID: kraft.UUID{9}}))
	orders := kraft.Resource{Type: kraft.ResourceTopic, Name: "orders"}
	img.SetConfig(orders, "retention.ms", "")
	img.SetConfig(kraft.Resource{Type: kraft.ResourceBroker}, "log.retention.ms", "77")

	img.Brokers[4], img.Directories[4] = 9, kraft.UUID{5}

	fsys := vfs.NewMem()
	must(t, kraft.Write(fsys, ".", img, kraft.Voter{NodeID: 4}, 1234))
	// All but the directory's own entry is durable.
	got, source, err := kraft.Read(fsys.Crash(), ".")
	must(t, err)
	if source.Snapshot != "bootstrap.checkpoint" || got.NextProducerID != 5000 || got.Brokers[4] != 9 || !maps.Equal(got.Features, img.Features) {
		t.Errorf("%+v: %+v", source, got)
	}
	if names(t, got) != "empty/0 orders/2500" {
		t.Errorf("topics are %s", names(t, got))
	}
	read, _ := got.Topic("orders")
	for n, p := range read.Partitions {
		if p.LeaderEpoch != int32(n) || p.PartitionEpoch != int32(2*n) || p.Leader != -1 || !slices.Equal(p.ISR, []int32{4}) {
			t.Fatalf("partition %d is %+v", n, p)
		}
	}
	if value, ok := got.Configs[orders]["retention.ms"]; !ok || value != "" || len(got.Configs) != 2 || read.ID != topic.ID {
		t.Errorf("configs are %v", got.Configs)
	}
}

// Bytes that Kafka 4.3.1's storage tool wrote, with --standalone, but for times
// and ids.
func TestWritesWhatKafkasToolWrites(t *testing.T) {
	fsys := vfs.NewMem()
	img := kraft.NewImage()
	img.Features = kraft.Features()
	directory := kraft.UUID(unhex(t, "83de24a4aede49f98fd630c4c87de74b"))
	must(t, kraft.Write(fsys, ".", img, kraft.Voter{NodeID: 1, DirectoryID: directory, Listener: "CONTROLLER", Host: "127.0.0.1", Port: 24101}, 1))
	quorum := values(t, fsys, kraft.MetadataDir+"/00000000000000000000-0000000000.checkpoint")
	for n, want := range []string{
		"0000 0000000000000001 00", // header, with the time 1
		"0000 0001 00",
		"0000 02 00000001 83de24a4aede49f98fd630c4c87de74b 02 0b434f4e54524f4c4c4552 0a3132372e302e302e31 5e25 00 0000 0001 00 00 00",
		"0000 00",
	} {
		if n >= len(quorum) || !bytes.Equal(quorum[n], unhex(t, want)) {
			t.Errorf("record %d of the quorum is %x, want %s", n, quorum, want)
		}
	}
	bootstrap := values(t, fsys, "bootstrap.checkpoint")
	for n, want := range map[int]string{
		1: "010c00 11 6d657461646174612e76657273696f6e 001e 00",
		2: "010c00 21 656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e 0001 00",
		3: "010c00 0e 67726f75702e76657273696f6e 0001 00",
		6: "010c00 14 7472616e73616374696f6e2e76657273696f6e 0002 00",
	} {
		if n >= len(bootstrap) || !bytes.Equal(bootstrap[n], unhex(t, want)) {
			t.Errorf("record %d is %x, want %s", n, bootstrap, want)
		}
	}
}

func values(t *testing.T, fsys vfs.FS, name string) (all [][]byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	must(t, err)
	for len(b) > 0 {
		batch, rest, err := record.Next(b)
		must(t, err)
		must(t, batch.Check())
		for r, err := range batch.Records(1 << 20) {
			must(t, err)
			all = append(all, bytes.Clone(r.Value))
		}
		b = rest
	}
	return all
}

func TestMetaProperties(t *testing.T) {
	fsys := vfs.NewMem()
	if m, err := kraft.ReadMetaProperties(fsys, "."); m != nil || err != nil {
		t.Errorf("of nothing: %v, %v", m, err)
	}
	want := kraft.MetaProperties{ClusterID: "c", NodeID: 3, DirectoryID: kraft.NewDirectoryID()}
	must(t, want.Write(fsys, "."))
	if m, err := kraft.ReadMetaProperties(fsys.Crash(), "."); err != nil || *m != want {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{"", "version=0\nbroker.id=1\n", "version=1\nnode.id=x\ncluster.id=c\n", "version=1\nnode.id=1\n", "version=1\nnonsense\n"} {
		fsys := vfs.NewMem()
		must(t, kraft.WriteText(fsys, kraft.MetaPropertiesFile, bad))
		if m, err := kraft.ReadMetaProperties(fsys, "."); err == nil {
			t.Errorf("%q is read as %+v", bad, m)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	fsys := vfs.NewMem()
	c := kraft.OffsetCheckpoint{{Topic: "a.b", Partition: 10}: 7, {Topic: "a", Partition: 2}: 0}
	must(t, c.Write(fsys, ".", kraft.RecoveryPoints))
	if got, err := kraft.ReadCheckpoint(fsys, ".", kraft.RecoveryPoints); err != nil || !maps.Equal(got, c) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := kraft.ReadCheckpoint(fsys, ".", kraft.StartOffsets); err != nil || len(got) > 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	for _, bad := range []string{"", "1\n0\n", "0\n2\na 0 1\n", "0\n1\na 0\n", "0\n1\na 0 x\n", "0\nx\n"} {
		must(t, kraft.WriteText(fsys, kraft.StartOffsets, bad))
		if got, err := kraft.ReadCheckpoint(fsys, ".", kraft.StartOffsets); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
