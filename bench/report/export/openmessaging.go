package export

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"moldau/bench/result"
)

// points are OpenMessaging Benchmark's names for percentiles.
var points = []struct {
	name       string
	percentile float64
}{
	{"50pct", 50}, {"75pct", 75}, {"95pct", 95}, {"99pct", 99}, {"999pct", 99.9}, {"9999pct", 99.99}, {"99999pct", 99.999}, {"Max", 100},
}

// OpenMessaging writes a series with the field names of the OpenMessaging
// Benchmark's TestResult. Rates are records a second, latencies milliseconds; the
// driver is the system. What a row's latency is follows from who is in it: to the
// acknowledgement where only producers are, to the consumer where both are.
func OpenMessaging(w io.Writer, row *result.Row, s *result.Series) error {
	fields := map[string]any{
		"workload": row.Scenario + ": " + row.Title(), "driver": s.System, "topics": 1,
	}
	for name, value := range map[string]int{
		"messageSize": row.Shape.RecordBytes, "partitions": row.Shape.Partitions,
		"producersPerTopic": row.Shape.Producers, "consumersPerTopic": row.Shape.Consumers,
	} {
		if value != 0 {
			fields[name] = value
		}
	}
	if rates := s.Values(result.RecordsPerSecond); rates != nil {
		if produces(row) {
			fields["publishRate"] = rates
		}
		if row.Shape.Consumers > 0 {
			fields["consumeRate"] = rates
		}
	}
	switch {
	case produces(row) && row.Shape.Consumers > 0:
		latencies(fields, "endToEndLatency", "aggregatedEndToEndLatency", s)
	case produces(row):
		latencies(fields, "publishLatency", "aggregatedPublishLatency", s)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(fields)
}

func produces(row *result.Row) bool { return row.Shape.Producers > 0 || row.Acks != "-" }

func latencies(fields map[string]any, each, all string, s *result.Series) {
	merged := s.Merged()
	if merged == nil {
		return
	}
	of := map[string][]float64{}
	for _, b := range s.Blocks {
		if b.Latency == nil || b.Latency.TotalCount() == 0 {
			continue
		}
		of["Avg"] = append(of["Avg"], b.Latency.Mean()/1000)
		for _, p := range points {
			of[p.name] = append(of[p.name], float64(b.Latency.ValueAtQuantile(p.percentile))/1000)
		}
	}
	for name, values := range of {
		fields[each+name] = values
	}
	fields[all+"Avg"] = merged.Mean() / 1000
	for _, p := range points {
		fields[all+p.name] = float64(merged.ValueAtQuantile(p.percentile)) / 1000
	}
	quantiles := map[string]float64{}
	for _, b := range merged.CumulativeDistribution() {
		quantiles[javaDouble(b.Quantile)] = float64(b.ValueAt) / 1000
	}
	fields[all+"Quantiles"] = quantiles
}

// javaDouble has a point even where it is whole, as keys of a Java map of doubles.
func javaDouble(x float64) string {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
