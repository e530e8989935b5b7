package admin_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/twmb/franz-go/pkg/kmsg"

	dto "github.com/prometheus/client_model/go"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/admin"
	"moldau/server/metadata"
	"moldau/server/servertest"
	"moldau/server/wire"
)

// scrape reads all metrics of a listener.
func scrape(t testing.TB, addr string) map[string]*dto.MetricFamily {
	t.Helper()
	resp, body := get(t, addr, "/metrics", "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("scrape: %s: %s", resp.Status, body)
	}
	return parse(t, bytes.NewReader(body))
}

// want fails the test unless a family has exactly these samples.
func want(t testing.TB, families map[string]*dto.MetricFamily, name string, all map[string]float64) {
	t.Helper()
	if got := samples(families[name]); !maps.Equal(got, all) {
		t.Errorf("%s is %v, want %v", name, got, all)
	}
}

func TestTopicsHaveTheNamesOfKafkaExporter(t *testing.T) {
	f := start(t)
	f.attach()
	f.topic("orders", 1, 2)
	f.topic("old.topic_1", 2, 1)
	f.setGroups(admin.Group{ID: "billing", State: "Empty", Offsets: []admin.GroupOffset{
		{Topic: "orders", Partition: 0, Offset: 1}, {Topic: "orders", Partition: 1, Offset: 0},
		{Topic: "old.topic_1", Partition: 0, Offset: 3},
		{Topic: "gone", Partition: 0, Offset: 5}, {Topic: "orders", Partition: 2, Offset: 5},
	}}, admin.Group{ID: "new", State: "Stable", Members: 3}, admin.Group{ID: "newer", State: "Stable", Members: 1})
	for range 4 {
		appendTo(t, f.log("orders", 0))
	}
	appendTo(t, f.log("orders", 1))
	must(t, f.log("orders", 0).Flush())
	must(t, f.log("orders", 0).AdvanceStart(1))
	must(t, f.log("orders", 1).Flush())

	got := scrape(t, f.addr)
	orders0, orders1, old0 := "topic=orders partition=0 ", "topic=orders partition=1 ", "topic=old.topic_1 partition=0 "
	want(t, got, "kafka_brokers", map[string]float64{"": 0})
	want(t, got, "kafka_topic_partitions", map[string]float64{"topic=orders ": 2, "topic=old.topic_1 ": 1})
	want(t, got, "kafka_topic_partition_current_offset", map[string]float64{orders0: 4, orders1: 1, old0: 0})
	want(t, got, "kafka_topic_partition_oldest_offset", map[string]float64{orders0: 1, orders1: 0, old0: 0})
	one, none := map[string]float64{orders0: 1, orders1: 1, old0: 1}, map[string]float64{orders0: 0, orders1: 0, old0: 0}
	want(t, got, "kafka_topic_partition_leader", one)
	want(t, got, "kafka_topic_partition_leader_is_preferred", one)
	want(t, got, "kafka_topic_partition_replicas", one)
	want(t, got, "kafka_topic_partition_in_sync_replica", one)
	want(t, got, "kafka_topic_partition_under_replicated_partition", none)
	want(t, got, "moldau_topic_size_bytes", map[string]float64{
		"topic=orders ": float64(f.log("orders", 0).Bytes() + f.log("orders", 1).Bytes()), "topic=old.topic_1 ": 0})
	want(t, got, "moldau_offline_partitions", map[string]float64{"": 0})

	of := "consumergroup=billing "
	want(t, got, "kafka_consumergroup_members", map[string]float64{of: 0, "consumergroup=new ": 3, "consumergroup=newer ": 1})
	want(t, got, "moldau_consumergroups", map[string]float64{"state=Empty ": 1, "state=Stable ": 2})
	want(t, got, "kafka_consumergroup_current_offset", map[string]float64{of + orders0: 1, of + orders1: 0, of + old0: 3})
	want(t, got, "kafka_consumergroup_lag", map[string]float64{of + orders0: 3, of + orders1: 1, of + old0: -3})
	want(t, got, "kafka_consumergroup_current_offset_sum", map[string]float64{of + "topic=orders ": 1, of + "topic=old.topic_1 ": 3})
	want(t, got, "kafka_consumergroup_lag_sum", map[string]float64{of + "topic=orders ": 4, of + "topic=old.topic_1 ": -3})
}

func appendTo(t testing.TB, l *logstore.Log) {
	t.Helper()
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(1_700_000_000_000, nil, []byte("value"))
	batch, err := b.Finish()
	must(t, err)
	_, err = l.AppendLeader(batch, 0)
	must(t, err)
}

