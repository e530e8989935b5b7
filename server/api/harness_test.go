package api_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

// start runs a broker on memory: these tests are about answers, and the disks
// of a test machine would only slow them down.
func start(t *testing.T, properties ...map[string]string) *servertest.Broker {
	t.Helper()
	c := server.Config{FS: vfs.NewMem()}
	for _, p := range properties {
		c.Properties = p
	}
	return servertest.Start(t, c)
}

// createTopic makes a topic through CreateTopics and returns its id.
func createTopic(c *servertest.Client, t *testing.T, name string, partitions int32, configs ...string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, -1
	for i := 0; i < len(configs); i += 2 {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, config)
	}
	req.Topics = append(req.Topics, topic)
	answer := c.Request(req).(*kmsg.CreateTopicsResponse).Topics[0]
	if answer.ErrorCode != 0 {
		t.Fatalf("create topic %s: error code %d, %v", name, answer.ErrorCode, answer.ErrorMessage)
	}
	return answer.TopicID
}

// now is the time of the records that these tests write: older ones would be
// retired.
func now() int64 { return time.Now().UnixMilli() }

// batchOf builds a batch with a record for each value.
func batchOf(t testing.TB, o record.BuilderOptions, values ...string) record.Batch {
	t.Helper()
	return batchAt(t, o, now(), values...)
}

func batchAt(t testing.TB, o record.BuilderOptions, ms int64, values ...string) record.Batch {
	t.Helper()
	b := record.NewBuilder(o)
	for _, v := range values {
		b.Append(ms, nil, []byte(v))
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// plain is a batch of one record.
func plain(t testing.TB) record.Batch {
	return batchOf(t, record.BuilderOptions{}, "value")
}

// changed is plain with some bytes changed, and a CRC that agrees.
func changed(t testing.TB, change func(record.Batch)) record.Batch {
	b := plain(t)
	change(b)
	b.SetCRC(b.ComputeCRC())
	return b
}

// produceTo asks to append records to one partition.
func produceTo(version, acks int16, topic string, partition int32, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, acks, 30_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, records
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// produce sends a Produce request of one partition and returns its answer.
func produce(c *servertest.Client, req *kmsg.ProduceRequest) kmsg.ProduceResponseTopicPartition {
	return c.Request(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
}

// mustProduce appends records and returns the first one's offset.
func mustProduce(c *servertest.Client, t *testing.T, topic string, partition int32, records []byte) int64 {
	t.Helper()
	answer := produce(c, produceTo(9, -1, topic, partition, records))
	if answer.ErrorCode != 0 {
		t.Fatalf("produce: error code %d", answer.ErrorCode)
	}
	return answer.BaseOffset
}

// fetchFrom asks for one partition's records, and does not wait.
func fetchFrom(version int16, topic string, partition int32, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionEpoch = version, 1, 1<<20, -1
	addFetch(req, topic, partition, offset)
	return req
}

func addFetch(req *kmsg.FetchRequest, topic string, partition int32, offset int64) *kmsg.FetchRequestTopicPartition {
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return &req.Topics[len(req.Topics)-1].Partitions[0]
}

// fetch sends a Fetch request of one partition and returns its answer.
func fetch(c *servertest.Client, req *kmsg.FetchRequest) kmsg.FetchResponseTopicPartition {
	return c.Request(req).(*kmsg.FetchResponse).Topics[0].Partitions[0]
}

// checkedBatches cuts fetched bytes into whole batches, each of which must be
// sound.
func checkedBatches(t *testing.T, b []byte) []record.Batch {
	t.Helper()
	var all []record.Batch
	for len(b) > 0 {
		batch, rest, err := record.Next(b)
		if err == nil {
			err = batch.Check()
		}
		if err != nil {
			t.Fatalf("batch %d of what was fetched: %v", len(all), err)
		}
		all, b = append(all, batch), rest
	}
	return all
}

// contextFor ends with the test, and in any case before the test binary loses
// patience.
func contextFor(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// put changes an integer of a batch in place.
func put32(b record.Batch, at int, v uint32) { binary.BigEndian.PutUint32(b[at:], v) }

func itoa(n int32) string { return strconv.Itoa(int(n)) }

var errDisk = errors.New("the disk is broken")
