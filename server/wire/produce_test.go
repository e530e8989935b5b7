package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/wire"
)

const produceKey = 0

// produceBody is a request with all that matters: two topics, null records,
// empty records, and a name that repeats.
func produceBody(version int16, transactionalID *string) *kmsg.ProduceRequest {
	m := kmsg.NewPtrProduceRequest()
	m.Version = version
	m.TransactionID = transactionalID
	m.Acks = -1
	m.TimeoutMillis = 1500
	for i, name := range []string{"orders", "payments"} {
		topic := kmsg.NewProduceRequestTopic()
		if version < 13 {
			topic.Topic = name
		} else {
			topic.TopicID = [16]byte{15: byte(i + 1)}
		}
		for p, records := range [][]byte{[]byte("first batch"), nil, {}, bytes.Repeat([]byte{7}, 300)} {
			partition := kmsg.NewProduceRequestTopicPartition()
			partition.Partition = int32(p * 10)
			partition.Records = records
			topic.Partitions = append(topic.Partitions, partition)
		}
		m.Topics = append(m.Topics, topic)
	}
	return m
}

func TestParseProduceReadsWhatClientsWrite(t *testing.T) {
	id := "payments-tx"
	for version := int16(3); version <= 13; version++ {
		for _, transactionalID := range []*string{nil, &id} {
			want := produceBody(version, transactionalID)
			body := want.AppendTo(nil)
			got, err := wire.ParseProduce(version, body)
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if (got.TransactionalID == nil) != (transactionalID == nil) ||
				(transactionalID != nil && *got.TransactionalID != id) {
				t.Errorf("version %d: transactional id %v", version, got.TransactionalID)
			}
			if got.Acks != -1 || got.TimeoutMs != 1500 || len(got.Topics) != len(want.Topics) {
				t.Fatalf("version %d: %+v", version, got)
			}
			for i := range want.Topics {
				checkProduceTopic(t, version, &got.Topics[i], &want.Topics[i], body)
			}
		}
	}
}

func checkProduceTopic(t *testing.T, version int16, got *wire.ProduceTopic, want *kmsg.ProduceRequestTopic, body []byte) {
	t.Helper()
	if got.Name != want.Topic || got.ID != want.TopicID || len(got.Partitions) != len(want.Partitions) {
		t.Fatalf("version %d: topic %q %x with %d partitions", version, got.Name, got.ID, len(got.Partitions))
	}
	for j, p := range got.Partitions {
		w := want.Partitions[j]
		if p.Partition != w.Partition || !bytes.Equal(p.Records, w.Records) || (p.Records == nil) != (w.Records == nil) {
			t.Errorf("version %d, partition %d: %d with %d bytes, null %t",
				version, w.Partition, p.Partition, len(p.Records), p.Records == nil)
		}
		if len(p.Records) > 0 {
			// In place: what is changed there is changed in the body.
			p.Records[0]++
			if bytes.Count(body, p.Records) == 0 {
				t.Errorf("version %d, partition %d: records are a copy", version, w.Partition)
			}
			p.Records[0]--
		}
	}
}

func TestParseProduceRefusesEveryPrefix(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		body := produceBody(version, nil).AppendTo(nil)
		for n := range body {
			if _, err := wire.ParseProduce(version, body[:n:n]); !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("version %d, %d of %d bytes: %v", version, n, len(body), err)
			}
		}
	}
}

