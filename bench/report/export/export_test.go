package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"

	"moldau/bench/report/export"
	"moldau/bench/result"
)

func stored(t *testing.T) *result.Run {
	t.Helper()
	run, err := result.Load("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Every block is a result of benchstat's own parser, which is told no line that it
// does not know, and no two series have one name.
func TestBenchstat(t *testing.T) {
	run := stored(t)
	var b bytes.Buffer
	if err := export.Benchstat(&b, run); err != nil {
		t.Fatal(err)
	}
	type line struct {
		name  string
		value float64
	}
	var want []line
	for _, row := range run.Rows {
		for _, s := range row.Series {
			for _, block := range s.Blocks {
				want = append(want, line{s.System, block.Metrics[result.CPUPerGB]})
			}
		}
	}
	var got []line
	names := map[string]bool{}
	r := benchfmt.NewReader(&b, "benchstat.txt")
	for r.Scan() {
		switch res := r.Result().(type) {
		case *benchfmt.Result:
			value, ok := res.Value("cpu-s/GB")
			if !ok || res.Iters != 1 || res.GetConfig("cpu") != "made up for tests" || res.GetConfig("goos") != "linux" || res.GetConfig("goarch") != "amd64" {
				t.Fatalf("%s: %v, %v", res.Name, res.Values, res.Config)
			}
			_, parts := res.Name.Parts()
			system, _ := strings.CutPrefix(string(parts[len(parts)-1]), "/system=")
			got = append(got, line{system, value})
			names[string(res.Name)] = true
		case *benchfmt.UnitMetadata:
		default:
			t.Fatalf("%T: %v", res, res)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	series := 0
	for _, row := range run.Rows {
		series += len(row.Series)
	}
	if len(names) != series {
		t.Errorf("%d names for %d series", len(names), series)
	}
	if u := r.Units()[benchfmt.UnitMetadataKey{Unit: "B/s", Key: "better"}]; u == nil || u.Value != "higher" {
		t.Errorf("more bytes a second are not better: %v", r.Units())
	}
}

func TestHistogramLog(t *testing.T) {
	run := stored(t)
	s := run.Rows[0].Of("kafka-tuned")
	var b bytes.Buffer
	if err := export.HistogramLog(&b, run.At, "a title", s); err != nil {
		t.Fatal(err)
	}
	r := hdrhistogram.NewHistogramLogReader(&b)
	for _, block := range s.Blocks {
		h, err := r.NextIntervalHistogram()
		if err != nil || h == nil {
			t.Fatalf("turn %d: %v, %v", block.Turn, h, err)
		}
		if h.Tag() != "kafka-tuned" || !h.Equals(block.Latency.Histogram) {
			t.Errorf("turn %d: %q, %d values, want %d", block.Turn, h.Tag(), h.TotalCount(), block.Latency.TotalCount())
		}
		if want := run.At.UnixMilli() + int64(block.Turn)*1000; h.StartTimeMs() != want {
			t.Errorf("turn %d begins at %d, want %d", block.Turn, h.StartTimeMs(), want)
		}
	}
	if h, err := r.NextIntervalHistogram(); h != nil || err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v, %v", h, err)
	}
}

func TestPercentiles(t *testing.T) {
	var b bytes.Buffer
	s := stored(t).Rows[0].Of("moldau")
	if err := export.Percentiles(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Value\tPercentile\tTotalCount\t1/(1-Percentile)", "0.297     0.500000", "Total count    =         2000"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestOpenMessaging(t *testing.T) {
	run := stored(t)
	fields := func(row *result.Row, system string) map[string]any {
		t.Helper()
		var b bytes.Buffer
		if err := export.OpenMessaging(&b, row, row.Of(system)); err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	row := run.Rows[0]
	m := fields(row, "moldau")
	if m["driver"] != "moldau" || m["messageSize"] != 1024.0 || m["partitions"] != 6.0 || m["topics"] != 1.0 || m["producersPerTopic"] != 1.0 {
		t.Errorf("head: %v", m)
	}
	if rates := m["publishRate"].([]any); len(rates) != 5 || rates[0] != row.Of("moldau").Blocks[0].Metrics[result.RecordsPerSecond] {
		t.Errorf("publishRate %v", rates)
	}
	if p := m["publishLatency99pct"].([]any); len(p) != 5 || p[2] != row.Of("moldau").Blocks[2].Metrics[result.P99] {
		t.Errorf("publishLatency99pct %v", p)
	}
	if q := m["aggregatedPublishLatencyQuantiles"].(map[string]any); q["50.0"] != m["aggregatedPublishLatency50pct"] || q["100.0"] != m["aggregatedPublishLatencyMax"] {
		t.Errorf("quantiles %v", q)
	}
	for _, never := range []string{"consumeRate", "backlog", "endToEndLatency99pct"} {
		if _, there := m[never]; there {
			t.Errorf("%s was not measured", never)
		}
	}
	row.Shape.Consumers = 1
	if m := fields(row, "moldau"); m["endToEndLatency99pct"] == nil || m["publishLatency99pct"] != nil {
		t.Error("with a consumer the latency is not end to end")
	}
	row.Acks, row.Shape.Producers = "-", 0
	if m := fields(row, "moldau"); m["consumeRate"] == nil || m["publishRate"] != nil || m["endToEndLatency99pct"] != nil {
		t.Error("a fetch row publishes")
	}
}
