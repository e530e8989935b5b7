package api_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

func TestProduceInEveryVersion(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 1)
	want := int64(0)
	for version := int16(3); version <= 13; version++ {
		for _, acks := range []int16{1, -1} {
			req := produceTo(version, acks, "t", 0, batchOf(t, record.BuilderOptions{}, "a", "b"))
			req.Topics[0].TopicID = id
			answer := produce(c, req)
			if answer.ErrorCode != 0 || answer.BaseOffset != want || answer.LogAppendTime != -1 {
				t.Errorf("version %d acks %d: %+v, want offset %d", version, acks, answer, want)
			}
			if version >= 5 && answer.LogStartOffset != 0 {
				t.Errorf("version %d: log start offset %d", version, answer.LogStartOffset)
			}
			want += 2
		}
	}
}

func TestProducedCodecsComeBackUnchanged(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	for _, codec := range []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd} {
		batch := batchOf(t, record.BuilderOptions{Codec: codec}, "one", "two", "three")
		offset := mustProduce(c, t, "t", 0, batch)
		got := checkedBatches(t, fetch(c, fetchFrom(12, "t", 0, offset)).RecordBatches)
		if len(got) != 1 || got[0].BaseOffset() != offset || !bytes.Equal(got[0].Payload(), batch.Payload()) {
			t.Errorf("%s: what was fetched is not what was produced", codec)
		}
	}
}

func TestAcksNoneIsNotAnswered(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	c.Send(produceTo(9, 0, "t", 0, plain(t)))
	// The next answer is that of the next request, and the batch is there.
	if offset := mustProduce(c, t, "t", 0, plain(t)); offset != 1 {
		t.Errorf("the second batch is at %d", offset)
	}
}

func TestAcksNoneClosesTheConnectionOnAnError(t *testing.T) {
	b := start(t)
	createTopic(b.Dial(), t, "t", 1)
	for name, req := range map[string]*kmsg.ProduceRequest{
		"topic":     produceTo(9, 0, "nope", 0, plain(t)),
		"partition": produceTo(9, 0, "t", 5, plain(t)),
		"batch":     produceTo(9, 0, "t", 0, changed(t, func(b record.Batch) { b.SetCRC(1) })[:61]),
	} {
		t.Run(name, func(t *testing.T) {
			c := b.Dial()
			c.Send(req)
			c.Closed()
		})
	}
}

