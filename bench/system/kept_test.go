package system_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/bench/client"
	"moldau/bench/system"
	"moldau/server"
	"moldau/server/servertest"
)

// What was acknowledged has to be there, and no more than that.
func TestKeptAll(t *testing.T) {
	b := servertest.Start(t, server.Config{Properties: map[string]string{"moldau.durability": "os"}})
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic("topic"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	created, err := kadm.NewClient(cl).CreateTopic(t.Context(), 3, 1, nil, "topic")
	if err != nil || created.Err != nil {
		t.Fatal(err, created.Err)
	}
	for range 7 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		o    client.Outcome
		kept bool
	}{
		{client.Outcome{Records: 7}, true}, {client.Outcome{Records: 5, More: 2}, true},
		{client.Outcome{Records: 8}, false}, {client.Outcome{Records: 6}, false},
	} {
		if err := system.Asking(cl).KeptAll(t.Context(), "topic", c.o); (err == nil) != c.kept {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	if err := system.Asking(cl).KeptAll(t.Context(), "another", client.Outcome{}); err == nil {
		t.Error("a topic that is not there has kept all")
	}
	if err := new(system.System).KeptAll(t.Context(), "topic", client.Outcome{Records: 1}); err != nil {
		t.Errorf("of a limit program nothing is known: %v", err)
	}
}