// Names of groups are any bytes. None of them makes a scrape unreadable, and
// those that are text come back as they are.
func TestLabelsAreEscaped(t *testing.T) {
	f := start(t)
	f.attach()
	ids := []string{"", "plain", `quo"te`, `back\slash`, "line\nbreak", "tab\tand\rreturn", "\x00", "ünïcödé ☃", "\xff\xfe", `"`, "\"\xff\"", "}", "a=\"b\","}
	groups := make([]admin.Group, len(ids))
	for i, id := range ids {
		groups[i] = admin.Group{ID: id, State: "Empty", Members: i}
	}
	f.setGroups(groups...)
	got := samples(scrape(t, f.addr)["kafka_consumergroup_members"])
	for i, id := range ids {
		switch id {
		case "\xff\xfe":
			id = `\xff\xfe`
		case "\"\xff\"":
			id = `\"\xff\"`
		}
		if v, ok := got["consumergroup="+id+" "]; !ok || v != float64(i) {
			t.Errorf("group %q is %v, %t; there are %q", id, v, ok, slices.Collect(maps.Keys(got)))
		}
	}
}

// Series end with what they are about.
func TestSeriesVanishWithTheirTopic(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Admin: "127.0.0.1:0"})
	addr, c := b.Server().AdminAddr().String(), b.Dial()
	createTopic(t, c, "stays", 1)
	createTopic(t, c, "goes", 1)
	has := func(topic string) bool {
		_, body := get(t, addr, "/metrics", "")
		return bytes.Contains(body, []byte(`topic="`+topic+`"`))
	}
	if !has("stays") || !has("goes") {
		t.Error("a topic has no series")
	}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version, remove.TimeoutMillis, remove.TopicNames = 1, 10_000, []string{"goes"}
	c.Request(remove)
	if !has("stays") || has("goes") {
		t.Error("series of a deleted topic are there, or of one that was not deleted are not")
	}
}

// Lag is there without a consumer, also after a restart, once groups are loaded,
// and ends with the group.
func TestLagOutlivesTheConsumer(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	b := servertest.Start(t, server.Config{FS: fault, Admin: "127.0.0.1:0"})
	addr, c := b.Server().AdminAddr().String(), b.Dial()
	fill(t, b, "orders", 3, 10)
	commit(t, c, "billing", "orders", 1)
	c.Close()
	of := "consumergroup=billing topic=orders "
	got := scrape(t, addr)
	want(t, got, "kafka_consumergroup_members", map[string]float64{"consumergroup=billing ": 0})
	want(t, got, "kafka_consumergroup_lag", map[string]float64{of + "partition=0 ": 2})
	want(t, got, "kafka_consumergroup_lag_sum", map[string]float64{of: 2})

	// The disk holds still where groups are read from.
	b.Close()
	reading, move := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fault.SetHook(func(op vfs.Op) error {
		// Opening the log reads no more than a header.
		if op.Kind == vfs.OpRead && strings.HasPrefix(op.Name, "logs/__consumer_offsets-") && op.Length > record.HeaderBytes {
			once.Do(func() { close(reading) })
			<-move
		}
		return nil
	})
	b.Restart()
	addr = b.Server().AdminAddr().String()
	<-reading
	if code, r := readiness(t, addr); code != http.StatusServiceUnavailable || r.Phase != admin.LoadingGroups || r.Done != 49 || r.Total != 50 {
		t.Errorf("/ready while groups are loaded: %d, %+v", code, r)
	}
	if got := scrape(t, addr); got["kafka_consumergroup_lag"] != nil || samples(got["moldau_ready"])[""] != 0 {
		t.Errorf("while groups are loaded: %v", got["kafka_consumergroup_lag"])
	}
	close(move)
	for code := 0; code != http.StatusOK; {
		code, _ = readiness(t, addr)
	}
	want(t, scrape(t, addr), "kafka_consumergroup_lag", map[string]float64{of + "partition=0 ": 2})

	remove := kmsg.NewPtrDeleteGroupsRequest()
	remove.Version, remove.Groups = 2, []string{"billing"}
	if code := b.Dial().Request(remove).(*kmsg.DeleteGroupsResponse).Groups[0].ErrorCode; code != 0 {
		t.Fatalf("delete the group: error code %d", code)
	}
	for name, f := range scrape(t, addr) {
		if strings.HasPrefix(name, "kafka_consumergroup_") {
			t.Errorf("of a group that is gone there is %v", samples(f))
		}
	}
}

