package overwire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

const (
	gib = 1 << 30
	mib = 1 << 20
)

// rowWarmUpsMax is how many blocks a JVM gets at most to compile a row's shape.
func rowWarmUpsMax(s *harness.Session) int {
	if s.Quick {
		return 4
	}
	return 6
}

// brokers speak Kafka's protocol.
var brokers = []string{system.Moldau, system.Kafka, system.KafkaTuned}

// clientNames are what rows call the clients.
var clientNames = map[string]string{
	client.Produce: "replay", client.Fetch: "replay",
	client.StandardProduce: "franz-go", client.StandardFetch: "franz-go",
	client.ApacheProduce: "kafka-java", client.ApacheFetch: "kafka-java",
	client.NATSProduce: "nats.go", client.NATSFetch: "nats.go",
}

// blockSeconds is how long a block of a client lasts that can be ended.
func blockSeconds(s *harness.Session) float64 {
	if s.Quick {
		return 0.5
	}
	return 1.5
}

// expect is how long a block may take with the start of a client and a topic.
func expect(s *harness.Session, kind string) time.Duration {
	d := time.Duration(blockSeconds(s) * float64(time.Second))
	switch kind {
	case client.ApacheProduce:
		return 9 * time.Second
	case client.ApacheFetch:
		return 5 * time.Second
	case client.Produce, client.StandardProduce:
		return d + 600*time.Millisecond // pages are warmed
	}
	return d + 200*time.Millisecond
}

// prepare is how long the JVMs' further blocks take that warm them up for a row.
func prepare(w *harness.Workload, s *harness.Session) {
	for _, c := range w.Contestants {
		if (system.JVM(c.System) || c.System == unsynced) && s.Wants(c.System, false) {
			w.Prepare += time.Duration(rowWarmUpsMax(s)-1) * w.Expect
		}
	}
}

// atFirst adds what starting the systems takes to the first row.
func atFirst(rows []harness.Workload, pool *system.Pool, names []string) {
	if len(rows) > 0 {
		rows[0].Prepare += pool.Expect(names...)
	}
}

// systemsOf leaves the tuned Kafka out of a quick run.
func systemsOf(s *harness.Session) []string {
	if s.Quick {
		return brokers[:2]
	}
	return brokers
}

// contestant is a system at a load.
type contestant struct {
	pool    *system.Pool
	session *harness.Session
	name    string
	label   string // what the row calls it; empty: its name
	load    client.Load
	topic   system.Topic    // that a load of produce gets for each block
	content *system.Content // that a load of fetch reads; nil for produce
	wrote   *wrote          // by the row's blocks; nil for fetch
}

// wrote is how much the row's largest block so far wrote. Each has as many pages
// warmed for it, so that it costs nobody anything that others came before.
type wrote struct{ bytesMax int64 }

// before warms pages for a block.
func (w *wrote) before(pool *system.Pool) error {
	if w == nil {
		return nil
	}
	return pool.WarmPages(w.bytesMax)
}

// after takes a block's size.
func (w *wrote) after(b result.Block) {
	if w != nil {
		w.bytesMax = max(w.bytesMax, int64(b.Metrics[result.MovedMB]*1e6))
	}
}

// at makes it one of a workload's.
func (c contestant) at() harness.Contestant {
	return harness.Contestant{System: cmp.Or(c.label, c.name), Limit: system.Limit(c.name), WarmUp: true, Block: c.block}
}

// block is its turn. A JVM compiles a shape while it meets it, so that its warm-up
// is as many blocks as get cheaper.
func (c contestant) block(ctx context.Context, turn int) (b result.Block, err error) {
	if turn >= 0 || !system.JVM(c.name) {
		return c.once(ctx)
	}
	var costs []float64
	for len(costs) < rowWarmUpsMax(c.session) && !system.Settled(costs) {
		if b, err = c.once(ctx); err != nil {
			return b, err
		}
		costs = append(costs, b.Metrics[result.CPUPerGB])
	}
	return b, nil
}

func (c contestant) once(ctx context.Context) (b result.Block, err error) {
	s, err := c.pool.Get(ctx, c.name)
	if err != nil {
		return b, err
	}
	l := c.load
	if c.content != nil {
		if l.Topic, err = s.Filled(ctx, c.session.ClientCPUs, *c.content); err != nil {
			return b, err
		}
		if l.Topic == "" { // a limit program answers whatever is asked
			l.Topic, l.Ends = "limit", 1<<40
		}
	}
	if err := c.wrote.before(c.pool); err != nil {
		return b, err
	}
	if b, err = s.Work(ctx, c.session.ClientCPUs, c.topic, l); err != nil {
		return b, err
	}
	c.wrote.after(b)
	if l.Kind == client.Fetch {
		err = full(b, l)
	}
	return b, err
}

// fullShare is how much of what is asked for answers have to hold at least, on the
// whole: the last before a topic's end holds what is left.
const fullShare = 0.97

var errShort = errors.New("answers are shorter than what is asked for: figures for a request would not be of the same request")

// full fails where a system answers fetches with less than others do.
func full(b result.Block, l client.Load) error {
	asked := float64(l.Partitions * l.PartitionBytesMax)
	if got := b.Metrics[result.BytesPerSecond] * 1e6 / b.Metrics[result.RequestsPerSecond]; got < fullShare*asked {
		return fmt.Errorf("%w: %.0f of %.0f bytes", errShort, got, asked)
	}
	return nil
}

// hotShare is how much of what was fetched may have come from the disk.
const hotShare = 0.01

// hot notes that a row's fetches were not all from the page cache.
func hot(row *result.Row, turn int) {
	const begins = "not all came from the page cache"
	for i := range row.Series {
		b := row.At(row.Series[i].System, turn)
		if b == nil || b.Metrics[result.ReadPerByte] <= hotShare || slices.ContainsFunc(row.Notes, func(n string) bool { return strings.HasPrefix(n, begins) }) {
			continue
		}
		row.Notes = append(row.Notes, fmt.Sprintf("%s: %s read %.2f bytes from the disk for one that was fetched in turn %d, first of all", begins, row.Series[i].System, b.Metrics[result.ReadPerByte], turn+1))
	}
}

// budget adds to Moldau's block of a turn what its CPU time for a request is of
// what it may be: that of the cheapest limit program in the same turn, and so many
// us more.
func budget(limits []string, usMore float64) func(*result.Row, int) {
	return func(row *result.Row, turn int) {
		moldau := row.At(system.Moldau, turn)
		least, known := 0.0, false
		for _, name := range limits {
			b := row.At(name, turn)
			if b == nil {
				continue
			}
			if cost, ok := b.Metrics[result.CPUPerRequest]; ok && (!known || cost < least) {
				least, known = cost, true
			}
		}
		if moldau == nil || !known {
			return
		}
		if cost, ok := moldau.Metrics[result.CPUPerRequest]; ok {
			moldau.Metrics[result.BudgetShare] = cost / (least + usMore)
		}
	}
}
