package admin

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/latency"
	"moldau/server/wire"
)

// clientsValue is one of the listener's numbers.
type clientsValue struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(c *wire.Counters) int64
}

func clientsCounter(name, help string, value func(c *wire.Counters) int64) clientsValue {
	return clientsValue{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value}
}

var (
	clientsValues = []clientsValue{
		{prometheus.NewDesc("moldau_connections", "Connections of clients that are open.", nil, nil), prometheus.GaugeValue,
			func(c *wire.Counters) int64 { return c.Connections }},
		clientsCounter("moldau_connections_accepted_total", "Connections that were accepted.", func(c *wire.Counters) int64 { return c.Accepted }),
		clientsCounter("moldau_connections_refused_total", "Connections that were closed at once, because of a limit.", func(c *wire.Counters) int64 { return c.Refused }),
		clientsCounter("moldau_requests_received_total", "Requests that were received.", func(c *wire.Counters) int64 { return c.Frames }),
		clientsCounter("moldau_requests_rejected_total", "Requests that ended their connection.", func(c *wire.Counters) int64 { return c.Rejected }),
		clientsCounter("moldau_received_bytes_total", "Bytes of requests.", func(c *wire.Counters) int64 { return c.BytesIn }),
		clientsCounter("moldau_sent_bytes_total", "Bytes of responses.", func(c *wire.Counters) int64 { return c.BytesOut }),
		clientsCounter("moldau_sent_sendfile_bytes_total", "Bytes of records that went from file to socket without passing through the broker.", func(c *wire.Counters) int64 { return c.SendfileBytes }),
		clientsCounter("moldau_sent_copied_bytes_total", "Bytes of records that went through a buffer of the broker.", func(c *wire.Counters) int64 { return c.CopiedBytes }),
	}

	requestsDesc = prometheus.NewDesc("moldau_request_duration_seconds",
		"Time from the last byte of a request to its response, waits that the client asked for included.", []string{"api"}, nil)
	errorsDesc = prometheus.NewDesc("moldau_response_errors_total",
		"Error codes in responses: a response has as many as it has topics, partitions or groups that failed.", []string{"api", "error"}, nil)
)

// clientsCollector reads the listener's counters when it is asked.
type clientsCollector struct{ sources *atomic.Pointer[Sources] }

func (c *clientsCollector) Describe(to chan<- *prometheus.Desc) {
	for i := range clientsValues {
		to <- clientsValues[i].desc
	}
	to <- requestsDesc
	to <- errorsDesc
}

func (c *clientsCollector) Collect(to chan<- prometheus.Metric) {
	sources := c.sources.Load()
	if sources == nil {
		return
	}
	counters := sources.Clients.Counters()
	for i := range clientsValues {
		v := &clientsValues[i]
		to <- prometheus.MustNewConstMetric(v.desc, v.kind, float64(v.value(&counters)))
	}
	sources.Clients.Requests(func(key int16, took latency.Snapshot) {
		to <- histogram(requestsDesc, &took, kmsg.NameForKey(key))
	})
	sources.Errors(func(key, code int16, count int64) {
		to <- prometheus.MustNewConstMetric(errorsDesc, prometheus.CounterValue, float64(count), kmsg.NameForKey(key), errorName(code))
	})
}

// errorName is Kafka's name of an error code, or the code where it has none:
// two series must not have the same labels.
func errorName(code int16) string {
	if e := kerr.TypedErrorForCode(code); e != nil && e.Code == code {
		return e.Message
	}
	return strconv.Itoa(int(code))
}
