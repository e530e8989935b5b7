package ontime

import (
	"context"
	"time"

	"moldau/bench/client"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// settle is the beginning of a block that is not counted.
const settle = 500 * time.Millisecond

// durabilities are those whose rows are measured: in a quick run of both, os alone.
func durabilities(s *harness.Session) (wanted []string) {
	for _, d := range []string{"os", "synced"} {
		if s.WantsDurability(d) && (!s.Quick || wanted == nil) {
			wanted = append(wanted, d)
		}
	}
	return wanted
}

// echo is what rows call the program that receives, writes and acknowledges.
const echo = "echo"

// get is the pool's, with the name that a limit program has here.
func get(ctx context.Context, pool *system.Pool, name string, synced bool) (*system.System, error) {
	if name == echo {
		name = system.IngestOf(synced)
	}
	return pool.Get(ctx, name)
}

// warmBytesMax bounds the pages warmed for a block: a long one deletes meanwhile.
const warmBytesMax = 1 << 30

// onTime is a block of an open loop, into a topic of its own, for which pages are
// warmed.
func onTime(ctx context.Context, pool *system.Pool, session *harness.Session, s *system.System, load client.Load, t system.Topic) (result.Block, error) {
	topic, err := s.Create(ctx, t)
	if err != nil {
		return result.Block{}, err
	}
	perRequest := max(load.BatchBytes, load.RecordBytes) * max(load.PerRequest, 1)
	if err := pool.WarmPages(min(int64(load.PerSecond*load.Seconds)*int64(perRequest), warmBytesMax)); err != nil {
		return result.Block{}, err
	}
	load.Kind, load.Topic = client.OpenLoopProduce, topic
	b, o, err := s.Measure(ctx, session.ClientCPUs, load)
	if err != nil {
		return b, err
	}
	addTimes(&b, load, o)
	if err := s.KeptAll(ctx, topic, o); err != nil {
		return b, err
	}
	return b, s.Delete(ctx, topic)
}

// addTimes adds what an open loop tells beside its latency.
func addTimes(b *result.Block, load client.Load, o client.Outcome) {
	b.Windows = o.Windows
	b.Metrics[result.Offered] = load.PerSecond
	if o.SendLag.Tells(99) {
		b.Metrics[result.SendLag] = o.SendLag.Ms(99)
	}
	if o.Tail != nil {
		o.Tail.IntoAs(b.Metrics, result.TailP50, result.TailP99, result.TailP999)
	}
}
