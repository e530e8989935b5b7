package admin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/admin"
	"moldau/server/servertest"
)

func readiness(t testing.TB, addr string) (int, admin.Report) {
	t.Helper()
	resp, body := get(t, addr, "/ready", "")
	var r admin.Report
	must(t, json.Unmarshal(body, &r))
	return resp.StatusCode, r
}

func TestReportTellsHowFarAStartIs(t *testing.T) {
	c := newClock()
	h := admin.NewHealth(c)
	if r := h.Report(); r.Ready || r.Phase != admin.Starting || r.EtaMs != nil {
		t.Errorf("at the beginning: %+v", r)
	}
	orders := logstore.TopicPartition{Topic: "orders", Partition: 3}
	p := admin.Progress{Total: 4}
	c.add(time.Minute)
	h.Enter(admin.OpeningLogs, func() admin.Progress { return p })
	c.add(3 * time.Second)
	if r := h.Report(); r.Done != 0 || r.Total != 4 || r.ElapsedMs != 3000 || r.EtaMs != nil {
		t.Errorf("before anything is done: %+v", r)
	}
	// One log is done and half of another: three eighths took three seconds.
	p.Done, p.Begun, p.Scans = 1, 0.5, []logstore.Scan{{Log: orders, Scanned: 50, Bytes: 100}}
	r := h.Report()
	if r.Done != 1 || r.EtaMs == nil || *r.EtaMs != 5000 {
		t.Errorf("in the middle: %+v", r)
	}
	if len(r.Scans) != 1 || r.Scans[0] != (admin.ScanReport{Log: "orders-3", ScannedBytes: 50, Bytes: 100}) {
		t.Errorf("scans %+v", r.Scans)
	}
	h.Enter(admin.OpeningPartitions, nil)
	if r := h.Report(); r.Ready || r.Phase != admin.OpeningPartitions || r.Done != 0 || r.ElapsedMs != 0 || r.Scans != nil {
		t.Errorf("in the next phase: %+v", r)
	}
	var trouble error
	p = admin.Progress{Done: 10, Total: 50}
	h.Serve(func() admin.Progress { return p }, func() error { return trouble })
	if r := h.Report(); r.Ready || r.Phase != admin.LoadingGroups || r.Done != 10 || r.Total != 50 {
		t.Errorf("while groups are loaded: %+v", r)
	}
	p.Done = 50
	if r := h.Report(); !r.Ready || r.Phase != admin.Serving {
		t.Errorf("when groups are there: %+v", r)
	}
	p.Done = 0
	if r := h.Report(); !r.Ready || r.Phase != admin.Serving || r.Reason != "" {
		t.Errorf("ready: %+v", r)
	}
	trouble = errors.New("the disk is broken")
	if r := h.Report(); r.Ready || r.Reason != "the disk is broken" {
		t.Errorf("in trouble: %+v", r)
	}
	trouble = nil
	h.Enter(admin.Closing, nil)
	if r := h.Report(); r.Ready || r.Phase != admin.Closing {
		t.Errorf("closing: %+v", r)
	}
}

// startLog hands out the operators' address, which a broker logs before it
// opens anything.
type startLog struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *startLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}

func (l *startLog) addr() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := regexp.MustCompile(`answers operators" address=(\S+)`).FindSubmatch(l.out.Bytes())
	if found == nil {
		return ""
	}
	return string(found[1])
}