func TestParseProduceRefusesLyingCounts(t *testing.T) {
	for _, c := range []struct {
		name    string
		version int16
		body    string
	}{
		{"null topics", 3, "\xff\xff" + "\x00\x01" + "\x00\x00\x00\x01" + "\xff\xff\xff\xff"},
		{"null topics, flexible", 9, "\x00" + "\x00\x01" + "\x00\x00\x00\x01" + "\x00" + "\x00"},
		{"topics beyond the body", 3, "\xff\xff" + "\x00\x01" + "\x00\x00\x00\x01" + "\x7f\xff\xff\xff" + "\x00\x01t"},
		{"topics beyond the body, flexible", 9, "\x00" + "\x00\x01" + "\x00\x00\x00\x01" + "\xff\xff\xff\xff\x0f" + "\x02t"},
		{"null topic name", 3, "\xff\xff" + "\x00\x01" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01" + "\xff\xff" + "\x00\x00\x00\x00"},
		{"null partitions", 3, "\xff\xff" + "\x00\x01" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01" + "\x00\x01t" + "\xff\xff\xff\xff"},
		{"records of -2 bytes", 3, "\xff\xff" + "\x00\x01" + "\x00\x00\x00\x01" + "\x00\x00\x00\x01" + "\x00\x01t" +
			"\x00\x00\x00\x01" + "\x00\x00\x00\x00" + "\xff\xff\xff\xfe"},
		{"two to the 28 tags", 9, "\x00" + "\x00\x01" + "\x00\x00\x00\x01" + "\x01" + "\x80\x80\x80\x80\x01"},
		{"overlong varint", 9, "\x80\x80\x80\x80\x80\x00" + "\x00\x01" + "\x00\x00\x00\x01" + "\x01" + "\x00"},
		{"varint of 33 bits", 9, "\x80\x80\x80\x80\x10" + "\x00\x01" + "\x00\x00\x00\x01" + "\x01" + "\x00"},
		{"version before batches of magic 2", 2, "\x00\x01" + "\x00\x00\x00\x01" + "\x00\x00\x00\x00"},
		{"version after the last", 14, "\x00" + "\x00\x01" + "\x00\x00\x00\x01" + "\x01" + "\x00"},
	} {
		if p, err := wire.ParseProduce(c.version, []byte(c.body)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
}

// More partitions than anybody has, in a body that does hold them.
func TestParseProduceRefusesTooManyPartitions(t *testing.T) {
	m := kmsg.NewPtrProduceRequest()
	m.Version = 9
	topic := kmsg.NewProduceRequestTopic()
	topic.Partitions = make([]kmsg.ProduceRequestTopicPartition, 1<<16)
	m.Topics = []kmsg.ProduceRequestTopic{topic, topic}
	if _, err := wire.ParseProduce(9, m.AppendTo(nil)); err != nil {
		t.Fatalf("at the limit: %v", err)
	}
	m.Topics = append(m.Topics, kmsg.NewProduceRequestTopic())
	m.Topics[2].Partitions = topic.Partitions[:1]
	if _, err := wire.ParseProduce(9, m.AppendTo(nil)); !errors.Is(err, wire.ErrMalformed) {
		t.Fatalf("above the limit: %v", err)
	}
}

func TestParseProduceAgainForgetsTheFormer(t *testing.T) {
	id := "tx"
	first, second := produceBody(8, &id), produceBody(13, nil)
	second.Topics = second.Topics[:1]
	var p wire.ProduceRequest
	if err := p.Parse(8, first.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	body := second.AppendTo(nil)
	if err := p.Parse(13, body); err != nil {
		t.Fatal(err)
	}
	if p.TransactionalID != nil || len(p.Topics) != 1 {
		t.Fatalf("left from the first: %+v", p)
	}
	checkProduceTopic(t, 13, &p.Topics[0], &second.Topics[0], body)

	body = produceBody(8, nil).AppendTo(nil)
	if err := p.Parse(8, body); err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(10, func() {
		if err := p.Parse(8, body); err != nil {
			t.Fatal(err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations a request", allocs)
	}
}

func FuzzParseProduce(f *testing.F) {
	id := "tx"
	for version := int16(3); version <= 13; version++ {
		f.Add(version, produceBody(version, &id).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if len(body) > 8<<10 {
			return
		}
		p, err := wire.ParseProduce(version, body)
		if err != nil {
			return
		}
		total := 0
		for _, topic := range p.Topics {
			for _, partition := range topic.Partitions {
				total += len(partition.Records)
			}
		}
		if total > len(body) {
			t.Fatal(fmt.Sprint("records of ", total, " bytes in a body of ", len(body)))
		}
		m := kmsg.NewPtrProduceRequest()
		m.Version = version
		if err := m.ReadFrom(body); err != nil {
			t.Fatalf("kmsg refuses what passed: %v", err)
		}
		if len(m.Topics) != len(p.Topics) {
			t.Fatalf("kmsg reads %d topics, not %d", len(m.Topics), len(p.Topics))
		}
	})
}
