package api_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

// Requests that arrive at once are answered as if each had come by itself, the good
// ones among bad ones, over several topics and partitions, in any version.
func TestProduceRequestsThatArriveTogether(t *testing.T) {
	c := start(t).Dial()
	createTopic(c, t, "t", 3)
	createTopic(c, t, "u", 1, "max.message.bytes", "200")
	numbered := func(sequence int32) []byte {
		return batchOf(t, record.BuilderOptions{Producer: &record.Producer{ID: 7, BaseSequence: sequence}}, "n")
	}
	flip := plain(t)
	flip[len(flip)-1] ^= 1
	several := produceTo(9, -1, "t", 0, plain(t))
	for p := range int32(2) {
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = 1+p, plain(t)
		several.Topics[0].Partitions = append(several.Topics[0].Partitions, part)
	}
	second := produceTo(9, -1, "u", 0, plain(t)).Topics[0]
	several.Topics = append(several.Topics, second)
	type want struct {
		code   int16
		offset int64
	}
	var reqs []*kmsg.ProduceRequest
	var wants [][]want
	add := func(req *kmsg.ProduceRequest, w ...want) {
		reqs, wants = append(reqs, req), append(wants, w)
	}
	add(produceTo(9, -1, "t", 0, plain(t)), want{0, 0})
	add(produceTo(9, 1, "t", 0, plain(t)), want{0, 1})
	add(produceTo(9, -1, "t", 0, flip), want{2, -1})
	add(produceTo(3, -1, "t", 0, plain(t)), want{0, 2})
	add(produceTo(9, -1, "nope", 0, plain(t)), want{3, -1})
	add(several, want{0, 3}, want{0, 0}, want{0, 0}, want{0, 0})
	add(produceTo(9, -1, "u", 0, batchOf(t, record.BuilderOptions{}, string(make([]byte, 300)))), want{10, -1})
	add(produceTo(9, -1, "u", 0, plain(t)), want{0, 1})
	add(produceTo(9, -1, "t", 1, numbered(0)), want{0, 1})
	add(produceTo(9, -1, "t", 1, numbered(1)), want{0, 2})
	add(produceTo(9, -1, "t", 1, numbered(0)), want{0, 1}) // again
	add(produceTo(9, -1, "t", 1, numbered(9)), want{45, -1})
	add(produceTo(9, 7, "t", 0, plain(t)), want{21, -1})
	add(produceTo(9, -1, "t", 9, plain(t)), want{3, -1})
	add(produceTo(9, -1, "t", 1, numbered(2)), want{0, 3})

	var ids []int32
	var all []byte
	for i, req := range reqs {
		ids = append(ids, int32(1000+i))
		all = append(all, kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, ids[i])...)
	}
	c.Write(all)
	for i, req := range reqs {
		answer := c.Receive(req, ids[i]).(*kmsg.ProduceResponse)
		n := 0
		for _, topic := range answer.Topics {
			for _, p := range topic.Partitions {
				if w := wants[i][n]; p.ErrorCode != w.code || p.BaseOffset != w.offset {
					t.Errorf("request %d, %s-%d: code %d, offset %d; want %+v", i, topic.Topic, p.Partition, p.ErrorCode, p.BaseOffset, w)
				}
				n++
			}
		}
		if n != len(wants[i]) {
			t.Errorf("request %d has %d answers, want %d", i, n, len(wants[i]))
		}
	}
	if got := checkedBatches(t, fetch(c, fetchFrom(12, "t", 1, 0)).RecordBatches); len(got) != 4 {
		t.Errorf("%d batches, want 4", len(got))
	}
}

// What is behind a request of acks=0 that fails is not appended, as the connection
// ends there.
func TestAcksNoneFailsAmongOthers(t *testing.T) {
	b := start(t)
	c := b.Dial()
	createTopic(c, t, "t", 1)
	var all []byte
	for i, req := range []*kmsg.ProduceRequest{
		produceTo(9, 0, "t", 0, plain(t)), produceTo(9, 1, "t", 0, plain(t)), produceTo(9, 1, "t", 0, plain(t)),
		produceTo(9, 0, "t", 0, plain(t)[:30]), produceTo(9, 1, "t", 0, plain(t)),
	} {
		all = append(all, kmsg.NewRequestFormatter().AppendRequest(nil, req, int32(i))...)
	}
	c.Write(all)
	for id := int32(1); id <= 2; id++ {
		if answer := c.Receive(produceTo(9, 1, "t", 0, nil), id).(*kmsg.ProduceResponse); answer.Topics[0].Partitions[0].BaseOffset != int64(id) {
			t.Errorf("request %d is answered by %+v", id, answer)
		}
	}
	c.Closed()
	if offset := mustProduce(b.Dial(), t, "t", 0, plain(t)); offset != 3 {
		t.Errorf("the next batch is at %d, want 3", offset)
	}
}

// What several requests have for a partition is written at once.
func TestProduceRequestsShareWrites(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: disk, Properties: map[string]string{"moldau.durability": "os"}})
	c := b.Dial()
	createTopic(c, t, "t", 2)
	for p := range int32(2) {
		mustProduce(c, t, "t", p, plain(t))
	}
	var writes atomic.Int64
	disk.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.Contains(op.Name, "/t-") && strings.HasSuffix(op.Name, ".log") {
			writes.Add(1)
		}
		return nil
	})
	const requests = 6
	var all []byte
	for i := range int32(requests) {
		all = append(all, kmsg.NewRequestFormatter().AppendRequest(nil, produceTo(9, -1, "t", i%2, plain(t)), i)...)
	}
	c.Write(all) // at once, and so it is read
	for i := range int32(requests) {
		c.Receive(produceTo(9, -1, "t", i%2, nil), i)
	}
	disk.SetHook(nil)
	if n := writes.Load(); n != 2 {
		t.Errorf("%d writes for %d requests to two partitions", n, requests)
	}
}

// Many clients that pipeline get offsets that nobody else got.
func TestManyProducersPipeline(t *testing.T) {
	const clients, rounds, atOnce = 4, 12, 6
	b := start(t)
	createTopic(b.Dial(), t, "t", 2)
	var conns []*servertest.Client
	for range clients {
		conns = append(conns, b.Dial())
	}
	seen := map[string]bool{}
	for round := range rounds {
		var sent []*kmsg.ProduceRequest
		for k, c := range conns {
			var all []byte
			for i := range atOnce {
				o := record.BuilderOptions{Producer: &record.Producer{ID: int64(100 + k), BaseSequence: int32((round*atOnce + i) / 2)}}
				req := produceTo(9, -1, "t", int32(i%2), batchOf(t, o, "x"))
				sent = append(sent, req)
				all = append(all, kmsg.NewRequestFormatter().AppendRequest(nil, req, int32(i))...)
			}
			c.Write(all)
		}
		for k, c := range conns {
			for i := range atOnce {
				p := c.Receive(sent[k*atOnce+i], int32(i)).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
				at := fmt.Sprint(p.Partition, "@", p.BaseOffset)
				if p.ErrorCode != 0 || seen[at] {
					t.Errorf("client %d: code %d, %s", k, p.ErrorCode, at)
				}
				seen[at] = true
			}
		}
	}
	if len(seen) != clients*rounds*atOnce {
		t.Errorf("%d offsets for %d batches", len(seen), clients*rounds*atOnce)
	}
}
