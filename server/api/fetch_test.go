package api_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

func TestFetchInEveryVersion(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 1)
	mustProduce(c, t, "t", 0, batchOf(t, record.BuilderOptions{}, "a", "b", "c"))
	for version := int16(4); version <= 18; version++ {
		req := fetchFrom(version, "t", 0, 0)
		req.Topics[0].TopicID = id
		resp := c.Request(req).(*kmsg.FetchResponse)
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.HighWatermark != 3 || p.LastStableOffset != 3 {
			t.Fatalf("version %d: %+v", version, p)
		}
		if got := checkedBatches(t, p.RecordBatches); len(got) != 1 || got[0].Count() != 3 {
			t.Errorf("version %d: %d batches", version, len(got))
		}
		if version >= 5 && p.LogStartOffset != 0 || version >= 7 && resp.SessionID != 0 || version >= 11 && p.PreferredReadReplica != -1 {
			t.Errorf("version %d: start %d, session %d, preferred replica %d", version, p.LogStartOffset, resp.SessionID, p.PreferredReadReplica)
		}
		if version >= 12 && (p.DivergingEpoch.Epoch != -1 || p.CurrentLeader.LeaderID != -1) || len(resp.Brokers) > 0 {
			t.Errorf("version %d: hints nobody needs: %+v", version, resp)
		}
		if (version >= 13) != (resp.Topics[0].TopicID == id) || (version < 13) != (resp.Topics[0].Topic == "t") {
			t.Errorf("version %d: topic %q, id %v", version, resp.Topics[0].Topic, resp.Topics[0].TopicID)
		}
	}
}

// librdkafka takes null records for a broken response.
func TestEmptyRecordsAreNotNull(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 1)
	for version := int16(4); version <= 18; version++ {
		for _, offset := range []int64{0, 99} {
			req := fetchFrom(version, "t", 0, offset)
			req.Topics[0].TopicID = id
			if p := fetch(c, req); p.RecordBatches == nil || len(p.RecordBatches) != 0 || (p.ErrorCode == 0) != (offset == 0) {
				t.Errorf("version %d, offset %d: error code %d, records %v", version, offset, p.ErrorCode, p.RecordBatches)
			}
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 1)
	mustProduce(c, t, "t", 0, plain(t))
	for _, r := range []struct {
		name    string
		version int16
		change  func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition)
		code    int16
	}{
		{"unknown topic", 12, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.Topics[0].Topic = "nope" }, 3},
		{"unknown partition", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = 1 }, 3},
		{"negative partition", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = -1 }, 3},
		{"unknown id", 13, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.Topics[0].TopicID = [16]byte{5} }, 100},
		{"unknown partition of an id", 13, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = 1 }, 3},
		{"past the end", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = 2 }, 1},
		{"negative offset", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = -1 }, 1},
		{"a newer leader epoch", 12, func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 99 }, 75},
		{"a follower", 12, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.ReplicaID = 2 }, 29},
		{"a follower of version 15", 15, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.ReplicaState.ID = 1 }, 29},
		{"a debugging tool", 12, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.ReplicaID = -2 }, 0},
	} {
		t.Run(r.name, func(t *testing.T) {
			req := fetchFrom(r.version, "t", 0, 0)
			req.Topics[0].TopicID = id
			// Errors do not wait: this would outlast the test.
			req.MaxWaitMillis, req.MinBytes = 1<<30, 1
			r.change(req, &req.Topics[0].Partitions[0])
			p := fetch(c, req)
			if p.ErrorCode != r.code {
				t.Errorf("error code %d, want %d", p.ErrorCode, r.code)
			}
			if r.code != 0 && (p.HighWatermark != -1 || p.LastStableOffset != -1 || len(p.RecordBatches) > 0) {
				t.Errorf("an error with data: %+v", p)
			}
		})
	}
}

