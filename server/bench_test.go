package server_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/server"
	"moldau/server/servertest"
)

// replay is a connection that sends one frame over and over, so that what is
// measured is the broker and two system calls.
type replay struct {
	b     *testing.B
	conn  net.Conn
	frame []byte
	reply []byte
}

func newReplay(b *testing.B, broker *servertest.Broker, req kmsg.Request) *replay {
	b.Helper()
	conn, err := net.Dial("tcp", broker.Addr())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	frame := make([]byte, 4)
	frame = binary.BigEndian.AppendUint16(frame, uint16(req.Key()))
	frame = binary.BigEndian.AppendUint16(frame, uint16(req.GetVersion()))
	frame = append(frame, 0, 0, 0, 1, 0xff, 0xff)
	if req.IsFlexible() {
		frame = append(frame, 0)
	}
	frame = req.AppendTo(frame)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return &replay{b: b, conn: conn, frame: frame, reply: make([]byte, 1<<20)}
}

// once sends the frame and drops the answer, of which it returns the size.
func (r *replay) once() int {
	if _, err := r.conn.Write(r.frame); err != nil {
		r.b.Fatal(err)
	}
	if _, err := io.ReadFull(r.conn, r.reply[:4]); err != nil {
		r.b.Fatal(err)
	}
	size := int(binary.BigEndian.Uint32(r.reply))
	if size > len(r.reply) {
		r.reply = make([]byte, size)
	}
	if _, err := io.ReadFull(r.conn, r.reply[:size]); err != nil {
		r.b.Fatal(err)
	}
	return size
}

const benchPartitions = 6

// benchBroker has topic t with six partitions.
func benchBroker(b *testing.B) (*servertest.Broker, [16]byte) { return benchTopic(b, benchPartitions) }

// benchTopic has topic t, in os mode: the disk is not what is measured.
func benchTopic(b *testing.B, partitions int32) (*servertest.Broker, [16]byte) {
	broker := servertest.Start(b, server.Config{Properties: map[string]string{"moldau.durability": "os"}})
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", partitions, 1
	create.Topics = append(create.Topics, topic)
	return broker, broker.Dial().Request(create).(*kmsg.CreateTopicsResponse).Topics[0].TopicID
}

// produceRequest holds a batch of 16 KiB for each of six partitions, as the Java
// producer sends it under load.
func produceRequest(b *testing.B, id [16]byte, acks int16) *kmsg.ProduceRequest {
	builder := record.NewBuilder(record.BuilderOptions{})
	for range 15 {
		builder.Append(time.Now().UnixMilli(), nil, make([]byte, 1024))
	}
	batch, err := builder.Finish()
	if err != nil {
		b.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 13, acks, 30_000
	topic := kmsg.NewProduceRequestTopic()
	topic.TopicID = id
	for n := range int32(benchPartitions) {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = n, batch
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	return req
}

func BenchmarkProduce(b *testing.B) {
	broker, id := benchBroker(b)
	r := newReplay(b, broker, produceRequest(b, id, -1))
	b.SetBytes(int64(len(r.frame)))
	b.ReportAllocs()
	for b.Loop() {
		r.once()
	}
}

func BenchmarkFetch(b *testing.B) {
	broker, id := benchBroker(b)
	producer := newReplay(b, broker, produceRequest(b, id, -1))
	for range 16 {
		producer.once()
	}
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = 17, 50<<20, 1, 500, -1
	topic := kmsg.NewFetchRequestTopic()
	topic.TopicID = id
	for n := range int32(benchPartitions) {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes = n, 1<<20
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	r := newReplay(b, broker, req)
	b.SetBytes(int64(r.once()))
	b.ReportAllocs()
	for b.Loop() {
		r.once()
	}
}

// BenchmarkIdleFetch asks for many partitions without news, each time in full
// and as a session.
func BenchmarkIdleFetch(b *testing.B) {
	const partitions = 200
	for _, session := range []bool{false, true} {
		b.Run(fmt.Sprintf("partitions=%d/session=%t", partitions, session), func(b *testing.B) {
			broker, id := benchTopic(b, partitions)
			req := kmsg.NewPtrFetchRequest()
			req.Version, req.MaxBytes, req.MinBytes, req.SessionEpoch = 17, 50<<20, 1, -1
			topic := kmsg.NewFetchRequestTopic()
			topic.TopicID = id
			for n := range int32(partitions) {
				p := kmsg.NewFetchRequestTopicPartition()
				p.Partition, p.PartitionMaxBytes = n, 1<<20
				topic.Partitions = append(topic.Partitions, p)
			}
			req.Topics = append(req.Topics, topic)
			var epoch []byte // of the next request
			if session {
				req.SessionEpoch = 0
				req.SessionID = broker.Dial().Request(req).(*kmsg.FetchResponse).SessionID
				req.Topics = nil
			}
			r := newReplay(b, broker, req)
			if session {
				epoch = r.frame[4+11+3*4+1+4:][:4]
			}
			b.ReportAllocs()
			for n := uint32(1); b.Loop(); n++ {
				if session {
					binary.BigEndian.PutUint32(epoch, n)
				}
				if size := r.once(); session != (size < 100) {
					b.Fatalf("answered with %d bytes", size)
				}
			}
		})
	}
}
