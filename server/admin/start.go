package admin

import "github.com/prometheus/client_golang/prometheus"

var (
	readyDesc    = prometheus.NewDesc("moldau_ready", "Whether /ready answers 200, 1 or 0.", nil, nil)
	progressDesc = prometheus.NewDesc("moldau_start_progress_ratio", "How much of the present phase of the start is done; not there once clients are served.", []string{"phase"}, nil)
)

// startCollector tells what /ready does.
type startCollector struct{ health *Health }

func (c *startCollector) Describe(to chan<- *prometheus.Desc) {
	to <- readyDesc
	to <- progressDesc
}

func (c *startCollector) Collect(to chan<- prometheus.Metric) {
	r := c.health.Report()
	to <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, float64(oneIf(r.Ready)))
	if r.Phase != Serving {
		to <- prometheus.MustNewConstMetric(progressDesc, prometheus.GaugeValue, r.ratio, r.Phase)
	}
}