func TestProduceRefuses(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1, "max.message.bytes", "2000")
	createTopic(c, t, "compacted", 1, "cleanup.policy", "compact")
	flip := plain(t)
	flip[len(flip)-1] ^= 1
	for _, r := range []struct {
		name    string
		version int16
		acks    int16
		topic   string
		records []byte
		code    int16
	}{
		{"unknown topic", 9, 1, "nope", plain(t), 3},
		{"a name no topic can have", 9, 1, "../etc", plain(t), 3},
		{"acks 2", 9, 2, "t", plain(t), 21},
		{"acks -2", 9, -2, "t", plain(t), 21},
		{"null records", 9, 1, "t", nil, 87},
		{"no records", 9, 1, "t", []byte{}, 87},
		{"half a header", 9, 1, "t", plain(t)[:30], 87},
		{"a batch cut short", 9, 1, "t", plain(t)[:65], 87},
		{"two batches", 9, 1, "t", append(plain(t), plain(t)...), 87},
		{"bytes behind the batch", 9, 1, "t", append(plain(t), 1, 2, 3), 87},
		{"magic 0", 9, 1, "t", changed(t, func(b record.Batch) { b[16] = 0 }), 87},
		{"magic 1", 9, 1, "t", changed(t, func(b record.Batch) { b[16] = 1 }), 87},
		{"magic 3", 9, 1, "t", changed(t, func(b record.Batch) { b[16] = 3 }), 2},
		{"a flipped bit", 9, 1, "t", flip, 2},
		{"a wrong CRC", 9, 1, "t", func() []byte { b := plain(t); b.SetCRC(b.CRC() + 1); return b }(), 2},
		{"length below a header", 9, 1, "t", changed(t, func(b record.Batch) { put32(b, 8, 10) }), 87},
		{"negative length", 9, 1, "t", changed(t, func(b record.Batch) { put32(b, 8, math.MaxUint32) }), 87},
		{"a base offset of its own", 9, 1, "t", changed(t, func(b record.Batch) { b.SetBaseOffset(1) }), 87},
		{"a lying count", 9, 1, "t", changed(t, func(b record.Batch) { put32(b, 57, 9) }), 87},
		{"a lying last offset delta", 9, 1, "t", changed(t, func(b record.Batch) { put32(b, 23, 9) }), 87},
		{"no record", 9, 1, "t", changed(t, func(b record.Batch) { put32(b, 57, 0) }), 87},
		{"a count below zero", 9, 1, "t", changed(t, func(b record.Batch) { put32(b, 57, 1<<31); put32(b, 23, 1<<31-1) }), 87},
		{"a control batch", 9, 1, "t", changed(t, func(b record.Batch) { b.SetAttributes(1 << 5) }), 87},
		{"a transaction without id", 9, 1, "t", changed(t, func(b record.Batch) { b.SetAttributes(1 << 4) }), 53},
		{"an unknown codec", 9, 1, "t", changed(t, func(b record.Batch) { b.SetAttributes(6) }), 87},
		{"zstd before version 7", 6, 1, "t", batchOf(t, record.BuilderOptions{Codec: record.Zstd}, "x"), 76},
		{"too large", 9, 1, "t", batchOf(t, record.BuilderOptions{}, string(make([]byte, 3000))), 10},
		{"too far ahead", 9, 1, "t", batchAt(t, record.BuilderOptions{}, now()+5*time.Hour.Milliseconds(), "x"), 32},
		{"no key on a compacted topic", 9, 1, "compacted", plain(t), 87},
		{"a sequence out of order", 9, 1, "t", batchOf(t, record.BuilderOptions{Producer: &record.Producer{ID: 7, Epoch: 0, BaseSequence: -5}}, "x"), 87},
	} {
		t.Run(r.name, func(t *testing.T) {
			answer := produce(c, produceTo(r.version, r.acks, r.topic, 0, r.records))
			if answer.ErrorCode != r.code || answer.BaseOffset != -1 {
				t.Errorf("error code %d, offset %d; want code %d", answer.ErrorCode, answer.BaseOffset, r.code)
			}
		})
	}
	if offset := mustProduce(c, t, "t", 0, plain(t)); offset != 0 {
		t.Errorf("what was refused took offsets: the first batch is at %d", offset)
	}
}

// A log would take it, and never see the end of it.
func TestTransactionsNeedACoordinator(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1)
	req := produceTo(9, -1, "t", 0, batchOf(t, record.BuilderOptions{Transactional: true, Producer: &record.Producer{ID: 7}}, "x"))
	req.TransactionID = kmsg.StringPtr("id")
	if answer := produce(c, req); answer.ErrorCode != 48 || answer.BaseOffset != -1 {
		t.Errorf("error code %d, offset %d; want INVALID_TXN_STATE", answer.ErrorCode, answer.BaseOffset)
	}
	if offset := mustProduce(c, t, "t", 0, plain(t)); offset != 0 {
		t.Errorf("what was refused took offsets: the first batch is at %d", offset)
	}
}

func TestRefusedRecordsAreNamed(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "compacted", 1, "cleanup.policy", "compact")
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(now(), []byte("key"), nil)
	b.Append(now(), nil, []byte("no key"))
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[int16]int{7: 0, 8: 1, 13: 1} {
		req := produceTo(version, 1, "compacted", 0, batch)
		req.Topics[0].TopicID = topicID(c, t, "compacted")
		answer := produce(c, req)
		if answer.ErrorCode != 87 || len(answer.ErrorRecords) != want {
			t.Fatalf("version %d: %+v", version, answer)
		}
		if want == 1 && (answer.ErrorRecords[0].RelativeOffset != 1 || answer.ErrorRecords[0].ErrorMessage == nil || answer.ErrorMessage == nil) {
			t.Errorf("version %d: record %+v, message %v", version, answer.ErrorRecords[0], answer.ErrorMessage)
		}
	}
}

