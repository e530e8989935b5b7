package server_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// refused fails the test unless a broker does not start, and says why.
func refused(t *testing.T, c server.Config, want string) error {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	c.Logger = quiet
	s, err := server.Start(c)
	if err == nil {
		_ = s.Shutdown(t.Context())
		t.Fatalf("the broker started; want an error with %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q, want %q in it", err, want)
	}
	return err
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	memory := func() server.Config { return server.Config{FS: vfs.NewMem()} }
	for _, r := range []struct {
		name   string
		change func(*server.Config)
		want   string
	}{
		{"port in use", func(c *server.Config) { c.Listen = taken.Addr().String() }, "listen for clients: listen tcp " + taken.Addr().String()},
		{"operators' port in use", func(c *server.Config) { c.Admin = taken.Addr().String() }, "listen for operators"},
		{"no address", func(c *server.Config) { c.Listen = "nowhere" }, "missing port"},
		{"the data directory is a file", func(c *server.Config) { c.FS, c.DataDir = nil, file }, file},
		{"the data directory cannot be made", func(c *server.Config) { c.FS, c.DataDir = nil, filepath.Join(file, "data") }, "open data directory"},
		{"advertised without port", func(c *server.Config) { c.Advertise = "broker" }, "advertised address"},
		{"advertised port 0", func(c *server.Config) { c.Advertise = "broker:0" }, `"broker:0"`},
		{"advertised everywhere", func(c *server.Config) { c.Advertise = "0.0.0.0:9092" }, "no client can connect"},
		{"advertised without host", func(c *server.Config) { c.Advertise = ":9092" }, `":9092"`},
		{"bad property", func(c *server.Config) { c.Properties = map[string]string{"num.partitions": "many"} }, "num.partitions"},
		{"no connections", func(c *server.Config) { c.Properties = map[string]string{"max.connections": "0"} }, "max.connections"},
		{"no connections of an address", func(c *server.Config) { c.Properties = map[string]string{"max.connections.per.ip": "0"} }, "max.connections.per.ip"},
		{"idle at once", func(c *server.Config) { c.Properties = map[string]string{"connections.max.idle.ms": "0"} }, "connections.max.idle.ms"},
		{"checkpoints all the time", func(c *server.Config) {
			c.Properties = map[string]string{"log.flush.offset.checkpoint.interval.ms": "0"}
		}, "checkpoint.interval"},
		{"negative limit", func(c *server.Config) { c.PartitionsMax = -1 }, "PartitionsMax"},
		{"negative node id", func(c *server.Config) { c.NodeID = -1 }, "node.id"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := memory()
			r.change(&c)
			refused(t, c, r.want)
		})
	}
}

func TestOneBrokerADirectory(t *testing.T) {
	b := servertest.Start(t)
	err := refused(t, server.Config{DataDir: b.DataDir()}, "in use by another Moldau or an Apache Kafka")
	if !errors.Is(err, logstore.ErrLocked) {
		t.Errorf("error %v is not ErrLocked", err)
	}
	b.Close()
	b.Restart()
}

// What a Kafka holds is its lock on the log directory alone.
func TestKafkasLockKeepsTheBrokerOut(t *testing.T) {
	dir := t.TempDir()
	fsys, err := vfs.OpenOS(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	if err := fsys.Mkdir("logs", 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := fsys.Lock("logs/.lock")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, server.Config{DataDir: dir}, "in use by another Moldau or an Apache Kafka")
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	servertest.Start(t, server.Config{DataDir: dir})
}

func TestMetaProperties(t *testing.T) {
	b := servertest.Start(t, server.Config{NodeID: 7})
	path := filepath.Join(b.DataDir(), "logs", "meta.properties")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^#\nnode\.id=7\ndirectory\.id=([\w-]{22})\nversion=1\ncluster\.id=([\w-]{22})\n$`)
	found := form.FindSubmatch(first)
	if found == nil {
		t.Fatalf("meta.properties is %q", first)
	}
	b.Close()
	refused(t, server.Config{DataDir: b.DataDir(), NodeID: 8}, "belongs to node.id 7, not 8")
	refused(t, server.Config{DataDir: b.DataDir(), NodeID: 7, ClusterID: "AAAAAAAAAAAAAAAAAAAAAQ"}, "belongs to cluster "+string(found[2]))
	b.Restart()
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, first) {
		t.Errorf("after a restart it is %q, %v; it was %q", again, err, first)
	}
	b.Close()
	for _, bad := range []string{"", "version=0\nnode.id=7\ncluster.id=x", "version=1\nnode.id=-7\ncluster.id=x", "version=1\nnode.id=7", "version=1\nnonsense", strings.Repeat("#", 70<<10)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, server.Config{DataDir: b.DataDir(), NodeID: 7}, "meta.properties")
	}
}

