package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/servertest"
)

// transactions writes to a topic's log as its leader, behind the broker's back:
// no client can open a transaction yet.
type transactions struct {
	t   *testing.T
	log *logstore.Log
}

func transactionsOn(t *testing.T, b *servertest.Broker, topic string) *transactions {
	t.Helper()
	log, err := b.Server().Log(logstore.TopicPartition{Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	return &transactions{t, log}
}

func (x *transactions) write(producer int64, sequence int32, values ...string) {
	x.t.Helper()
	o := record.BuilderOptions{Producer: &record.Producer{ID: producer, BaseSequence: sequence}, Transactional: true}
	x.append(batchOf(x.t, o, values...))
}

func (x *transactions) append(batch record.Batch) {
	x.t.Helper()
	a, err := x.log.AppendLeader(batch, max(0, x.log.LatestEpoch()))
	x.visible(a, err)
}

func (x *transactions) end(producer int64, commit bool) {
	x.t.Helper()
	a, err := x.log.AppendMarker(logstore.Marker{ProducerID: producer, Commit: commit}, max(0, x.log.LatestEpoch()))
	x.visible(a, err)
}

func (x *transactions) visible(a logstore.Appended, err error) {
	x.t.Helper()
	if err == nil {
		err = x.log.Wait(contextFor(x.t), logstore.HighWatermark, a.Last+1)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	x.log.Segments() // the last stable offset has moved, too
}

// committed does with an answer what clients do: by the list alone.
func committed(t *testing.T, p kmsg.FetchResponseTopicPartition) []string {
	t.Helper()
	var values []string
	pending, aborted := p.AbortedTransactions, map[int64]bool{}
	for _, b := range checkedBatches(t, p.RecordBatches) {
		for i := 0; i < len(pending); {
			if pending[i].FirstOffset <= b.LastOffset() {
				aborted[pending[i].ProducerID] = true
				pending = append(pending[:i:i], pending[i+1:]...)
				continue
			}
			i++
		}
		if b.Control() {
			for r := range b.Records(1 << 20) {
				if kind, _ := r.ControlType(); kind == record.ControlAbort {
					delete(aborted, b.ProducerID())
				}
			}
			continue
		}
		if b.Transactional() && aborted[b.ProducerID()] {
			continue
		}
		for r, err := range b.Records(1 << 20) {
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, string(r.Value))
		}
	}
	return values
}

func TestFetchOfCommittedRecords(t *testing.T) {
	b := start(t)
	c := b.Dial()
	id := createTopic(c, t, "t", 1)
	x := transactionsOn(t, b, "t")
	x.write(1, 0, "a")                                 // 0
	x.append(batchOf(t, record.BuilderOptions{}, "b")) // 1
	x.write(2, 0, "c")                                 // 2
	x.end(1, false)                                    // 3
	x.write(1, 1, "d")                                 // 4
	x.write(2, 1, "e")                                 // 5
	x.end(2, true)                                     // 6
	x.write(3, 0, "f")                                 // 7
	x.end(1, true)                                     // 8
	for version := int16(4); version <= 18; version++ {
		for isolation, want := range []struct {
			offsets [3]int64 // high watermark, last stable, of the last batch
			aborted string
			values  string
		}{
			{[3]int64{9, 7, 8}, "[]", "[a b c d e f]"},
			{[3]int64{9, 7, 6}, "[{1 0 {map[]}}]", "[b c d e]"},
		} {
			req := fetchFrom(version, "t", 0, 0)
			req.Topics[0].TopicID, req.IsolationLevel = id, int8(isolation)
			p := fetch(c, req)
			batches := checkedBatches(t, p.RecordBatches)
			offsets := [3]int64{p.HighWatermark, p.LastStableOffset, batches[len(batches)-1].BaseOffset()}
			if p.ErrorCode != 0 || offsets != want.offsets || fmt.Sprint(p.AbortedTransactions) != want.aborted || (p.AbortedTransactions == nil) != (isolation == 0) {
				t.Errorf("version %d, isolation %d: offsets %v, aborted %v", version, isolation, offsets, p.AbortedTransactions)
			}
			if got := committed(t, p); fmt.Sprint(got) != want.values {
				t.Errorf("version %d, isolation %d: %v, want %s", version, isolation, got, want.values)
			}
		}
	}
	// One batch at a time: every answer has what it needs.
	for offset, want := range map[int64]string{0: "[]", 1: "[b]", 2: "[c]", 3: "[]", 4: "[d]", 6: "[]", 7: "[]"} {
		req := fetchFrom(12, "t", 0, offset)
		req.IsolationLevel, req.Topics[0].Partitions[0].PartitionMaxBytes = 1, 1
		if got := committed(t, fetch(c, req)); fmt.Sprint(got) != want {
			t.Errorf("one batch from %d: %v, want %s", offset, got, want)
		}
	}
}

func TestListOffsetsOfCommittedRecords(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	x := transactionsOn(t, b, "t")
	x.append(plain(t))
	x.write(1, 0, "a")
	latest := func(isolation int8) int64 {
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version, req.ReplicaID, req.IsolationLevel = 6, -1, isolation
		topic, p := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
		topic.Topic, p.Timestamp, p.CurrentLeaderEpoch = "t", -1, -1
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
		answer := c.Request(req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
		if answer.ErrorCode != 0 {
			t.Fatalf("error code %d", answer.ErrorCode)
		}
		return answer.Offset
	}
	if all, stable := latest(0), latest(1); all != 2 || stable != 1 {
		t.Errorf("the latest offset is %d, of committed records %d", all, stable)
	}
	x.end(1, true)
	if all, stable := latest(0), latest(1); all != 3 || stable != 3 {
		t.Errorf("ended: the latest offset is %d, of committed records %d", all, stable)
	}
}

// A parked fetch wakes by the bound that it reads by: a commit wakes one that
// reads committed records, and an append in a transaction does not.
func TestParkedFetchOfCommittedRecordsWaitsForTheCommit(t *testing.T) {
	b := start(t)
	c, waiting := b.Dial(), b.Dial()
	createTopic(c, t, "t", 1)
	x := transactionsOn(t, b, "t")
	x.write(1, 0, "a")
	answers := make(chan kmsg.FetchResponseTopicPartition, 1)
	req := fetchFrom(12, "t", 0, 0)
	req.IsolationLevel, req.MaxWaitMillis = 1, int32(time.Minute.Milliseconds())
	go func() { answers <- fetch(waiting, req) }()
	x.write(1, 1, "b")
	for b.Server().FetchWaits().Bytes == 0 {
		x.log.Segments() // until it is parked
	}
	select {
	case p := <-answers:
		t.Fatalf("answered within the transaction: %+v", p)
	default:
	}
	x.end(1, true)
	if p := <-answers; p.LastStableOffset != 3 || fmt.Sprint(committed(t, p)) != "[a b]" {
		t.Errorf("%+v", p)
	}
}