func TestFetchOfAnOldLeaderEpochIsFencedWithAHint(t *testing.T) {
	b := start(t)
	id := createTopic(b.Dial(), t, "t", 1)
	b.Close()
	b.Restart()
	c := b.Dial()
	for version := int16(9); version <= 18; version++ {
		req := fetchFrom(version, "t", 0, 0)
		req.Topics[0].TopicID = id
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = 0
		resp := c.Request(req).(*kmsg.FetchResponse)
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != 74 {
			t.Fatalf("version %d: error code %d, want FENCED_LEADER_EPOCH", version, p.ErrorCode)
		}
		if hinted := p.CurrentLeader.LeaderID == 1 && p.CurrentLeader.LeaderEpoch > 0 && len(resp.Brokers) == 1; hinted != (version >= 16) {
			t.Errorf("version %d: leader %+v, brokers %+v", version, p.CurrentLeader, resp.Brokers)
		}
	}
}

func TestDivergingEpoch(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	mustProduce(b.Dial(), t, "t", 0, plain(t))
	b.Close()
	b.Restart()
	c := b.Dial()
	mustProduce(c, t, "t", 0, plain(t))
	ask := func(offset int64, lastEpoch int32) kmsg.FetchResponseTopicPartition {
		req := fetchFrom(12, "t", 0, offset)
		req.Topics[0].Partitions[0].LastFetchedEpoch = lastEpoch
		return fetch(c, req)
	}
	// What was read last is what the log has.
	if p := ask(1, 0); p.ErrorCode != 0 || p.DivergingEpoch.Epoch != -1 || len(p.RecordBatches) == 0 {
		t.Errorf("in line: %+v", p)
	}
	// Epoch 0 ended at 1: offset 2 of it is not this log's.
	if p := ask(2, 0); p.ErrorCode != 0 || p.DivergingEpoch.Epoch != 0 || p.DivergingEpoch.EndOffset != 1 || len(p.RecordBatches) > 0 {
		t.Errorf("diverged: %+v", p)
	}
	if p := ask(1, 9); p.ErrorCode != 1 {
		t.Errorf("an epoch that never was: error code %d", p.ErrorCode)
	}
}

func TestOffsetInsideABatchReturnsTheBatch(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	mustProduce(c, t, "t", 0, batchOf(t, record.BuilderOptions{}, "a", "b", "c"))
	mustProduce(c, t, "t", 0, plain(t))
	got := checkedBatches(t, fetch(c, fetchFrom(12, "t", 0, 2)).RecordBatches)
	if len(got) != 2 || got[0].BaseOffset() != 0 {
		t.Errorf("%d batches, the first at %d", len(got), got[0].BaseOffset())
	}
}

func TestFetchLimits(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 3)
	one := plain(t)
	size := int32(len(one))
	for n := range int32(3) {
		for range 4 {
			mustProduce(c, t, "t", n, plain(t))
		}
	}
	all := 4 * size
	for _, r := range []struct {
		name        string
		total, each int32
		want        [3]int32 // bytes of each partition
	}{
		{"plenty", 1 << 20, 1 << 20, [3]int32{all, all, all}},
		{"each partition two batches", 1 << 20, 2 * size, [3]int32{2 * size, 2 * size, 2 * size}},
		{"the first takes all", all, 1 << 20, [3]int32{all, 0, 0}},
		{"six batches in all", 6 * size, 1 << 20, [3]int32{all, 2 * size, 0}},
		// A limit below the first batch does not hold for it, and for no other.
		{"one byte", 1, 1, [3]int32{size, 0, 0}},
		{"one byte each", 1 << 20, 1, [3]int32{size, 0, 0}},
		{"nothing", 0, 0, [3]int32{size, 0, 0}},
		{"negative", -1, -1, [3]int32{size, 0, 0}},
	} {
		req := fetchFrom(12, "t", 0, 0)
		req.MaxBytes = r.total
		for n := range int32(2) {
			addFetch(req, "t", n+1, 0)
		}
		var got [3]int32
		resp := c.Request(limited(req, r.each)).(*kmsg.FetchResponse)
		for n, topic := range resp.Topics {
			got[n] = int32(len(topic.Partitions[0].RecordBatches))
		}
		if got != r.want {
			t.Errorf("%s: %v bytes, want %v (a batch has %d)", r.name, got, r.want, size)
		}
	}
}

// limited sets every partition's limit.
func limited(req *kmsg.FetchRequest, each int32) *kmsg.FetchRequest {
	for i := range req.Topics {
		req.Topics[i].Partitions[0].PartitionMaxBytes = each
	}
	return req
}