// topicID asks Metadata for a topic's id.
func topicID(c *servertest.Client, t *testing.T, name string) [16]byte {
	t.Helper()
	resp := c.Request(metadataOf(12, false, name)).(*kmsg.MetadataResponse)
	if resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("topic %s: error code %d", name, resp.Topics[0].ErrorCode)
	}
	return resp.Topics[0].TopicID
}

func TestProduceByTopicID(t *testing.T) {
	c := start(t).Dial()
	id := createTopic(c, t, "t", 1)
	req := produceTo(13, 1, "", 0, plain(t))
	req.Topics[0].TopicID = [16]byte{1, 2, 3}
	if answer := produce(c, req); answer.ErrorCode != 100 {
		t.Errorf("an unknown id: error code %d, want UNKNOWN_TOPIC_ID", answer.ErrorCode)
	}
	req.Topics[0].TopicID = id
	if answer := produce(c, req); answer.ErrorCode != 0 {
		t.Errorf("a known id: error code %d", answer.ErrorCode)
	}
	req.Topics[0].Partitions[0].Partition = 4
	if answer := produce(c, req); answer.ErrorCode != 3 {
		t.Errorf("an unknown partition: error code %d", answer.ErrorCode)
	}
}

// One partition's fault is not another's.
func TestProduceAnswersEachPartition(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 2)
	req := produceTo(9, -1, "t", 0, plain(t))
	bad := kmsg.NewProduceRequestTopicPartition()
	bad.Partition, bad.Records = 7, plain(t)
	good := kmsg.NewProduceRequestTopicPartition()
	good.Partition, good.Records = 1, plain(t)
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, bad, good)
	req.Topics = append(req.Topics, produceTo(9, -1, "nope", 0, plain(t)).Topics...)
	resp := c.Request(req).(*kmsg.ProduceResponse)
	p := resp.Topics[0].Partitions
	if p[0].ErrorCode != 0 || p[1].ErrorCode != 3 || p[2].ErrorCode != 0 || resp.Topics[1].Partitions[0].ErrorCode != 3 {
		t.Errorf("%+v", resp.Topics)
	}
}

func TestLogAppendTimeIsReportedAndWritten(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 1, "message.timestamp.type", "LogAppendTime")
	before := now()
	answer := produce(c, produceTo(9, -1, "t", 0, batchAt(t, record.BuilderOptions{}, before-5000, "x")))
	if answer.LogAppendTime < before {
		t.Fatalf("append time %d, it was %d before", answer.LogAppendTime, before)
	}
	got := checkedBatches(t, fetch(c, fetchFrom(12, "t", 0, 0)).RecordBatches)
	if len(got) != 1 || !got[0].LogAppendTime() || got[0].MaxTimestamp() != answer.LogAppendTime {
		t.Errorf("the batch says %d, by append %v; the answer %d", got[0].MaxTimestamp(), got[0].LogAppendTime(), answer.LogAppendTime)
	}
}

func TestIdempotentProducer(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	id := c.Request(initProducerID(4)).(*kmsg.InitProducerIDResponse).ProducerID
	sequenced := func(epoch int16, sequence int32) kmsg.ProduceResponseTopicPartition {
		return produce(c, produceTo(9, -1, "t", 0, batchOf(t, record.BuilderOptions{
			Producer: &record.Producer{ID: id, Epoch: epoch, BaseSequence: sequence},
		}, "x")))
	}
	for n := range int32(6) {
		if answer := sequenced(0, n); answer.ErrorCode != 0 || answer.BaseOffset != int64(n) {
			t.Fatalf("batch %d: %+v", n, answer)
		}
	}
	for _, r := range []struct {
		name     string
		epoch    int16
		sequence int32
		code     int16
		offset   int64
	}{
		{"the last one again", 0, 5, 0, 5},
		{"the fifth last again", 0, 1, 0, 1},
		{"one out of the window again", 0, 0, 45, -1},
		{"a gap", 0, 9, 45, -1},
		{"a new epoch not from 0", 1, 3, 45, -1},
		{"a new epoch", 1, 0, 0, 6},
		{"the old epoch", 0, 6, 47, -1},
	} {
		if answer := sequenced(r.epoch, r.sequence); answer.ErrorCode != r.code || answer.BaseOffset != r.offset {
			t.Errorf("%s: code %d, offset %d; want %d, %d", r.name, answer.ErrorCode, answer.BaseOffset, r.code, r.offset)
		}
	}
}