// A directory that Kafka made names its cluster; the broker joins that one.
func TestClusterOfTheDirectoryIsKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "#\n#Sat Jan 01 00:00:00 UTC 2028\nnode.id=1\ndirectory.id=RUEwQIeY_IvTJnMxGZ1Q8Q\nversion=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAQ\n"
	if err := os.WriteFile(filepath.Join(dir, "logs", "meta.properties"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := servertest.Start(t, server.Config{DataDir: dir})
	req := kmsg.NewPtrDescribeClusterRequest()
	if resp := b.Dial().Request(req).(*kmsg.DescribeClusterResponse); resp.ClusterID != "AAAAAAAAAAAAAAAAAAAAAQ" {
		t.Errorf("cluster %s", resp.ClusterID)
	}
}

// advertisedTo is the address that a client is told.
func advertisedTo(b *servertest.Broker, addr string, t *testing.T) (string, int32) {
	req := kmsg.NewPtrDescribeClusterRequest()
	nodes := servertest.Dial(t, addr).Request(req).(*kmsg.DescribeClusterResponse).Brokers
	if len(nodes) != 1 {
		t.Fatalf("%d brokers", len(nodes))
	}
	return nodes[0].Host, nodes[0].Port
}

func TestAdvertisedAddress(t *testing.T) {
	for _, r := range []struct {
		name, listen, advertise, host string
		port                          int32 // 0: the one bound
	}{
		{"as it was reached", "127.0.0.1:0", "", "127.0.0.1", 0},
		{"as it was reached, on all interfaces", "0.0.0.0:0", "", "127.0.0.1", 0},
		{"as it was reached, without a host", ":0", "", "127.0.0.1", 0},
		{"by the name it listens at", "localhost:0", "", "localhost", 0},
		{"as it is told", "127.0.0.1:0", "broker.example.org:19092", "broker.example.org", 19092},
	} {
		t.Run(r.name, func(t *testing.T) {
			b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Listen: r.listen, Advertise: r.advertise})
			_, bound, err := net.SplitHostPort(b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			host, port := advertisedTo(b, net.JoinHostPort("127.0.0.1", bound), t)
			want := r.port
			if want == 0 {
				want = int32(b.Server().Addr().(*net.TCPAddr).Port)
			}
			if host != r.host || port != want {
				t.Errorf("told %s:%d, want %s:%d", host, port, r.host, want)
			}
		})
	}
}

func TestRunClosesCleanlyWhenItsContextEnds(t *testing.T) {
	memory := vfs.NewMem()
	var log bytes.Buffer
	for range 2 {
		log.Reset()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := server.Run(ctx, server.Config{
			FS: memory, Listen: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"moldau serves Kafka clients", "sendfileBytes=0", "copiedBytes=0"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("not logged: %s", want)
			}
		}
	}
	if strings.Contains(log.String(), "unclean") {
		t.Errorf("the close was not clean: %s", log.String())
	}
	if _, err := memory.Stat("logs/.kafka_cleanshutdown"); err != nil {
		t.Errorf("no marker of a clean close: %v", err)
	}
}

// Record bytes go from the file to the socket: nearly all of them by sendfile
// where there is one, and each is counted once.
func TestFetchedRecordsAreCounted(t *testing.T) {
	b := servertest.Start(t)
	c := b.Dial()
	builder := record.NewBuilder(record.BuilderOptions{})
	builder.Append(time.Now().UnixMilli(), nil, make([]byte, 900_000))
	batch, err := builder.Finish()
	if err != nil {
		t.Fatal(err)
	}
	create := kmsg.NewPtrMetadataRequest()
	create.Version, create.AllowAutoTopicCreation = 9, true
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr("t")
	create.Topics = append(create.Topics, topic)
	c.Request(create)
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 9, -1, 30_000
	pt := kmsg.NewProduceRequestTopic()
	pt.Topic = "t"
	pp := kmsg.NewProduceRequestTopicPartition()
	pp.Records = batch
	pt.Partitions = append(pt.Partitions, pp)
	produce.Topics = append(produce.Topics, pt)
	const batches = 4
	for range batches {
		if code := c.Request(produce).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
			t.Fatalf("error code %d", code)
		}
	}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxBytes, fetch.SessionEpoch = 12, 50<<20, -1
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = "t"
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.PartitionMaxBytes = 50 << 20
	ft.Partitions = append(ft.Partitions, fp)
	fetch.Topics = append(fetch.Topics, ft)
	got := c.Request(fetch).(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
	if len(got) != batches*len(batch) {
		t.Fatalf("%d bytes fetched, want %d batches of %d", len(got), batches, len(batch))
	}
	// They are counted when they were sent, and may have arrived by then.
	counters := b.Server().Counters()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ; counters.SendfileBytes+counters.CopiedBytes < int64(len(got)) && ctx.Err() == nil; counters = b.Server().Counters() {
		runtime.Gosched()
	}
	if sum := counters.SendfileBytes + counters.CopiedBytes; sum != int64(len(got)) {
		t.Errorf("%d bytes counted, %d fetched", sum, len(got))
	}
	if runtime.GOOS == "linux" && counters.SendfileBytes < int64(len(got))*95/100 {
		t.Errorf("%d of %d bytes by sendfile", counters.SendfileBytes, len(got))
	}
}