// The first partition that has anything gives one batch, not the first asked.
func TestFirstNonEmptyPartitionGivesABatch(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 2)
	mustProduce(c, t, "t", 1, plain(t))
	req := fetchFrom(12, "t", 0, 0)
	addFetch(req, "t", 1, 0)
	req.MaxBytes = 1
	resp := c.Request(limited(req, 1)).(*kmsg.FetchResponse)
	if n := len(checkedBatches(t, resp.Topics[1].Partitions[0].RecordBatches)); n != 1 {
		t.Errorf("%d batches", n)
	}
}

func TestAbortedListIsForReadersOfCommittedRecords(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	mustProduce(c, t, "t", 0, plain(t))
	req := fetchFrom(12, "t", 0, 0)
	if p := fetch(c, req); p.AbortedTransactions != nil {
		t.Errorf("read uncommitted: %v, want null", p.AbortedTransactions)
	}
	req.IsolationLevel = 1
	if p := fetch(c, req); p.AbortedTransactions == nil || len(p.AbortedTransactions) != 0 || p.LastStableOffset != 1 || len(p.RecordBatches) == 0 {
		t.Errorf("read committed: %+v", p)
	}
}

// What is asked for twice is read once, as the last mention says.
func TestFetchReadsAPartitionOnce(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 3)
	for range 2 {
		mustProduce(c, t, "t", 1, plain(t))
	}
	for _, version := range []int16{4, 12, 13, 18} {
		for _, times := range []int{2, 9, 40} {
			req := fetchFrom(version, "t", 0, 0)
			for range times {
				addFetch(req, "t", 1, 0)
				addFetch(req, "t", 2, 0)
			}
			addFetch(req, "t", 1, 1)
			for i := range req.Topics {
				req.Topics[i].TopicID = id
			}
			var numbers []int32
			for _, topic := range c.Request(req).(*kmsg.FetchResponse).Topics {
				for _, p := range topic.Partitions {
					numbers = append(numbers, p.Partition)
					if n := len(checkedBatches(t, p.RecordBatches)); p.ErrorCode != 0 || p.Partition == 1 && n != 1 {
						t.Errorf("version %d, partition %d: error code %d, %d batches", version, p.Partition, p.ErrorCode, n)
					}
				}
			}
			if !slices.Equal(numbers, []int32{0, 1, 2}) {
				t.Errorf("version %d, %d times: answered partitions %v", version, times, numbers)
			}
		}
	}
}

// A fetch that would hold much memory for as long as its client likes is
// answered at once; others wait as ever.
func TestHugeFetchDoesNotWait(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	waiting := b.Dial()
	ask, sent := longPoll(waiting, 1, 0)
	huge := fetchFrom(12, "t", 0, 0)
	huge.MaxWaitMillis = 1 << 30
	partition := huge.Topics[0].Partitions[0]
	for range 300_000 {
		huge.Topics[0].Partitions = append(huge.Topics[0].Partitions, partition)
	}
	if got := c.Request(huge).(*kmsg.FetchResponse); len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		t.Errorf("answered %d topics", len(got.Topics))
	}
	mustProduce(c, t, "t", 0, plain(t))
	if got := waiting.Receive(ask, sent).(*kmsg.FetchResponse).Topics[0].Partitions[0]; len(got.RecordBatches) == 0 {
		t.Errorf("the one that waited got %+v", got)
	}
}

// longPoll asks for n bytes from the end of partitions of topic t, and waits
// longer than the test may take.
func longPoll(c *servertest.Client, n int32, partitions ...int32) (*kmsg.FetchRequest, int32) {
	req := fetchFrom(12, "t", partitions[0], 0)
	for _, p := range partitions[1:] {
		addFetch(req, "t", p, 0)
	}
	req.MinBytes, req.MaxWaitMillis = n, 1<<30
	return req, c.Send(req)
}

// served returns when all requests sent on c so far took effect: one behind
// them has.
func served(t *testing.T, b *servertest.Broker, c *servertest.Client) {
	t.Helper()
	other := b.Dial()
	createTopic(other, t, "marker", 1)
	c.Send(produceTo(9, 0, "marker", 0, plain(t)))
	req := fetchFrom(12, "marker", 0, 0)
	req.MaxWaitMillis = 1 << 30
	if p := fetch(other, req); len(p.RecordBatches) == 0 {
		t.Fatalf("the marker did not come: %+v", p)
	}
}