// lintExceptions are what the linter finds in names that are kafka_exporter's, or
// those that the JMX exporter gives to Kafka's own, which dashboards know.
var lintExceptions = []promlint.Problem{
	{Metric: "kafka_consumergroup_current_offset_sum", Text: `non-histogram and non-summary metrics should not have "_sum" suffix`},
	{Metric: "kafka_consumergroup_lag_sum", Text: `non-histogram and non-summary metrics should not have "_sum" suffix`},
	{Metric: "kafka_log_logcleanermanager_time_since_last_run_ms", Text: "metric names should not contain abbreviated units"},
	{Metric: "kafka_log_logcleanermanager_uncleanable_partitions_count", Text: `non-histogram and non-summary metrics should not have "_count" suffix`},
}

func TestNothingForPromtoolToFind(t *testing.T) {
	f := start(t)
	f.attach()
	f.topic("orders", 1, 2)
	f.setGroups(admin.Group{ID: "billing", State: "Stable", Members: 1, Offsets: []admin.GroupOffset{{Topic: "orders", Offset: 1}}})
	_, body := get(t, f.addr, "/metrics", "")
	found, err := promlint.New(bytes.NewReader(body)).Lint()
	must(t, err)
	if !slices.Equal(found, lintExceptions) {
		t.Errorf("the linter found %q, want %q", found, lintExceptions)
	}
	live := liveMetrics(t)
	found, err = promlint.New(bytes.NewReader(live)).Lint()
	must(t, err)
	if !slices.Equal(found, lintExceptions) {
		t.Errorf("in a live broker's metrics the linter found %q, want %q", found, lintExceptions)
	}
	// The linter finds what there is to find.
	found, err = promlint.New(strings.NewReader("# TYPE moldau_ms_counter counter\nmoldau_ms_counter 1\n")).Lint()
	if err != nil || len(found) < 3 {
		t.Errorf("of a bad metric the linter says %q, %v", found, err)
	}
}

// commit commits an offset of partition 0 for a group that has no members.
func commit(t testing.TB, c *servertest.Client, group, topic string, offset int64) {
	t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKeys = 4, []string{group}
	if at := c.Request(find).(*kmsg.FindCoordinatorResponse).Coordinators[0]; at.ErrorCode != 0 {
		t.Fatalf("coordinator of %s: error code %d", group, at.ErrorCode)
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 8, group, -1
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Offset, rp.LeaderEpoch = offset, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	if code := c.Request(req).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("commit: error code %d", code)
	}
}

// liveMetrics are those of a broker that has served: a topic, records in and
// out, a group, and an error.
func liveMetrics(t testing.TB) []byte {
	b := servertest.Start(t, server.Config{Admin: "127.0.0.1:0"})
	fill(t, b, "orders", 3, 1000)
	c := b.Dial()
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxBytes, fetch.SessionEpoch = 12, 1<<20, -1
	for _, topic := range []string{"orders", "nothing"} {
		ft := kmsg.NewFetchRequestTopic()
		ft.Topic = topic
		fp := kmsg.NewFetchRequestTopicPartition()
		fp.PartitionMaxBytes = 1 << 20
		ft.Partitions = append(ft.Partitions, fp)
		fetch.Topics = append(fetch.Topics, ft)
	}
	c.Request(fetch)
	c.Request(creation("orders", 1)) // which is there
	commit(t, c, "billing", "orders", 1)
	if code := produce(c, "orders", []byte("no batch")); code == 0 {
		t.Error("nonsense was taken")
	}
	_, body := get(t, b.Server().AdminAddr().String(), "/metrics", "")
	return body
}

