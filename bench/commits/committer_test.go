package commits

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/bench/harness"
	"moldau/bench/system"
	"moldau/bench/system/systemtest"
	"moldau/bench/wire"
)

// answering takes commits, at most so many before it answers one, and refuses the one
// of that number.
func answering(t *testing.T, refused int) (addr string, most func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan int, 1)
	go func() {
		defer l.Close()
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		waiting, most := [][]byte{}, 0
		for n := 0; ; {
			// Who keeps several in flight has sent them in one write: they are there.
			size := make([]byte, 4)
			if _, err := io.ReadFull(conn, size); err != nil {
				result <- most
				return
			}
			frame := make([]byte, binary.BigEndian.Uint32(size))
			if _, err := io.ReadFull(conn, frame); err != nil {
				result <- most
				return
			}
			waiting = append(waiting, frame)
			most = max(most, len(waiting))
			if len(waiting) < inFlight && n == 0 {
				continue // as many as may be, the first time
			}
			for ; len(waiting) > 0; n++ {
				code := int16(0)
				if n == refused {
					code = 25
				}
				if _, err := conn.Write(answer(binary.BigEndian.Uint32(waiting[0][4:]), code)); err != nil {
					result <- most
					return
				}
				waiting = waiting[1:]
			}
		}
	}()
	return l.Addr().String(), func() int { return <-result }
}

const inFlight = 4

func answer(id uint32, code int16) []byte {
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.SetVersion(7)
	of := kmsg.NewOffsetCommitResponseTopic()
	of.Topic = topic
	partition := kmsg.NewOffsetCommitResponseTopicPartition()
	partition.ErrorCode = code
	of.Partitions = append(of.Partitions, partition)
	resp.Topics = append(resp.Topics, of)
	body := resp.AppendTo(nil)
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	return append(binary.BigEndian.AppendUint32(frame, id), body...)
}

func connected(t *testing.T, addr string) *committer {
	t.Helper()
	conn, err := wire.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &committer{name: "member", conn: conn, request: wire.NewCommit("group", "member", 1, topic, 0)}
}

// As many are in flight as may be, and what was answered before a refusal counts.
func TestCommitterKeepsSomeInFlight(t *testing.T) {
	addr, most := answering(t, 10)
	c := connected(t, addr)
	err := c.run(inFlight, time.Now().Add(time.Hour))
	var refused *wire.Refusal
	if !errors.As(err, &refused) || refused.Code != 25 || len(c.took) != 10 {
		t.Errorf("%d were taken, %v", len(c.took), err)
	}
	c.conn.Close()
	if n := most(); n != inFlight {
		t.Errorf("%d in flight", n)
	}
}

func TestCommitterEndsInTime(t *testing.T) {
	addr, _ := answering(t, -1)
	c := connected(t, addr)
	if err := c.run(inFlight, time.Now().Add(-time.Second)); err != nil || len(c.took) != 0 {
		t.Errorf("%d after the end, %v", len(c.took), err)
	}
	if _, _, err := commit([]*committer{c}, inFlight, -time.Second); err == nil {
		t.Error("a block without a commit")
	}
}

// Rows are beside Kafka, in both durabilities, and can be told apart.
func TestPlan(t *testing.T) {
	all, err := systemtest.Plan(t, Scenario, harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]bool{}
	for _, w := range all {
		titles[w.Row.Title()] = true
		if len(w.Contestants) != 3 || w.Contestants[0].System != system.Moldau || w.Contestants[1].System != system.Kafka || !w.Contestants[2].Limit {
			t.Errorf("%+v", w)
		}
	}
	if len(titles) != 2*len(rows) {
		t.Errorf("%d rows", len(titles))
	}
	if quick, err := systemtest.Plan(t, Scenario, harness.Options{Quick: true}); err != nil || len(quick) != 2*2 {
		t.Errorf("%d rows in a quick run: %v", len(quick), err)
	}
	if _, err := systemtest.Plan(t, Scenario, harness.Options{}, "--block", "0s"); err == nil {
		t.Error("a block of no time")
	}
}