// While a broker recovers it answers operators, and tells of each log how far
// it is.
func TestRecoveryIsSeenFromOutside(t *testing.T) {
	memory := vfs.NewMem()
	b := servertest.Start(t, server.Config{FS: memory, Listen: "127.0.0.1:0"})
	fill(t, b, "t", 8, 512<<10)
	killed := memory.Clone()

	// The first log holds still in the middle of its scan.
	fault, log, held := vfs.NewFault(killed), &startLog{}, sync.Once{}
	var during []admin.Report
	var metrics []byte
	fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && op.Name == "logs/t-0/00000000000000000000.log" && op.Offset >= 1<<20 && op.Length >= 64<<10 {
			held.Do(func() {
				if resp, _ := get(t, log.addr(), "/live", ""); resp.StatusCode != http.StatusOK {
					t.Errorf("/live while it recovers: %d", resp.StatusCode)
				}
				code, r := readiness(t, log.addr())
				if code != http.StatusServiceUnavailable {
					t.Errorf("/ready while it recovers: %d", code)
				}
				during = append(during, r)
				_, metrics = get(t, log.addr(), "/metrics", "")
			})
		}
		return nil
	})
	s, err := server.Start(server.Config{FS: fault, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	defer func() { must(t, s.Shutdown(t.Context())) }()
	if len(during) != 1 {
		t.Fatal("the recovery was not seen")
	}
	r := during[0]
	if r.Ready || r.Phase != admin.OpeningLogs || r.Done != 0 || r.Total != 1 || len(r.Scans) != 1 {
		t.Fatalf("while it recovered: %+v", r)
	}
	if scan := r.Scans[0]; scan.Log != "t-0" || scan.ScannedBytes < 1<<19 || scan.Bytes < 4<<20 || scan.ScannedBytes >= scan.Bytes {
		t.Errorf("scan %+v", scan)
	}
	families := parse(t, bytes.NewReader(metrics))
	if v := samples(families["moldau_ready"])[""]; v != 0 {
		t.Errorf("moldau_ready is %v", v)
	}
	if v := samples(families["moldau_start_progress_ratio"])["phase=opening logs "]; v <= 0 || v >= 1 {
		t.Errorf("progress is %v", v)
	}
	if code, r := readiness(t, s.AdminAddr().String()); code != http.StatusOK || !r.Ready || r.Phase != admin.Serving {
		t.Errorf("once it serves: %d, %+v", code, r)
	}
}

// fill creates a topic of one partition and writes batches of one record each.
func fill(t testing.TB, b *servertest.Broker, topic string, batches, recordBytes int) {
	t.Helper()
	c := b.Dial()
	createTopic(t, c, topic, 1)
	builder := record.NewBuilder(record.BuilderOptions{})
	builder.Append(time.Now().UnixMilli(), nil, make([]byte, recordBytes))
	batch, err := builder.Finish()
	must(t, err)
	for range batches {
		if code := produce(c, topic, batch); code != 0 {
			t.Fatalf("produce: error code %d", code)
		}
	}
}

func creation(name string, partitions int32) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, -1
	req.Topics = append(req.Topics, topic)
	return req
}

func createTopic(t testing.TB, c *servertest.Client, name string, partitions int32) {
	t.Helper()
	if code := c.Request(creation(name, partitions)).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; code != 0 {
		t.Fatalf("create topic %s: error code %d", name, code)
	}
}

func produce(c *servertest.Client, topic string, batch []byte) int16 {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 30_000
	pt := kmsg.NewProduceRequestTopic()
	pt.Topic = topic
	pp := kmsg.NewProduceRequestTopicPartition()
	pp.Records = batch
	pt.Partitions = append(pt.Partitions, pp)
	req.Topics = append(req.Topics, pt)
	return c.Request(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
}

// A broker whose disk fails is not ready any more; one bad log among others is
// no reason.
func TestPoisonedStoresAreNotReady(t *testing.T) {
	for _, r := range []struct {
		name, broken string
		topics       []string
		code         int
	}{
		{"the metadata", "moldau/metadata/", []string{"a"}, 503},
		{"one log of two", "logs/a-0/", []string{"a", "b"}, 200},
		{"all logs", "logs/", []string{"a", "b"}, 503},
	} {
		t.Run(r.name, func(t *testing.T) {
			fault := vfs.NewFault(vfs.NewMem())
			s, err := server.Start(server.Config{FS: fault, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Logger: quiet})
			must(t, err)
			defer func() { _ = s.Shutdown(t.Context()) }() // of a broken disk
			c := servertest.Dial(t, s.Addr().String())
			for _, topic := range r.topics {
				createTopic(t, c, topic, 1)
			}
			if code, _ := readiness(t, s.AdminAddr().String()); code != http.StatusOK {
				t.Fatalf("/ready at first: %d", code)
			}
			fault.SetHook(func(op vfs.Op) error {
				if (op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir) && strings.HasPrefix(op.Name, r.broken) {
					return errors.New("the disk is broken")
				}
				return nil
			})
			builder := record.NewBuilder(record.BuilderOptions{})
			builder.Append(time.Now().UnixMilli(), nil, []byte("value"))
			batch, err := builder.Finish()
			must(t, err)
			for _, topic := range r.topics {
				produce(c, topic, batch)
			}
			c.Request(creation("more", 1)) // which the metadata store takes, or not
			code, report := readiness(t, s.AdminAddr().String())
			if code != r.code || report.Ready != (code == 200) || (report.Reason != "") != (code != 200) {
				t.Errorf("/ready: %d, %+v", code, report)
			}
		})
	}
}
