package plot_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"moldau/bench/report/plot"
	"moldau/bench/result"
)

// row has three turns, in each of which kafka's figure is five times moldau's.
func row(m result.Metric) *result.Row {
	w := &result.Row{Scenario: "produce", Name: "1 KiB", Client: "replay", Acks: "all", Durability: "os", Headline: m}
	for turn := range 3 {
		for _, s := range []struct {
			name  string
			times float64
		}{{"moldau", 1}, {"kafka", 5}, {"ingest", 0.5}} {
			w.Add(s.name, s.name == "ingest", result.Block{Turn: turn, Metrics: map[result.Metric]float64{m: s.times * float64(turn+1)}})
		}
	}
	return w
}

// texts are what a reader can read in a plot.
func texts(svg []byte) string {
	var all []string
	for _, t := range regexp.MustCompile(`>([^<]+)</text>`).FindAllSubmatch(svg, -1) {
		all = append(all, string(t[1]))
	}
	return strings.Join(all, "\n")
}

func drawn(t *testing.T, svg []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if svg == nil {
		t.Fatal("nothing was drawn")
	}
	return texts(svg)
}

func wants(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains("\n"+text+"\n", "\n"+w+"\n") {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

func TestBars(t *testing.T) {
	w := row(result.CPUPerGB)
	svg, err := plot.Bars(w)
	wants(t, drawn(t, svg, err), "moldau", "kafka", "limit: ingest 1.00", "2.00", "10.0", "cpu-s/GB, less is better", "0", "18")
	if svg, err := plot.Bars(&result.Row{Headline: result.CPUPerGB}); svg != nil || err != nil {
		t.Errorf("of a row without figures: %s, %v", svg, err)
	}
}

// The tail is drawn as far as there is a request to show it, and no further.
func TestLatencyEndsWithItsRequests(t *testing.T) {
	for n, last := range map[int]string{150: "99", 1500: "99.9", 15_000: "99.99"} {
		w := row(result.P99)
		l := result.NewLatency()
		for i := range n {
			l.Record(time.Duration(i+1) * time.Microsecond)
		}
		w.Series[0].Blocks[0].Latency = l
		svg, err := plot.Latency(w)
		text := drawn(t, svg, err)
		wants(t, text, "50", "90", last)
		if strings.Contains(text, last+"9") || last == "99" && strings.Contains(text, "99.9") {
			t.Errorf("%d requests have more than %s:\n%s", n, last, text)
		}
	}
	if svg, err := plot.Latency(row(result.P99)); svg != nil || err != nil {
		t.Errorf("of a row without histograms: %s, %v", svg, err)
	}
}

// Of rates more is better, of costs less: the axis reaches as far as the ratios.
func TestTimesBetter(t *testing.T) {
	svg, err := plot.Times("produce", []*result.Row{row(result.CPUPerGB)})
	cost := drawn(t, svg, err)
	svg, err = plot.Times("produce", []*result.Row{row(result.BytesPerSecond)})
	rate := drawn(t, svg, err)
	wants(t, cost, "beside kafka", "0.5", "1", "5")
	wants(t, rate, "beside kafka", "0.2", "1", "2")
	if strings.Contains(cost, "\n0.2\n") || strings.Contains(rate, "\n5\n") {
		t.Errorf("better and worse are mixed up:\n%s\n%s", cost, rate)
	}
	alone := row(result.CPUPerGB)
	alone.Series = alone.Series[:1]
	if svg, err := plot.Times("produce", []*result.Row{alone}); svg != nil || err != nil {
		t.Errorf("without a peer: %s, %v", svg, err)
	}
}

func TestLoadNeedsTwoPoints(t *testing.T) {
	point := func(load, p99 float64) *result.Row {
		w := &result.Row{Headline: result.P99}
		w.Add("moldau", false, result.Block{Metrics: map[result.Metric]float64{result.RequestsPerSecond: load, result.P50: p99 / 2, result.P99: p99}})
		return w
	}
	if svg, err := plot.Load("curve", []*result.Row{point(1000, 2)}); svg != nil || err != nil {
		t.Errorf("of one point: %s, %v", svg, err)
	}
	svg, err := plot.Load("curve", []*result.Row{point(1000, 2), point(2000, 5)})
	wants(t, drawn(t, svg, err), "curve", "moldau", "2,000", "5", "1")
}

// A name is text, whatever is in it.
func TestNamesAreEscaped(t *testing.T) {
	w := row(result.CPUPerGB)
	w.Name = `<script>"&`
	svg, err := plot.Bars(w)
	if err != nil || strings.Contains(string(svg), "<script") {
		t.Errorf("%v, %s", err, svg)
	}
}
