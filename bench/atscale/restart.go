package atscale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/client"
	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
	"moldau/bench/yardstick"
	"moldau/server/compat/broker"
)

// restarting is the scenario's parameters.
type restarting struct {
	pool    *system.Pool
	session *harness.Session

	counts []int
	mb     int64
}

// Restart is how soon a broker is back.
func Restart(pool func(*harness.Session) *system.Pool) harness.Scenario {
	r := &restarting{}
	return harness.Scenario{
		Name:    "restart",
		Summary: "how soon a broker is back after kill -9 and after a clean close, with all that it acknowledged",
		Help: `A block starts a broker on an empty directory, has it acknowledge --mb to so many
partitions in batches of 16 KiB, kills it with SIGKILL or closes it cleanly, has all
written back and taken from the page cache, and starts it again: s is from exec until
every partition tells its end. The ends must be those that were acknowledged: the
system has not lost its memory, only the process. cpu-s is the process's until then, a
JVM's start included. What of the bytes is to be recovered is the broker's own affair:
Kafka looks through every segment behind its last flush, which by default nobody asks
for, Moldau through what it has not flushed itself.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntSliceVar(&r.counts, "count", []int{1, 1000}, "`PARTITIONS`")
			f.Int64Var(&r.mb, "mb", 1024, "`MB` that were acknowledged")
			harness.Quick(f, "count", "6")
			harness.Quick(f, "mb", "128")
		},
		Plan: func(_ context.Context, s *harness.Session) ([]harness.Workload, error) {
			r.pool, r.session = pool(s), s
			for _, n := range r.counts {
				if n < 1 || n > hundred && n%hundred != 0 {
					return nil, fmt.Errorf("%d partitions do not divide into topics of %d", n, hundred)
				}
			}
			return r.plan(), nil
		},
	}
}

func (r *restarting) plan() (rows []harness.Workload) {
	for _, durability := range []string{"os", "synced"} {
		if !r.session.WantsDurability(durability) {
			continue
		}
		for _, n := range r.counts {
			for _, killed := range []bool{true, false} {
				rows = append(rows, r.row(n, killed, durability))
			}
		}
	}
	return rows
}

func (r *restarting) row(n int, killed bool, durability string) harness.Workload {
	end := "a clean close"
	if killed {
		end = "kill -9"
	}
	w := harness.Workload{Blocks: blocks(r.session), Row: result.Row{
		Name:   fmt.Sprintf("start after %s, %d MB in %s, cold", end, r.mb, harness.Counted(n, "partition")),
		Client: "replay", Acks: "all", Durability: durability, Headline: result.Seconds,
		Shape: result.Shape{RecordBytes: 1024, BatchBytes: 16384, Partitions: n},
		Goals: []result.Goal{{System: system.Moldau, Metric: result.Seconds, Against: system.Kafka, AtMost: 1}},
	}}
	for _, name := range []string{system.Moldau, system.Kafka} {
		expect := 5*time.Second + time.Duration(r.mb)*4*time.Millisecond + time.Duration(n)*2*time.Millisecond
		if name == system.Kafka {
			expect = 12*time.Second + time.Duration(r.mb)*15*time.Millisecond + time.Duration(n)*20*time.Millisecond
		}
		w.Contestants = append(w.Contestants, harness.Contestant{System: name, Expect: expect,
			Block: func(ctx context.Context, _ int) (result.Block, error) {
				return r.block(ctx, name, n, killed, durability == "synced")
			}})
	}
	return w
}

func (r *restarting) block(ctx context.Context, name string, n int, killed, synced bool) (b result.Block, err error) {
	l, err := r.pool.Launch(ctx, name, synced)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(l.Dir)) }()
	acknowledged, err := r.fill(ctx, name, l, n, killed, synced)
	if err != nil {
		return b, err
	}
	if err := errors.Join(disk.SyncFileSystem(l.Dir), disk.Forget(l.Dir)); err != nil {
		return b, err
	}
	_, steal, err := yardstick.Times(os.Getpid())
	if err != nil {
		return b, err
	}
	s, err := system.StartLaunch(ctx, name, l)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	has, err := s.WideRecords(ctx, "many", n/min(n, hundred))
	took := time.Since(s.Broker().Began)
	if err != nil {
		return b, err
	}
	cpu, after, err := yardstick.Times(s.PID())
	if has != acknowledged {
		err = errors.Join(err, fmt.Errorf("%s has %d records, acknowledged were %d", name, has, acknowledged))
	}
	return result.Block{StealSeconds: after - steal, Metrics: map[result.Metric]float64{result.Seconds: took.Seconds(), result.CPUSeconds: cpu}}, err
}

// fill has a broker acknowledge what it is to find again, and end.
func (r *restarting) fill(ctx context.Context, name string, l broker.Launch, n int, killed, synced bool) (records int64, err error) {
	l.CloseMax = 10 * time.Minute
	s, err := system.StartLaunch(ctx, name, l)
	if err != nil {
		return 0, err
	}
	each := min(n, hundred)
	err = s.CreateWide(ctx, "many", n/each, system.Topic{Partitions: each, Synced: synced})
	if err == nil {
		var o client.Outcome
		m := &many{s, r.session.ClientCPUs, "many", n / each, each}
		_, o, err = m.produce(ctx, min(each, 10), 16384, r.mb*1e6)
		records = o.Records
	}
	if killed {
		s.Kill()
		return records, err
	}
	return records, errors.Join(err, s.Close())
}
