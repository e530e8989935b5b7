package wire_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/server/wire"
	"moldau/zerocopy"
)

// memory is a file that the operating system does not know.
type memory struct{ *bytes.Reader }

func (memory) OSFile() *os.File { return nil }

func section(b []byte) zerocopy.Section {
	return zerocopy.Section{File: memory{bytes.NewReader(b)}, Length: len(b)}
}

// fetchPair is the same response twice: ours, and kmsg's with the record bytes
// in it.
func fetchPair(version int16) (*wire.FetchResponse, *kmsg.FetchResponse) {
	rack := "r1"
	batches := [][]byte{bytes.Repeat([]byte("batch"), 100), {}, bytes.Repeat([]byte("B"), 3000)}

	ours := &wire.FetchResponse{Version: version, ThrottleMs: 7}
	theirs := kmsg.NewPtrFetchResponse()
	theirs.Version, theirs.ThrottleMillis = version, 7
	if version >= 7 {
		ours.ErrorCode, ours.SessionID = 3, 99
		theirs.ErrorCode, theirs.SessionID = 3, 99
	}
	if version >= 16 {
		ours.NodeEndpoints = []wire.NodeEndpoint{{NodeID: 1, Host: "a", Port: 9092}, {NodeID: 2, Host: "b", Port: 9093, Rack: &rack}}
		theirs.Brokers = []kmsg.FetchResponseBroker{{NodeID: 1, Host: "a", Port: 9092}, {NodeID: 2, Host: "b", Port: 9093, Rack: &rack}}
	}
	for i := range 2 {
		topic, want := wire.FetchTopic{}, kmsg.NewFetchResponseTopic()
		if version < 13 {
			topic.Name = fmt.Sprint("topic", i)
			want.Topic = topic.Name
		} else {
			topic.ID = [16]byte{byte(i + 1)}
			want.TopicID = topic.ID
		}
		for p, b := range batches {
			ours, theirs := fetchPartitionPair(version, int32(p), b)
			topic.Partitions = append(topic.Partitions, ours)
			want.Partitions = append(want.Partitions, theirs)
		}
		ours.Topics = append(ours.Topics, topic)
		theirs.Topics = append(theirs.Topics, want)
	}
	return ours, theirs
}

func fetchPartitionPair(version int16, p int32, records []byte) (wire.FetchPartition, kmsg.FetchResponseTopicPartition) {
	ours := wire.FetchPartition{
		Partition: p, ErrorCode: int16(p), HighWatermark: 1 << 40, LastStable: 5, LogStart: -1, PreferredReadReplica: -1,
	}
	theirs := kmsg.NewFetchResponseTopicPartition()
	theirs.Partition, theirs.ErrorCode, theirs.HighWatermark, theirs.LastStableOffset = p, int16(p), 1<<40, 5
	theirs.RecordBatches = records
	if len(records) > 0 {
		half := len(records) / 2
		ours.Records = &logstore.Fetch{Sections: []zerocopy.Section{section(records[:half]), section(records[half:])}, Bytes: len(records)}
	}
	if version >= 5 {
		ours.LogStart, theirs.LogStartOffset = 17, 17
	}
	if version >= 11 {
		ours.PreferredReadReplica, theirs.PreferredReadReplica = 4, 4
	}
	switch p {
	case 0:
		ours.Aborted = []wire.AbortedTransaction{{ProducerID: 8, FirstOffset: 80}, {ProducerID: 9, FirstOffset: 90}}
		theirs.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 8, FirstOffset: 80}, {ProducerID: 9, FirstOffset: 90}}
	case 1:
		ours.Aborted = []wire.AbortedTransaction{}
		theirs.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	if version >= 12 && p != 0 {
		ours.DivergingEpoch = &wire.EpochEnd{Epoch: 3, EndOffset: 33}
		theirs.DivergingEpoch.Epoch, theirs.DivergingEpoch.EndOffset = 3, 33
	}
	if version >= 12 && p != 1 {
		ours.CurrentLeader = &wire.LeaderEpoch{LeaderID: 0, Epoch: 6}
		theirs.CurrentLeader.LeaderID, theirs.CurrentLeader.LeaderEpoch = 0, 6
	}
	return ours, theirs
}

