package api

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A producer waits for so long and not longer, for all of its partitions together; one
// that is visible is not late. In the package, because a broker of one has none to wait
// for but the disk, and for that at least half a minute.
func TestProducerIsToldThatItIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := logstore.DefaultConfig()
		c.Durability, c.Replicated = logstore.OS, true // visible as followers tell, who are none
		store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Manual: true, Log: c})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		b := &Broker{}
		p := newProduction(b)
		b.productions.New = func() any { return p }
		answers := make([]produced, 3)
		var logs []*logstore.Log
		waiting := func() []appended {
			var all []appended
			for i, l := range logs {
				all = append(all, appended{l, 0, &answers[i]})
			}
			return all
		}
		for i := range answers {
			log, err := store.Create(logstore.TopicPartition{Topic: "t", Partition: int32(i)}, logstore.TopicID{1}, c)
			if err != nil {
				t.Fatal(err)
			}
			batch := record.NewBuilder(record.BuilderOptions{})
			batch.Append(time.Now().UnixMilli(), nil, []byte("value"))
			whole, err := batch.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := log.AppendLeader(whole, 0); err != nil {
				t.Fatal(err)
			}
			logs = append(logs, log)
		}

		p.timeout, p.resp, p.waiting = 5*time.Second, &produceResponse{}, waiting()
		if err := logs[2].SetHighWatermark(1); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := p.park(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("waited %v", took)
		}
		for i, want := range []int16{kerr.RequestTimedOut.Code, kerr.RequestTimedOut.Code, 0} {
			if answers[i].code != want {
				t.Errorf("partition %d: error %d, want %d", i, answers[i].code, want)
			}
		}

		// The same memory serves the next, who is in time.
		clear(answers)
		p = b.productions.Get().(*production)
		p.timeout, p.resp, p.waiting = 5*time.Second, &produceResponse{}, waiting()
		time.AfterFunc(4*time.Second, func() {
			if err := errors.Join(logs[0].SetHighWatermark(1), logs[1].SetHighWatermark(1)); err != nil {
				t.Error(err)
			}
		})
		began = time.Now()
		if _, err := p.park(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 4*time.Second || answers[0].code != 0 || answers[1].code != 0 {
			t.Errorf("waited %v: errors %d, %d", took, answers[0].code, answers[1].code)
		}

		// Who is gone is not waited for.
		p = b.productions.Get().(*production)
		p.timeout, p.resp, p.waiting = 5*time.Second, &produceResponse{}, []appended{{logs[0], 1, &answers[0]}}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := p.park(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("a connection that ended: %v", err)
		}
	})
}

// A Produce that waits for the disk keeps nothing of its frame: it is not counted then.
func TestProduceThatWaitsKeepsNoFrame(t *testing.T) {
	c := logstore.DefaultConfig()
	c.Durability, c.Replicated = logstore.OS, true
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Manual: true, Log: c})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	log, err := store.Create(logstore.TopicPartition{Topic: "t"}, logstore.TopicID{1}, c)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = 9, -1
	for range 5 {
		t := kmsg.NewProduceRequestTopic()
		for range 7 {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Records = make([]byte, 1000)
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	body := req.AppendTo(nil)
	frame := weak.Make(&body[0])
	p := newProduction(&Broker{})
	if err := p.req.Parse(9, body); err != nil {
		t.Fatal(err)
	}
	p.resp, p.waiting = &produceResponse{}, []appended{{log: log, last: 0}}
	body = nil
	runtime.GC()
	if frame.Value() == nil {
		t.Fatal("the test does not hold the frame itself")
	}
	reply, err := p.reply()
	if err != nil || reply.Park == nil {
		t.Fatalf("it does not wait: %v", err)
	}
	runtime.GC()
	if frame.Value() != nil {
		t.Error("the frame is kept")
	}
	runtime.KeepAlive(reply)
}