func TestRequestsAndErrorsAreCountedByAPI(t *testing.T) {
	got := parse(t, bytes.NewReader(liveMetrics(t)))
	want(t, got, "moldau_response_errors_total", map[string]float64{
		"api=Fetch error=UNKNOWN_TOPIC_OR_PARTITION ":  1,
		"api=CreateTopics error=TOPIC_ALREADY_EXISTS ": 1,
		"api=Produce error=INVALID_RECORD ":            1,
	})
	counts := map[string]uint64{}
	for _, m := range got["moldau_request_duration_seconds"].GetMetric() {
		counts[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleCount()
	}
	if !maps.Equal(counts, map[string]uint64{"CreateTopics": 2, "Produce": 4, "Fetch": 1, "FindCoordinator": 1, "OffsetCommit": 1}) {
		t.Errorf("requests %v", counts)
	}
	if n := samples(got["moldau_requests_received_total"])[""]; n != 9 {
		t.Errorf("%v requests received, want 9", n)
	}
	store := samples(got["moldau_log_appends_total"])
	if store["store=data "] != 4 || // the commit is one
		store["store=metadata "] == 0 {
		t.Errorf("appends %v", store)
	}
}

// Of the stores that share a disk the one with the records keeps some of it free.
func TestRoomOnTheDiskIsShown(t *testing.T) {
	mem := vfs.NewMem()
	mem.SetCapacity(64 << 20)
	b := servertest.Start(t, server.Config{FS: mem, Admin: "127.0.0.1:0", Properties: map[string]string{"moldau.reserve.bytes": "2097152"}})
	show := func(free int64, reached float64) {
		t.Helper()
		space, err := mem.Space(".")
		must(t, err)
		mem.SetCapacity(space.Total - space.Free + free)
		got := scrape(t, b.Server().AdminAddr().String())
		want(t, got, "moldau_disk_free_bytes", map[string]float64{"store=data ": float64(free), "store=metadata ": float64(free)})
		want(t, got, "moldau_disk_reserve_bytes", map[string]float64{"store=data ": 2 << 20, "store=metadata ": 0})
		want(t, got, "moldau_disk_reserve_reached", map[string]float64{"store=data ": reached, "store=metadata ": 0})
	}
	show(8<<20, 0)
	show(2<<20-1, 1)
	show(2<<20, 0)
}

func TestScrapeIsCompressedWhereThatIsWanted(t *testing.T) {
	f := start(t)
	f.attach()
	f.topic("orders", 1, 10)
	for encoding, zipped := range map[string]bool{
		"": false, "identity": false, "br, deflate": false, "gzip;q=0": false, "gzip; q=0.000": false,
		"gzip": true, "deflate, gzip;q=0.5": true, "br,gzip": true, "gzip;q=0.05": true,
	} {
		resp, body := get(t, f.addr, "/metrics", encoding)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("with %q compressed is %t", encoding, got)
			continue
		}
		text := io.Reader(bytes.NewReader(body))
		if zipped {
			zip, err := gzip.NewReader(text)
			must(t, err)
			text = zip
		}
		if n := len(parse(t, text)["kafka_topic_partition_leader"].GetMetric()); n != 10 {
			t.Errorf("with %q there are %d partitions, want 10", encoding, n)
		}
	}
}

func TestPartsOfAScrapeCanBeLeftOut(t *testing.T) {
	f := start(t)
	f.attach()
	f.topic("orders", 1, 1)
	f.setGroups(admin.Group{ID: "billing", State: "Empty"})
	for path, has := range map[string][3]bool{
		"/metrics":                               {true, true, true},
		"/metrics?exclude=topics":                {true, false, true},
		"/metrics?exclude=groups":                {true, true, false},
		"/metrics?exclude=groups&exclude=topics": {true, false, false},
	} {
		_, body := get(t, f.addr, path, "")
		got := parse(t, bytes.NewReader(body))
		for i, name := range []string{"moldau_logs", "kafka_topic_partitions", "kafka_consumergroup_members"} {
			if _, ok := got[name]; ok != has[i] {
				t.Errorf("%s has %s: %t", path, name, ok)
			}
		}
	}
}

// Scrapes are few at a time: who does not read his holds up no more than these.
func TestScrapesAreBounded(t *testing.T) {
	const most = 4
	f := start(t)
	f.attach()
	entered, leave := make(chan struct{}), make(chan struct{})
	f.server.Attach(admin.Sources{
		Image: func() *metadata.Image {
			entered <- struct{}{}
			<-leave
			return f.image
		},
		Replicas: f.manager, Clients: wire.NewServer(wire.Options{}), Errors: func(func(key, code int16, count int64)) {},
		FetchSessions: func() admin.FetchSessions { return admin.FetchSessions{} },
	})
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			if resp, _ := get(t, f.addr, "/metrics", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("one of %d scrapes: %d", most, resp.StatusCode)
			}
		})
		<-entered
	}
	if resp, body := get(t, f.addr, "/metrics", ""); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %d, %s", resp.StatusCode, body)
	}
	close(leave)
	all.Wait()
	go func() { <-entered }()
	if resp, _ := get(t, f.addr, "/metrics", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}

// What a scrape costs, client included, and that it holds none of the partitions:
// B/op does not grow with them.
func BenchmarkScrape(b *testing.B) {
	for _, partitions := range []int{100, 10_000} {
		b.Run(fmt.Sprint(partitions), func(b *testing.B) {
			f := start(b)
			f.attach()
			const perTopic = 100
			for i := range partitions / perTopic {
				f.topic(fmt.Sprint("topic-", i), byte(i+1), perTopic)
			}
			for _, encoding := range []string{"", "gzip"} {
				b.Run("encoding="+encoding, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						b.SetBytes(read(b, f.addr, encoding))
					}
				})
			}
		})
	}
}

// read scrapes and drops what it gets, of which it returns the size.
func read(b *testing.B, addr, encoding string) int64 {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	must(b, err)
	req.Header.Set("Accept-Encoding", encoding)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	must(b, err)
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	must(b, err)
	return n
}
