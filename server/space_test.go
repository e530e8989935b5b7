package server_test

import (
	"log/slog"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

// produce appends one record of so many bytes to partition 0 of a topic, durably,
// and returns its offset.
func produce(t *testing.T, c *servertest.Client, topic string, bytes int) (offset int64, code int16) {
	t.Helper()
	builder := record.NewBuilder(record.BuilderOptions{})
	builder.Append(time.Now().UnixMilli(), nil, []byte(strings.Repeat("x", bytes)))
	batch, err := builder.Finish()
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 30_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = batch
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	answer := c.Request(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return answer.BaseOffset, answer.ErrorCode
}

// fetched tells whether there are records at offset.
func fetched(c *servertest.Client, topic string, offset int64) bool {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.SessionEpoch = 11, 1<<20, -1
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = topic
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.FetchOffset, fp.PartitionMaxBytes = offset, 1<<20
	ft.Partitions = append(ft.Partitions, fp)
	req.Topics = append(req.Topics, ft)
	p := c.Request(req).(*kmsg.FetchResponse).Topics[0].Partitions[0]
	return p.ErrorCode == 0 && len(p.RecordBatches) > 0
}

func setTopic(t *testing.T, c *servertest.Client, topic, name, value string) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = name, &value
	resource.Configs = append(resource.Configs, config)
	req.Resources = append(req.Resources, resource)
	if got := c.Request(req).(*kmsg.IncrementalAlterConfigsResponse).Resources[0]; got.ErrorCode != 0 {
		t.Fatalf("%s of %s: %v", name, topic, kerr.ErrorForCode(got.ErrorCode))
	}
}

func deleteTopic(t *testing.T, c *servertest.Client, name string) {
	t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames = 5, []string{name}
	if got := c.Request(req).(*kmsg.DeleteTopicsResponse).Topics[0]; got.ErrorCode != 0 {
		t.Fatalf("delete %s: %v", name, kerr.ErrorForCode(got.ErrorCode))
	}
}

func deleteRecords(t *testing.T, c *servertest.Client, topic string, before int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version = 2
	dt := kmsg.NewDeleteRecordsRequestTopic()
	dt.Topic = topic
	dp := kmsg.NewDeleteRecordsRequestTopicPartition()
	dp.Offset = before
	dt.Partitions = append(dt.Partitions, dp)
	req.Topics = append(req.Topics, dt)
	if got := c.Request(req).(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0]; got.ErrorCode != 0 {
		t.Fatalf("delete records of %s: %v", topic, kerr.ErrorForCode(got.ErrorCode))
	}
}

// filling is a broker that was filled up to its reserve by records of topic t.
type filling struct {
	t     *testing.T
	b     *servertest.Broker
	c     *servertest.Client
	mem   *vfs.Mem
	clock *servertest.Clock
	log   *servertest.Log
	freed chan struct{} // the last file of what was deleted is gone
	end   int64
}

const reservedBytes = 2 << 20

func fill(t *testing.T) *filling {
	t.Helper()
	f := &filling{t: t, mem: vfs.NewMem(), clock: &servertest.Clock{}, log: &servertest.Log{}, freed: make(chan struct{}, 1)}
	disk := vfs.NewFault(f.mem)
	disk.SetHook(func(op vfs.Op) error {
		// A directory goes behind its files, a segment's snapshot behind its data.
		if op.Kind == vfs.OpRemove && (strings.HasSuffix(op.Name, "-delete") || path.Ext(strings.TrimSuffix(op.Name, ".deleted")) == ".snapshot" && strings.HasSuffix(op.Name, ".deleted")) {
			select {
			case f.freed <- struct{}{}:
			default:
			}
		}
		return nil
	})
	f.mem.SetCapacity(8 << 20)
	f.b = servertest.Start(t, server.Config{FS: disk, Clock: f.clock, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Properties: map[string]string{
		"moldau.reserve.bytes": "2097152", "log.segment.bytes": "1048576", "log.segment.delete.delay.ms": "0",
	}})
	f.c = f.b.Dial()
	create(t, f.b, "t", "other")
	if got := describeBroker(t, f.b, "moldau.reserve.bytes", "1"); got != "2097152" {
		t.Fatalf("the reserve is shown as %s", got)
	}
	for f.refused("t") == 0 {
	}
	return f
}

// refused produces, and returns what was answered.
func (f *filling) refused(topic string) int16 {
	f.t.Helper()
	offset, code := produce(f.t, f.c, topic, 64<<10)
	if code == 0 && topic == "t" {
		f.end = offset + 1
	}
	return code
}

func (f *filling) free() int64 {
	f.t.Helper()
	space, err := f.mem.Space(".")
	if err != nil {
		f.t.Fatal(err)
	}
	return space.Free
}

// Below the reserve, long before the device is full, records are refused with
// an error that clients retry by, and whatever gives room back works; when it
// did, records are taken again, without a restart.
func TestReserve(t *testing.T) {
	for _, way := range []struct {
		name string
		give func(f *filling)
		into string
	}{
		{"DeleteTopics", func(f *filling) { deleteTopic(f.t, f.c, "t") }, "other"},
		{"DeleteRecords", func(f *filling) { deleteRecords(f.t, f.c, "t", f.end) }, "t"},
		{"retention", func(f *filling) { setTopic(f.t, f.c, "t", "retention.bytes", "1048576") }, "t"},
		{"a restart, then retention", func(f *filling) {
			f.b.Close()
			f.b.Restart()
			f.c = f.b.Dial()
			setTopic(f.t, f.c, "t", "retention.bytes", "1048576")
		}, "t"},
	} {
		t.Run(way.name, func(t *testing.T) {
			f := fill(t)
			if free := f.free(); free < reservedBytes*3/4 || free > reservedBytes*5/4 {
				t.Fatalf("%d bytes are free, %d are reserved", free, int64(reservedBytes))
			}
			for range 5 {
				for _, topic := range []string{"t", "other"} {
					if err := kerr.ErrorForCode(f.refused(topic)); err != error(kerr.KafkaStorageError) || !kerr.IsRetriable(err) {
						t.Fatalf("below the reserve %s: %v", topic, err)
					}
				}
			}
			if n := f.log.Count("partition takes no records"); n != 2 {
				t.Errorf("it is logged %d times, of two partitions", n)
			}
			for offset := range f.end {
				if !fetched(f.c, "t", offset) {
					t.Fatalf("offset %d is not read", offset)
				}
			}
			create(t, f.b, "made")
			way.give(f)
			<-f.freed
			f.clock.Step(time.Second) // the file system is not asked at every append
			if code := f.refused(way.into); code != 0 {
				t.Fatalf("with %d bytes free: %v", f.free(), kerr.ErrorForCode(code))
			}
			if n := f.log.Count("partition takes records again"); n != 1 && way.name != "a restart, then retention" {
				t.Errorf("it is logged %d times that it is over", n)
			}
		})
	}
}
