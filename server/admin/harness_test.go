package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	dto "github.com/prometheus/client_model/go"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/admin"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/replica"
	"moldau/server/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMilli(1_700_000_000_000)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get asks a listener, in the encoding given, "" for none.
func get(t testing.TB, addr, path, encoding string) (*http.Response, []byte) {
	t.Helper()
	return ask(t, http.MethodGet, addr, path, encoding)
}

func ask(t testing.TB, method, addr, path, encoding string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, nil)
	must(t, err)
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, got
}

// parse reads what Prometheus would.
func parse(t testing.TB, text io.Reader) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(text)
	must(t, err)
	return families
}

// samples are the values of a family, by their labels' values.
func samples(f *dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for _, m := range f.GetMetric() {
		key := ""
		for _, l := range m.GetLabel() {
			key += l.GetName() + "=" + l.GetValue() + " "
		}
		all[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
	}
	return all
}

// fixture is a listener over parts of a broker that serve nobody.
type fixture struct {
	t       testing.TB
	store   *logstore.Store
	manager *replica.Manager
	health  *admin.Health
	server  *admin.Server
	addr    string

	mu     sync.Mutex
	image  *metadata.Image // under mu
	groups []admin.Group   // under mu
}

func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, image: metadata.NewImage()}
	store, err := logstore.Open("data", logstore.Options{FS: vfs.NewMem(), Manual: true})
	must(t, err)
	f.store = store
	f.manager = replica.New(replica.Options{
		Store: store, NodeID: 1, Logger: quiet, Clock: newClock(),
		LogConfig: func(img *metadata.Image, t *metadata.Topic) (logstore.Config, error) {
			return configs.Layers{}.Log(t.Configs)
		},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f.addr, f.health = l.Addr().String(), admin.NewHealth(newClock())
	f.server = admin.Start(l, admin.Options{Health: f.health, Logger: quiet})
	t.Cleanup(func() {
		must(t, f.server.Shutdown(context.Background()))
		must(t, store.Close())
	})
	return f
}

// attach hands over the sources, as a broker does that serves.
func (f *fixture) attach() {
	f.server.Attach(admin.Sources{
		NodeID: 1, Replicas: f.manager, Groups: f,
		Image: func() *metadata.Image {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.image
		},
		Stores:  []admin.NamedStore{{Name: "data", Store: f.store}},
		Clients: wire.NewServer(wire.Options{}),
		Errors:  func(func(key, code int16, count int64)) {},

		FetchSessions: func() admin.FetchSessions { return admin.FetchSessions{} },
	})
	f.health.Serve(func() admin.Progress { return admin.Progress{} }, func() error { return nil })
}

// Each implements [admin.Groups].
func (f *fixture) Each(yield func(admin.Group) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.groups {
		if !yield(g) {
			return
		}
	}
}

func (f *fixture) setGroups(groups ...admin.Group) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.groups = groups
}

func (f *fixture) apply(records ...metadata.Record) {
	f.t.Helper()
	f.mu.Lock()
	prev := f.image
	f.mu.Unlock()
	next, err := prev.Apply(prev.Offset()+1, records)
	must(f.t, err)
	must(f.t, f.manager.Apply(prev, next))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.image = next
}

// topic makes a topic that this broker leads.
func (f *fixture) topic(name string, id byte, partitions int) {
	f.t.Helper()
	all := make([]metadata.Partition, partitions)
	for i := range all {
		all[i] = metadata.Partition{Leader: 1, Replicas: []int32{1}, ISR: []int32{1}}
	}
	f.apply(&metadata.TopicRecord{Name: name, ID: metadata.TopicID{id}},
		&metadata.PartitionsRecord{TopicID: metadata.TopicID{id}, Partitions: all})
}

func (f *fixture) log(topic string, n int32) *logstore.Log {
	f.t.Helper()
	l, err := f.store.Log(logstore.TopicPartition{Topic: topic, Partition: n})
	must(f.t, err)
	return l
}
