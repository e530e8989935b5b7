package servertest_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// produce appends one record to topic t, which is made if need be, and returns
// its offset.
func produce(t *testing.T, b *servertest.Broker, acks int16) int64 {
	t.Helper()
	c := b.Dial()
	defer c.Close()
	m := kmsg.NewPtrMetadataRequest()
	m.Version, m.AllowAutoTopicCreation = 9, true
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr("t")
	m.Topics = append(m.Topics, topic)
	c.Request(m)

	builder := record.NewBuilder(record.BuilderOptions{})
	builder.Append(time.Now().UnixMilli(), nil, []byte("value"))
	batch, err := builder.Finish()
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, acks, 30_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = "t"
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = batch
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	answer := c.Request(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if answer.ErrorCode != 0 {
		t.Fatalf("produce: error code %d", answer.ErrorCode)
	}
	return answer.BaseOffset
}

func TestDataOutlivesTheBroker(t *testing.T) {
	for _, end := range []struct {
		name string
		fs   vfs.FS
		stop func(*servertest.Broker)
	}{
		{"close", nil, (*servertest.Broker).Close},
		{"kill", nil, (*servertest.Broker).Kill},
		{"kill in memory", vfs.NewMem(), (*servertest.Broker).Kill},
		{"power loss", vfs.NewMem(), (*servertest.Broker).LosePower},
	} {
		t.Run(end.name, func(t *testing.T) {
			b := servertest.Start(t, server.Config{FS: end.fs})
			addr := b.Addr()
			for want := range int64(4) {
				if got := produce(t, b, -1); got != want {
					t.Fatalf("offset %d, want %d", got, want)
				}
				end.stop(b)
				b.Restart()
			}
			if b.Addr() != addr {
				t.Errorf("the broker came back at %s, not at %s", b.Addr(), addr)
			}
		})
	}
}

// The crash must be one: what the page cache alone holds does not survive it.
func TestPowerLossLosesWhatWasNotSynced(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Properties: map[string]string{"moldau.durability": "os"}})
	produce(t, b, -1)
	b.LosePower()
	b.Restart()
	if got := produce(t, b, -1); got != 0 {
		t.Errorf("offset %d after a power loss, want 0: nothing was synced", got)
	}
}