// A disk that hangs: acks=1 is answered, acks=all waits, a retry of it waits as
// well, and so does a producer that says that it will not.
func TestDurabilityIsWaitedFor(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: disk})
	c := b.Dial()
	createTopic(c, t, "t", 1)
	release := make(chan struct{})
	hung := make(chan struct{}, 100)
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			hung <- struct{}{}
			<-release
		}
		return nil
	})
	once := func(acks int16, timeoutMs int32) *kmsg.ProduceRequest {
		req := produceTo(9, acks, "t", 0, batchOf(t, record.BuilderOptions{Producer: &record.Producer{ID: 3}}, "x"))
		req.TimeoutMillis = timeoutMs
		return req
	}
	if answer := produce(c, once(1, 30_000)); answer.ErrorCode != 0 || answer.BaseOffset != 0 {
		t.Fatalf("acks=1: %+v", answer)
	}
	<-hung
	// Without any patience: it learns what became of the batch all the same.
	hasty := b.Dial()
	impatient := hasty.Send(once(-1, 0))
	if got := fetch(c, fetchFrom(12, "t", 0, 0)); len(got.RecordBatches) != 0 || got.HighWatermark != 0 {
		t.Errorf("what is not durable is read: %d bytes, high watermark %d", len(got.RecordBatches), got.HighWatermark)
	}
	for _, ms := range []int64{0, -3} {
		if p := c.Request(listOffsets(7, "t", 0, ms)).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != -1 {
			t.Errorf("what is not durable is found by time %d: %+v", ms, p)
		}
	}
	if p := c.Request(listOffsets(7, "t", 0, -1)).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]; p.Offset != 0 {
		t.Errorf("the latest offset is %d, of what is not durable", p.Offset)
	}
	waiting := c.Send(once(-1, 30_000))
	behind := c.Send(fetchFrom(12, "t", 0, 0))
	close(release)
	answer := c.Receive(once(-1, 0), waiting).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if answer.ErrorCode != 0 || answer.BaseOffset != 0 {
		t.Errorf("the duplicate, once it is durable: %+v", answer)
	}
	c.Receive(fetchFrom(12, "t", 0, 0), behind)
	answer = hasty.Receive(once(-1, 0), impatient).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if answer.ErrorCode != 0 || answer.BaseOffset != 0 {
		t.Errorf("the producer with timeout 0: %+v", answer)
	}
	disk.SetHook(nil)
}

// A disk that fails: the log is poisoned, which is Kafka's storage error, and
// what was durable stays readable.
func TestFailedSyncIsAStorageError(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: disk})
	c := b.Dial()
	createTopic(c, t, "t", 1)
	createTopic(c, t, "other", 1)
	mustProduce(c, t, "t", 0, plain(t))
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && op.Name == "logs/t-0/00000000000000000000.log" {
			return errDisk
		}
		return nil
	})
	if answer := produce(c, produceTo(9, -1, "t", 0, plain(t))); answer.ErrorCode != 56 {
		t.Errorf("the batch that was not synced: error code %d, want KAFKA_STORAGE_ERROR", answer.ErrorCode)
	}
	disk.SetHook(nil)
	if answer := produce(c, produceTo(9, -1, "t", 0, plain(t))); answer.ErrorCode != 56 {
		t.Errorf("a batch after it: error code %d", answer.ErrorCode)
	}
	if got := checkedBatches(t, fetch(c, fetchFrom(12, "t", 0, 0)).RecordBatches); len(got) != 1 {
		t.Errorf("%d batches are readable, want the durable one", len(got))
	}
	mustProduce(c, t, "other", 0, plain(t))
	if err := b.Server().Shutdown(contextFor(t)); !errors.Is(err, logstore.ErrPoisoned) {
		t.Errorf("closing says %v", err)
	}
}