func TestLongPollEndsWithTheFirstRecord(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 3)
	req, id := longPoll(c, 1, 0, 1, 2)
	served(t, b, c)
	mustProduce(b.Dial(), t, "t", 2, plain(t))
	resp := c.Receive(req, id).(*kmsg.FetchResponse)
	if n := len(checkedBatches(t, resp.Topics[2].Partitions[0].RecordBatches)); n != 1 || resp.Topics[2].Partitions[0].HighWatermark != 1 {
		t.Errorf("%d batches, %+v", n, resp.Topics[2].Partitions[0])
	}
}

func TestLongPollWaitsForEnoughBytes(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 2)
	size := int32(len(plain(t)))
	req, id := longPoll(c, 3*size, 0, 1)
	served(t, b, c)
	p := b.Dial()
	for n := range int32(3) {
		mustProduce(p, t, "t", n%2, plain(t))
	}
	resp := c.Receive(req, id).(*kmsg.FetchResponse)
	if n := len(resp.Topics[0].Partitions[0].RecordBatches) + len(resp.Topics[1].Partitions[0].RecordBatches); int32(n) < 3*size {
		t.Errorf("answered with %d bytes, wanted %d", n, 3*size)
	}
}

// Patience ends with what there is, be it less than what was wanted.
func TestLongPollEndsInTime(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	batch := plain(t)
	mustProduce(c, t, "t", 0, batch)
	req := fetchFrom(12, "t", 0, 0)
	req.MinBytes, req.MaxWaitMillis = 1<<20, 5
	if p := fetch(c, req); !bytes.Equal(p.RecordBatches[61:], batch[61:]) {
		t.Errorf("answered with %d bytes", len(p.RecordBatches))
	}
}

func TestLongPollEndsWithItsTopic(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	req, id := longPoll(c, 1, 0)
	served(t, b, c)
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TimeoutMillis = 5, 10_000
	del.TopicNames = []string{"t"}
	if resp := b.Dial().Request(del).(*kmsg.DeleteTopicsResponse); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("delete: error code %d", resp.Topics[0].ErrorCode)
	}
	resp := c.Receive(req, id).(*kmsg.FetchResponse)
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != 3 && code != 6 {
		t.Errorf("error code %d, want one that makes clients ask for metadata", code)
	}
}

func TestLongPollEndsWithTheBroker(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	req, id := longPoll(c, 1, 0)
	served(t, b, c)
	b.Close()
	if p := c.Receive(req, id).(*kmsg.FetchResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || len(p.RecordBatches) != 0 {
		t.Errorf("%+v", p)
	}
	c.Closed()
}

// Requests behind a parked poll take effect, and are answered after it.
func TestRequestsBehindALongPollAreServed(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	poll, pollID := longPoll(c, 1, 0)
	own := produceTo(9, -1, "t", 0, plain(t))
	ownID := c.Send(own)
	if got := checkedBatches(t, c.Receive(poll, pollID).(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches); len(got) != 1 {
		t.Errorf("the poll found %d batches", len(got))
	}
	if answer := c.Receive(own, ownID).(*kmsg.ProduceResponse).Topics[0].Partitions[0]; answer.ErrorCode != 0 {
		t.Errorf("error code %d", answer.ErrorCode)
	}
}

// Nothing will ever come there, which is no error: what is durable can be read.
func TestLongPollOnAFailedLogEndsInTime(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: disk})
	c := b.Dial()
	createTopic(c, t, "t", 1)
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && op.Name == "logs/t-0/00000000000000000000.log" {
			return errDisk
		}
		return nil
	})
	if answer := produce(c, produceTo(9, -1, "t", 0, plain(t))); answer.ErrorCode != 56 {
		t.Fatalf("error code %d", answer.ErrorCode)
	}
	req := fetchFrom(12, "t", 0, 0)
	req.MaxWaitMillis = 20
	if p := fetch(c, req); p.ErrorCode != 0 || len(p.RecordBatches) != 0 {
		t.Errorf("%+v", p)
	}
	disk.SetHook(nil)
	if err := b.Server().Shutdown(contextFor(t)); !errors.Is(err, logstore.ErrPoisoned) {
		t.Errorf("closing says %v", err)
	}
}
