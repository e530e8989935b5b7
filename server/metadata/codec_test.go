package metadata_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"moldau/server/metadata"
)

func pointer(s string) *string { return &s }

func topicID(b byte) metadata.TopicID {
	var id metadata.TopicID
	for n := range id {
		id[n] = b
	}
	return id
}

func partition(leader, leaderEpoch, partitionEpoch int32, replicas ...int32) metadata.Partition {
	return metadata.Partition{Leader: leader, LeaderEpoch: leaderEpoch, PartitionEpoch: partitionEpoch, Replicas: replicas, ISR: replicas}
}

// golden is every record type with its bytes, spelled by FORMAT.md.
var golden = []struct {
	name   string
	record metadata.Record
	bytes  string
}{
	{"cluster", &metadata.ClusterRecord{ClusterID: "abc"}, "01 01 00 03616263 00"},
	{"broker", &metadata.BrokerRecord{ID: 1, Incarnation: topicID(0x22),
		Listeners: []metadata.Listener{{Name: "P", Host: "h", Port: 9092}}, Rack: "r"},
		"01 02 00 02 22222222222222222222222222222222 01 0150 0168 8447 0172 00"},
	{"broker without listeners", &metadata.BrokerRecord{ID: 300}, "01 02 00 d804 00000000000000000000000000000000 00 00 00"},
	{"topic", &metadata.TopicRecord{Name: "t", ID: topicID(0x11)}, "01 03 00 11111111111111111111111111111111 0174 00 00"},
	{"internal topic", &metadata.TopicRecord{Name: "t", ID: topicID(0x11), Internal: true},
		"01 03 00 11111111111111111111111111111111 0174 01 00"},
	{"partitions", &metadata.PartitionsRecord{TopicID: topicID(0x11), First: 3,
		Partitions: []metadata.Partition{partition(1, 5, 200, 1), partition(-1, 0, 0, 2, 3)}},
		"01 04 00 11111111111111111111111111111111 03 02" +
			" 02 05 c801 0102 0102" + " 01 00 00 020406 020406 00"},
	{"remove topic", &metadata.RemoveTopicRecord{TopicID: topicID(0x11)}, "01 05 00 11111111111111111111111111111111 00"},
	{"config", &metadata.ConfigRecord{Resource: metadata.ResourceTopic, Name: "t", Key: "k", Value: pointer("v")},
		"01 06 00 02 0174 016b 01 0176 00"},
	{"config of empty value", &metadata.ConfigRecord{Resource: metadata.ResourceBroker, Key: "k", Value: pointer("")},
		"01 06 00 04 00 016b 01 00 00"},
	{"config removed", &metadata.ConfigRecord{Resource: metadata.ResourceBroker, Name: "1", Key: "k"},
		"01 06 00 04 0131 016b 00 00"},
	{"producer ids", &metadata.ProducerIDsRecord{Broker: 1, Next: 1000}, "01 07 00 02 e807 00"},
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordGoldenBytes(t *testing.T) {
	for _, c := range golden {
		t.Run(c.name, func(t *testing.T) {
			want := unhex(t, c.bytes)
			if got := metadata.AppendRecord([]byte{0xaa}, c.record); !bytes.Equal(got, append([]byte{0xaa}, want...)) {
				t.Errorf("encoded as %x, want %x", got[1:], want)
			}
			got, err := metadata.DecodeRecord(want)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.record) {
				t.Errorf("decoded as %+v, want %+v", got, c.record)
			}
		})
	}
}

func TestRecordCutAtEveryByte(t *testing.T) {
	for _, c := range golden {
		whole := unhex(t, c.bytes)
		for n := range whole {
			if r, err := metadata.DecodeRecord(whole[:n]); !errors.Is(err, metadata.ErrRecord) {
				t.Errorf("%s cut to %d bytes: record %+v, error %v", c.name, n, r, err)
			}
		}
	}
}

func TestRecordRefused(t *testing.T) {
	for _, c := range []struct{ name, bytes, reason string }{
		{"other frame format", "02 01 00 03616263 00", "frame format 2"},
		{"unknown type", "01 08 00 00", "type 8 is unknown"},
		{"type zero", "01 00 00 00", "type 0 is unknown"},
		{"newer version", "01 01 01 03616263 00", "version 1 of type 1"},
		{"bytes behind the end", "01 01 00 03616263 00 00", "behind its end"},
		{"reserved flag", "01 03 00 11111111111111111111111111111111 0174 02 00", "reserved flags"},
		{"string longer than allowed", "01 01 00 808002 00", "string of 32768 bytes"},
		{"more partitions than bytes", "01 04 00 11111111111111111111111111111111 00 ffffffff0f 00", "elements in"},
		{"overlong varint", "01 8100 00 03616263 00", "overlong"},
		{"varint without end", "01 ffffffffffffffffffffff", "varint"},
		{"id beyond 32 bits", "01 07 00 8080808020 01 00", "32 bits"},
		{"epoch beyond 31 bits", "01 04 00 11111111111111111111111111111111 00 01 02 8080808008 00 0102 0102 00", "31 bits"},
		{"port beyond 16 bits", "01 02 00 02 22222222222222222222222222222222 01 0150 0168 808004 0172 00", "port 65536"},
		{"producer id beyond 63 bits", "01 07 00 02 80808080808080808001 00", "producer id"},
		{"value marker", "01 06 00 04 00 016b 02 00 00", "value marker 2"},
		{"falling tags", "01 01 00 03616263 02 0500 0400", "tag 4 after tag 5"},
		{"same tag twice", "01 01 00 03616263 02 0500 0500", "tag 5 after tag 5"},
	} {
		r, err := metadata.DecodeRecord(unhex(t, c.bytes))
		if !errors.Is(err, metadata.ErrRecord) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: record %+v, error %v, want one with %q", c.name, r, err, c.reason)
		}
	}
}

func TestUnknownTaggedFieldsAreSkipped(t *testing.T) {
	r, err := metadata.DecodeRecord(unhex(t, "01 01 00 03616263 02 0003 010203 0700"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (&metadata.ClusterRecord{ClusterID: "abc"}); !reflect.DeepEqual(r, want) {
		t.Errorf("decoded as %+v, want %+v", r, want)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, c := range golden {
		b, _ := hex.DecodeString(strings.ReplaceAll(c.bytes, " ", ""))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := metadata.DecodeRecord(b)
		if err != nil {
			return
		}
		// Tagged fields are dropped, so it is the second encoding that is stable.
		once := metadata.AppendRecord(nil, r)
		again, err := metadata.DecodeRecord(once)
		if err != nil {
			t.Fatalf("%+v does not decode again: %v", r, err)
		}
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v became %+v", r, again)
		}
	})
}
