package admin

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// scrapesMax is how many scrapes run at once. A Prometheus and its twin are two;
// who asks while others wait for as many is told to come back.
const scrapesMax = 4

// metrics answers /metrics. What there is a fixed number of comes from the
// client library, what there is one of for each topic or group is written by
// [exposition].
type metrics struct {
	registry *prometheus.Registry
	sources  *atomic.Pointer[Sources]
	slots    chan struct{}
	zips     sync.Pool // of *gzip.Writer
}

func newMetrics(health *Health, sources *atomic.Pointer[Sources]) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), sources: sources, slots: make(chan struct{}, scrapesMax)}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
		&startCollector{health},
		&engineCollector{sources},
		&clientsCollector{sources},
	)
	m.zips.New = func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails on an unknown level only
		return w
	}
	return m
}

// excludable are the parts of a scrape that it may be asked to leave out.
var excludable = []string{"topics", "groups"}

func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	exclude := r.URL.Query()["exclude"]
	for _, part := range exclude {
		if !slices.Contains(excludable, part) {
			http.Error(w, fmt.Sprintf("exclude is %q, want %s", part, strings.Join(excludable, " or ")), http.StatusBadRequest)
			return
		}
	}
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("%d scrapes are under way", scrapesMax), http.StatusServiceUnavailable)
		return
	}
	families, err := m.registry.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", `text/plain; version=0.0.4; charset=utf-8`)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept-Encoding")
	if r.Method == http.MethodHead {
		return
	}
	out := io.Writer(w)
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		zip := m.zips.Get().(*gzip.Writer)
		zip.Reset(w)
		defer func() {
			_ = zip.Close() // of a connection that is gone
			zip.Reset(nil)
			m.zips.Put(zip)
		}()
		out = zip
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(out, f); err != nil {
			return // nobody reads any more
		}
	}
	m.walk(out, exclude)
}

// walk writes what there is of topics and groups.
func (m *metrics) walk(out io.Writer, exclude []string) {
	sources := m.sources.Load()
	if sources == nil {
		return
	}
	s := &scrape{sources: sources, image: sources.Image(), out: newExposition(out)}
	s.cluster()
	s.offline()
	if !slices.Contains(exclude, "topics") {
		s.topics()
	}
	if !slices.Contains(exclude, "groups") && sources.Groups != nil {
		s.groups()
	}
	s.out.flush()
}

// acceptsGzip reads Accept-Encoding. Who refuses gzip by a weight of 0 is taken
// at their word.
func acceptsGzip(r *http.Request) bool {
	for _, field := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(field, ",") {
			coding, weight, _ := strings.Cut(part, ";")
			if strings.TrimSpace(coding) == "gzip" {
				weight = strings.ReplaceAll(weight, " ", "")
				return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
			}
		}
	}
	return false
}
