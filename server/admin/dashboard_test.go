package admin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"moldau/logstore/vfs"
	"moldau/server"
	"moldau/server/servertest"
)

// dashboard is what is held against the metrics: all of its queries.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, RefID string }
	}
	Templating struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
		}
	}
}

// queries are the dashboard's, by where they stand.
func (d *dashboard) queries() map[string]string {
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[fmt.Sprintf("panel %d %q %s", p.ID, p.Title, target.RefID)] = target.Expr
		}
	}
	for _, v := range d.Templating.List {
		var q struct{ Query string }
		if v.Type == "query" && json.Unmarshal(v.Query, &q) == nil {
			all["variable "+v.Name] = q.Query
		}
	}
	return all
}

var (
	quoted     = regexp.MustCompile(`"[^"]*"`)
	ranged     = regexp.MustCompile(`\[[^\]]*\]`)
	grouped    = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	selector   = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}`)
	labelNames = regexp.MustCompile(`label_values\((.*),\s*([a-z_]+)\)`)
	identifier = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
)

// judgeQuery says what is wrong with a query: metrics that nobody exposes, and
// labels that those in it do not have.
func judgeQuery(query string, families map[string]*dto.MetricFamily) []string {
	var wrong, labels []string
	query = quoted.ReplaceAllString(query, `""`)
	query = ranged.ReplaceAllString(query, "")
	if m := labelNames.FindStringSubmatch(query); m != nil {
		query, labels = m[1], append(labels, m[2])
	}
	query = grouped.ReplaceAllStringFunc(query, func(s string) string {
		for _, label := range strings.Split(grouped.FindStringSubmatch(s)[2], ",") {
			labels = append(labels, strings.TrimSpace(label))
		}
		return ""
	})
	has := map[string]bool{"instance": true, "job": true} // Prometheus' own
	query = selector.ReplaceAllStringFunc(query, func(s string) string {
		m := selector.FindStringSubmatch(s)
		for _, matcher := range strings.Split(m[2], ",") {
			label := strings.TrimSpace(matcher[:strings.IndexAny(matcher, "=!")])
			if of := labelsOf(families, m[1]); of != nil && !of[label] && !has[label] {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", m[1], label))
			}
		}
		return m[1]
	})
	for _, word := range identifier.FindAllString(query, -1) {
		if strings.HasSuffix(word, "(") {
			continue // a function
		}
		of := labelsOf(families, strings.TrimSpace(word))
		if of == nil {
			wrong = append(wrong, "no metric is called "+word)
		}
		for label := range of {
			has[label] = true
		}
	}
	for _, label := range labels {
		if !has[label] {
			wrong = append(wrong, "no metric in it has a label "+label)
		}
	}
	return wrong
}

// labelsOf are the labels that a series of this name has, nil where there is
// none.
func labelsOf(families map[string]*dto.MetricFamily, name string) map[string]bool {
	labels, f := map[string]bool{}, families[name]
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		base := families[strings.TrimSuffix(name, suffix)]
		if f == nil && strings.HasSuffix(name, suffix) && base.GetType() == dto.MetricType_HISTOGRAM {
			if f = base; suffix == "_bucket" {
				labels["le"] = true
			}
		}
	}
	if f.GetType() == dto.MetricType_HISTOGRAM && families[name] != nil {
		return nil // only its parts can be asked for
	}
	if len(f.GetMetric()) == 0 {
		return nil
	}
	for _, l := range f.GetMetric()[0].GetLabel() {
		labels[l.GetName()] = true
	}
	return labels
}

// exposed are the metrics of a broker that has served, and what one has more
// that is starting.
func exposed(t *testing.T) map[string]*dto.MetricFamily {
	families := parse(t, bytes.NewReader(liveMetrics(t)))
	const progress = "moldau_start_progress_ratio"
	families[progress] = scrape(t, start(t).addr)[progress]
	return families
}

func TestDashboardAsksForWhatThereIs(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Admin: "127.0.0.1:0"})
	_, served := get(t, b.Server().AdminAddr().String(), "/dashboard.json", "")
	var d dashboard
	must(t, json.Unmarshal(served, &d))
	if d.UID != "moldau" || d.Title == "" || d.SchemaVersion == 0 {
		t.Errorf("dashboard %q %q, schema %d", d.UID, d.Title, d.SchemaVersion)
	}
	families, queries := exposed(t), d.queries()
	if len(queries) < 40 {
		t.Errorf("there are %d queries", len(queries))
	}
	all := ""
	for where, query := range queries {
		for _, wrong := range judgeQuery(query, families) {
			t.Errorf("%s: %s: %s", where, query, wrong)
		}
		all += query + "\n"
	}
	// What is ours and on no panel would be found by nobody.
	for name := range families {
		if strings.HasPrefix(name, "moldau_") && !strings.Contains(all, name) {
			t.Errorf("%s is on no panel", name)
		}
	}
}

func TestPanelsHaveTheirPlaces(t *testing.T) {
	b := servertest.Start(t, server.Config{FS: vfs.NewMem(), Admin: "127.0.0.1:0"})
	_, served := get(t, b.Server().AdminAddr().String(), "/dashboard.json", "")
	var d dashboard
	must(t, json.Unmarshal(served, &d))
	ids, rows := map[int]bool{}, []string{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows = append(rows, p.Title)
		} else if len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q lies over %q, or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	for _, want := range []string{"Topics", "Consumer groups", "Engine", "Clients"} {
		if !slices.Contains(rows, want) {
			t.Errorf("there is no row %q among %q", want, rows)
		}
	}
}

// The judge of the dashboard finds what is wrong with one.
func TestWrongQueriesAreFound(t *testing.T) {
	families := exposed(t)
	for query, wrong := range map[string]string{
		`sum by (topic) (rate(kafka_topic_partition_current_offset{topic=~"$topic"}[$__rate_interval]))`:  "",
		`histogram_quantile(0.99, sum by (le, api) (rate(moldau_request_duration_seconds_bucket[5m])))`:   "",
		`rate(moldau_request_duration_seconds_sum[5m]) / rate(moldau_request_duration_seconds_count[5m])`: "",
		`label_values(kafka_topic_partitions{instance=~"$instance"}, topic)`:                              "",
		`sum(kafka_topic_partition_current_offsets)`:                                                      "no metric is called kafka_topic_partition_current_offsets",
		`moldau_logs + moldau_nothing{store="data"}`:                                                      "no metric is called moldau_nothing",
		`sum by (group) (kafka_topic_partitions)`:                                                         "no metric in it has a label group",
		`kafka_topic_partitions{partition="0"}`:                                                           "kafka_topic_partitions has no label partition",
		`label_values(kafka_topic_partitions, partition)`:                                                 "no metric in it has a label partition",
		`moldau_request_duration_seconds`:                                                                 "no metric is called moldau_request_duration_seconds",
		`sum by (le) (rate(moldau_request_duration_seconds_count[5m]))`:                                   "no metric in it has a label le",
		`rate(moldau_logs_bucket[5m])`:                                                                    "no metric is called moldau_logs_bucket",
	} {
		got := strings.Join(judgeQuery(query, families), "; ")
		if got != wrong {
			t.Errorf("%s: found %q, want %q", query, got, wrong)
		}
	}
}
