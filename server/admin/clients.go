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

const (
	refusedHelp = "Connections that were closed at once, by the limit that they met: of all, or of their address."
	closedHelp  = "Connections that were closed because of their peer: idle, stalled in the middle of a request or a response, or without the TLS that is wanted."
)

var (
	clientsNumbers = []number[wire.Counters]{
		standing("moldau_connections", "Connections of clients that are open.", func(c *wire.Counters) int64 { return c.Connections }),
		counting("moldau_connections_accepted_total", "Connections that were accepted.", func(c *wire.Counters) int64 { return c.Accepted }),
		countingFor("moldau_connections_refused_total", refusedHelp, "limit", "all", func(c *wire.Counters) int64 { return max(c.Refused-c.RefusedPerAddr, 0) }),
		countingFor("moldau_connections_refused_total", refusedHelp, "limit", "address", func(c *wire.Counters) int64 { return c.RefusedPerAddr }),
		counting("moldau_connections_delayed_total", "Connections that came faster than they are accepted.", func(c *wire.Counters) int64 { return c.Delayed }),
		countingFor("moldau_connections_closed_total", closedHelp, "reason", "idle", func(c *wire.Counters) int64 { return c.Idle }),
		countingFor("moldau_connections_closed_total", closedHelp, "reason", "stalled request", func(c *wire.Counters) int64 { return c.StalledSending }),
		countingFor("moldau_connections_closed_total", closedHelp, "reason", "stalled response", func(c *wire.Counters) int64 { return c.StalledReading }),
		countingFor("moldau_connections_closed_total", closedHelp, "reason", "TLS handshake", func(c *wire.Counters) int64 { return c.HandshakesFailed }),
		counting("moldau_requests_received_total", "Requests that were received.", func(c *wire.Counters) int64 { return c.Frames }),
		counting("moldau_requests_rejected_total", "Requests that ended their connection.", func(c *wire.Counters) int64 { return c.Rejected }),
		standing("moldau_requests_in_flight_bytes", "Bytes that requests hold which are being received or served.", func(c *wire.Counters) int64 { return c.InFlightBytes }),
		counting("moldau_request_memory_waits_total", "Times that a request waited for others to give their memory back.", func(c *wire.Counters) int64 { return c.WaitedForMemory }),
		standing("moldau_responses_waiting_bytes", "Bytes that responses hold which wait.", func(c *wire.Counters) int64 { return c.ReplyBytes }),
		counting("moldau_response_memory_waits_total", "Times that a request was not read at once because too many responses waited, of its connection or in memory.", func(c *wire.Counters) int64 { return c.WaitedForRoom }),
		counting("moldau_received_bytes_total", "Bytes of requests.", func(c *wire.Counters) int64 { return c.BytesIn }),
		counting("moldau_sent_bytes_total", "Bytes of responses.", func(c *wire.Counters) int64 { return c.BytesOut }),
		counting("moldau_sent_sendfile_bytes_total", "Bytes of records that went from file to socket without passing through the broker.", func(c *wire.Counters) int64 { return c.SendfileBytes }),
		counting("moldau_sent_copied_bytes_total", "Bytes of records that went through a buffer of the broker.", func(c *wire.Counters) int64 { return c.CopiedBytes }),
	}

	fetchSessionsNumbers = []number[FetchSessions]{
		standing("moldau_fetch_sessions", "Fetch sessions that are open.", func(s *FetchSessions) int64 { return s.Sessions }),
		standing("moldau_fetch_session_partitions", "Partitions in all fetch sessions.", func(s *FetchSessions) int64 { return s.Partitions }),
		standing("moldau_fetch_sessions_size_bytes", "Bytes that fetch sessions take, about.", func(s *FetchSessions) int64 { return s.Bytes }),
		counting("moldau_fetch_sessions_created_total", "Fetch sessions that were opened.", func(s *FetchSessions) int64 { return s.Created }),
		counting("moldau_fetch_sessions_refused_total", "Requests for a fetch session that were answered without one.", func(s *FetchSessions) int64 { return s.Refused }),
		counting("moldau_fetch_sessions_evicted_total", "Fetch sessions that made room for others.", func(s *FetchSessions) int64 { return s.Evicted }),
		counting("moldau_fetch_sessions_requests_total", "Requests that went on with a fetch session.", func(s *FetchSessions) int64 { return s.Incremental }),
	}

	requestsDesc = prometheus.NewDesc("moldau_request_duration_seconds",
		"Time from the last byte of a request to its response, waits that the client asked for included.", []string{"api"}, nil)
	errorsDesc = prometheus.NewDesc("moldau_response_errors_total",
		"Error codes in responses: a response has as many as it has topics, partitions or groups that failed.", []string{"api", "error"}, nil)
)

// clientsCollector reads the listener's counters when it is asked.
type clientsCollector struct{ sources *atomic.Pointer[Sources] }

func (c *clientsCollector) Describe(to chan<- *prometheus.Desc) {
	describe(clientsNumbers, to)
	describe(fetchSessionsNumbers, to)
	to <- requestsDesc
	to <- errorsDesc
}

func (c *clientsCollector) Collect(to chan<- prometheus.Metric) {
	sources := c.sources.Load()
	if sources == nil {
		return
	}
	counters, sessions := sources.Clients.Counters(), sources.FetchSessions()
	collect(clientsNumbers, &counters, to)
	collect(fetchSessionsNumbers, &sessions, to)
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