// In every version the frame that leaves is byte for byte the one that kmsg
// makes of the same response.
func TestFetchResponseIsKafkas(t *testing.T) {
	for version := int16(4); version <= 18; version++ {
		ours, theirs := fetchPair(version)
		if ours.IsFlexible() != theirs.IsFlexible() || ours.Key() != theirs.Key() {
			t.Fatalf("version %d: flexible %t, key %d", version, ours.IsFlexible(), ours.Key())
		}
		var released int
		ours.Release = func() { released++ }
		s := start(t, wire.Options{Handler: answering(wire.Reply{Response: ours})})
		c := s.dial(t)
		c.send(t, kmsg.NewPtrApiVersionsRequest(), 5)
		if got, want := c.receive(t, 5, ours.IsFlexible()), theirs.AppendTo(nil); !bytes.Equal(got, want) {
			t.Errorf("version %d:\n%x, want\n%x", version, got, want)
		}
		s.stop(t)
		if released != 1 {
			t.Errorf("version %d: released %d times", version, released)
		}
		if n := s.Counters().CopiedBytes; n != 2*3500 {
			t.Errorf("version %d: %d bytes copied", version, n)
		}
	}
}

// osFile is a file that the operating system knows.
type osFile struct{ *os.File }

func (f osFile) OSFile() *os.File { return f.File }

// Records go from their file to the socket by themselves where the system can,
// in sections longer than one write of a peer's share, and the counters say so.
func TestRecordsGoBySendfile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 200<<10) // 3.1 MiB
	name := filepath.Join(t.TempDir(), "00000000000000000000.log")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sections := []zerocopy.Section{
		{File: osFile{f}, Offset: 16, Length: 100},
		{File: osFile{f}, Offset: 160, Length: len(content) - 160},
	}
	resp := &wire.FetchResponse{Version: 12, Topics: []wire.FetchTopic{{Name: "t", Partitions: []wire.FetchPartition{
		{Records: &logstore.Fetch{Sections: sections}, PreferredReadReplica: -1},
		{Partition: 1, PreferredReadReplica: -1},
	}}}}
	s := start(t, wire.Options{Handler: answering(wire.Reply{Response: resp})})
	c := s.dial(t)
	c.write(t, frame(1, ""))
	var got kmsg.FetchResponse
	got.Version = 12
	if err := got.ReadFrom(c.receive(t, 1, true)); err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Clone(content[16:116]), content[160:]...)
	if !bytes.Equal(got.Topics[0].Partitions[0].RecordBatches, want) {
		t.Error("other records came")
	}
	s.stop(t)
	n := s.Counters()
	if n.SendfileBytes+n.CopiedBytes != int64(len(want)) {
		t.Errorf("counted %+v of %d", n, len(want))
	}
	if runtime.GOOS == "linux" && n.SendfileBytes != int64(len(want)-100) {
		t.Errorf("%d bytes by sendfile", n.SendfileBytes)
	}
}

// A file that is shorter than its section ends the connection, since the frame
// has been announced with all of it.
func TestSectionBeyondItsFile(t *testing.T) {
	released := 0
	short := section([]byte("only this"))
	short.Length = 5000
	resp := &wire.FetchResponse{Version: 4, Release: func() { released++ }, Topics: []wire.FetchTopic{{Partitions: []wire.FetchPartition{
		{Records: &logstore.Fetch{Sections: []zerocopy.Section{short}}},
	}}}}
	s := start(t, wire.Options{Handler: answering(wire.Reply{Response: resp})})
	c := s.dial(t)
	c.write(t, frame(1, ""))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Error(err)
	}
	s.stop(t)
	if released != 1 || !s.log.contains("unexpected EOF") {
		t.Errorf("released %d times, log:\n%s", released, s.log.text.String())
	}
}

// A response without records needs no sections, and none is null: librdkafka
// takes that for a broken response.
func TestFetchResponseWithoutRecords(t *testing.T) {
	for version := int16(4); version <= 18; version++ {
		f := &wire.FetchResponse{Version: version, Topics: []wire.FetchTopic{{
			Name: "t", Partitions: []wire.FetchPartition{{PreferredReadReplica: -1}, {Records: &logstore.Fetch{}}},
		}}}
		var got kmsg.FetchResponse
		got.Version = version
		if err := got.ReadFrom(f.AppendTo(nil)); err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		for i, p := range got.Topics[0].Partitions {
			if p.RecordBatches == nil || len(p.RecordBatches) != 0 || p.AbortedTransactions != nil {
				t.Errorf("version %d, partition %d: records %v, aborted %v", version, i, p.RecordBatches, p.AbortedTransactions)
			}
		}
	}
}
