package wire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/bench/wire"
)

func TestCommitIsWhatAnotherCodecReads(t *testing.T) {
	c := wire.NewCommit("group", "member", 7, "topic", 3)
	c.Append(nil, 1)
	frame := c.Append(nil, 42)
	be := binary.BigEndian
	if size := int(be.Uint32(frame)); size != len(frame)-4 {
		t.Fatalf("size %d of a frame of %d bytes", size, len(frame))
	}
	if key, version, id := be.Uint16(frame[4:]), be.Uint16(frame[6:]), be.Uint32(frame[8:]); key != 8 || version != 7 || id != 42 {
		t.Fatalf("key %d version %d id %d", key, version, id)
	}
	body := frame[12+2+int(be.Uint16(frame[12:])):]
	req := kmsg.NewPtrOffsetCommitRequest()
	req.SetVersion(7)
	if err := req.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	if string(req.AppendTo(nil)) != string(body) {
		t.Errorf("encoded again it differs from %x", body)
	}
	p := req.Topics[0].Partitions[0]
	if req.Group != "group" || req.MemberID != "member" || req.Generation != 7 || req.InstanceID != nil ||
		req.Topics[0].Topic != "topic" || p.Partition != 3 || p.Offset != 2 || p.LeaderEpoch != -1 || c.Offset != 2 {
		t.Errorf("another codec reads %+v", req)
	}
}

func TestCommitAnswersAreChecked(t *testing.T) {
	for _, c := range []struct {
		name    string
		code    int16
		topics  int
		refused int16 // 0 for another error than a refusal
		ok      bool
	}{
		{"taken", 0, 1, 0, true},
		{"refused", 22, 1, 22, false},
		{"of nothing", 0, 0, 0, false},
	} {
		resp := kmsg.NewPtrOffsetCommitResponse()
		resp.SetVersion(7)
		for range c.topics {
			topic := kmsg.NewOffsetCommitResponseTopic()
			topic.Topic = "topic"
			partition := kmsg.NewOffsetCommitResponseTopicPartition()
			partition.Partition, partition.ErrorCode = 3, c.code
			topic.Partitions = append(topic.Partitions, partition)
			resp.Topics = append(resp.Topics, topic)
		}
		err := wire.NewCommit("group", "member", 7, "topic", 3).Receive(answered(t, 42, resp.AppendTo(nil)), 42)
		var refusal *wire.Refusal
		switch {
		case c.ok && err != nil, !c.ok && err == nil:
			t.Errorf("%s: %v", c.name, err)
		case c.refused != 0 && (!errors.As(err, &refusal) || refusal.Code != c.refused):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// answered is a connection on which an answer lies ready.
func answered(t *testing.T, id int32, body []byte) *wire.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := wire.Dial(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(id))
	if _, err := peer.Write(append(frame, body...)); err != nil {
		t.Fatal(err)
	}
	return conn
}
