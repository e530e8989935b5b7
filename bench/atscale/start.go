package atscale

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
	"moldau/bench/wire"
	"moldau/bench/yardstick"
	"moldau/server/compat/broker"
)

// starting is the scenario's parameters.
type starting struct {
	pool    *system.Pool
	session *harness.Session

	counts []int
	idle   time.Duration
}

// Start is what it takes a broker to be there.
func Start(pool func(*harness.Session) *system.Pool) harness.Scenario {
	s := &starting{}
	return harness.Scenario{
		Name:    "start",
		Summary: "from exec to the first acknowledged produce; memory before the first connection; CPU time at rest",
		Help: `A block starts the binary, connects as soon as the port is open, lets a topic be
created and produces one record, until it is acknowledged (ms). Then nothing is asked
of the broker, and its CPU time is read (idle-cpu). Another start is not connected to;
resident-MB is what it holds half a second after its port is open. Kafka's directory
was formatted and closed cleanly before; its script, which takes some 20 ms, and its
JVM's start are in; finding its jars is not. relay, or relay-synced, is the limit beside
an empty directory: a Go program that writes what it is sent to a file, and flushes that in
synced rows. It is this command's own binary, larger than a bare program had to be: what
it holds is not told, and what it takes may be more than need be.`,
		Flags: func(f *pflag.FlagSet) {
			f.IntSliceVar(&s.counts, "count", []int{0, 1000}, "`PARTITIONS` that are there at the start; 0: an empty directory")
			f.DurationVar(&s.idle, "idle", 10*time.Second, "`TIME` at rest")
			harness.Quick(f, "count", "0")
			harness.Quick(f, "idle", "2s")
		},
		Plan: func(_ context.Context, session *harness.Session) ([]harness.Workload, error) {
			s.pool, s.session = pool(session), session
			return s.plan(), nil
		},
	}
}

func (s *starting) plan() (workloads []harness.Workload) {
	for _, durability := range []string{"os", "synced"} {
		if !s.session.WantsDurability(durability) {
			continue
		}
		for _, n := range s.counts {
			w := harness.Workload{Blocks: blocks(s.session), Row: result.Row{
				Name:   fmt.Sprintf("start with %d partitions", n),
				Client: "replay", Acks: "all", Durability: durability, Headline: result.Milliseconds, Shape: result.Shape{Partitions: n},
				Goals: []result.Goal{{System: system.Moldau, Metric: result.IdleCPU, AtMost: 0.2}},
			}}
			if n == 0 {
				w.Row.Name = "start on an empty directory"
				w.Row.Goals = append(w.Row.Goals,
					result.Goal{System: system.Moldau, Metric: result.Milliseconds, AtMost: 50},
					result.Goal{System: system.Moldau, Metric: result.ResidentMB, AtMost: 20})
			}
			for _, name := range []string{system.Moldau, system.Kafka} {
				expect := s.idle + 4*time.Second
				if name == system.Kafka { // three starts of a JVM, and its closes
					expect += 10*time.Second + time.Duration(n)*5*time.Millisecond
				}
				w.Contestants = append(w.Contestants, harness.Contestant{System: name, Expect: expect,
					Block: func(ctx context.Context, _ int) (result.Block, error) {
						return s.block(ctx, name, n, durability == "synced")
					}})
			}
			if n == 0 {
				limit := system.RelayOf(durability == "synced")
				w.Contestants = append(w.Contestants, harness.Contestant{System: limit, Limit: true, Expect: s.idle + 2*time.Second,
					Block: func(ctx context.Context, _ int) (result.Block, error) { return s.limit(ctx, limit) }})
			}
			workloads = append(workloads, w)
		}
	}
	return workloads
}

func (s *starting) block(ctx context.Context, name string, n int, synced bool) (b result.Block, err error) {
	l, err := s.pool.Launch(ctx, name, synced)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(l.Dir)) }()
	if n > 0 || name != system.Moldau {
		if err := s.prepare(ctx, name, l, n, synced); err != nil {
			return b, err
		}
	}
	b.Metrics = map[result.Metric]float64{}
	_, steal, err := yardstick.Times(os.Getpid())
	if err != nil {
		return b, err
	}
	spawn := func() (system.Spawned, time.Time, error) {
		b, err := broker.Spawn(ctx, l)
		if err != nil {
			return nil, time.Time{}, err
		}
		return b, b.Began, nil
	}
	if b.Metrics[result.Milliseconds], b.Metrics[result.IdleCPU], err = s.firstAck(ctx, spawn); err != nil {
		return b, err
	}
	if n == 0 && name == system.Moldau {
		if err := os.RemoveAll(l.Dir); err != nil {
			return b, err
		}
	}
	if b.Metrics[result.ResidentMB], err = untouched(ctx, l); err != nil {
		return b, err
	}
	_, after, err := yardstick.Times(os.Getpid())
	b.StealSeconds = after - steal
	return b, err
}

// limit is a limit program's block.
func (s *starting) limit(ctx context.Context, name string) (b result.Block, err error) {
	_, steal, err := yardstick.Times(os.Getpid())
	if err != nil {
		return b, err
	}
	ms, idle, err := s.firstAck(ctx, func() (system.Spawned, time.Time, error) { return s.pool.SpawnLimit(ctx, name) })
	if err != nil {
		return b, err
	}
	_, after, err := yardstick.Times(os.Getpid())
	return result.Block{StealSeconds: after - steal, Metrics: map[result.Metric]float64{result.Milliseconds: ms, result.IdleCPU: idle}}, err
}

// prepare has a broker leave what the start is to find.
func (s *starting) prepare(ctx context.Context, name string, l broker.Launch, n int, synced bool) error {
	prepared, err := system.StartLaunch(ctx, name, l)
	if err != nil {
		return err
	}
	if n > 0 {
		each := min(n, hundred)
		err = prepared.CreateWide(ctx, "many", n/each, system.Topic{Partitions: each, Synced: synced})
	}
	return errors.Join(err, prepared.Close())
}

// firstAck starts what spawn does, since the time that it tells, and reads its CPU time
// at rest, in percent.
func (s *starting) firstAck(ctx context.Context, spawn func() (system.Spawned, time.Time, error)) (ms, idle float64, err error) {
	batch, records := wire.Batch(100, 1)
	produce := wire.NewProduce("first", []int32{0}, batch, records)
	b, began, err := spawn()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	if err := acknowledge(ctx, b, produce); err != nil {
		return 0, 0, err
	}
	ms = time.Since(began).Seconds() * 1000
	if err := sleep(ctx, time.Second); err != nil { // what follows the first record is not rest
		return 0, 0, err
	}
	before, _, err := yardstick.Times(b.PID())
	if err != nil {
		return 0, 0, err
	}
	rests := time.Now()
	if err := sleep(ctx, s.idle); err != nil {
		return 0, 0, err
	}
	after, _, err := yardstick.Times(b.PID())
	return ms, (after - before) / time.Since(rests).Seconds() * 100, err
}

// untouched is what a broker holds that nobody has connected to, in MB.
func untouched(ctx context.Context, l broker.Launch) (mb float64, err error) {
	b, err := broker.Spawn(ctx, l)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	for {
		open, err := yardstick.Listening(l.Port)
		if err != nil {
			return 0, err
		}
		if open {
			break
		}
		select {
		case <-b.Exited():
			return 0, fmt.Errorf("the broker ended, see %s", b.LogFile())
		default:
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	if err := sleep(ctx, 500*time.Millisecond); err != nil {
		return 0, err
	}
	return system.Resident(b.PID())
}

// sleep lets the broker be.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// acknowledge connects as soon as the port is open, lets the topic be created
// and produces one record to it.
func acknowledge(ctx context.Context, b system.Spawned, produce *wire.Produce) error {
	conn, err := connect(ctx, b)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	for id := int32(0); ; id++ {
		code, err := wire.AutoCreate(conn, "first", id)
		if err != nil {
			return err
		}
		if code == 0 {
			break
		}
		if !notYet(code) {
			return &wire.Refusal{Code: code}
		}
	}
	for id := int32(1 << 20); ; id++ {
		if err := produce.Send(conn, id); err != nil {
			return err
		}
		err := produce.Receive(conn, id)
		var refused *wire.Refusal
		if !errors.As(err, &refused) || !notYet(refused.Code) {
			return err
		}
	}
}

// notYet are the answers about a topic that is being created: it is unknown,
// without leader, or its leader does not know of it.
func notYet(code int16) bool { return code == 3 || code == 5 || code == 6 }

func connect(ctx context.Context, b system.Spawned) (*wire.Conn, error) {
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := wire.Dial(ctx, b.Addr())
		if err == nil {
			return conn, nil
		}
		select {
		case <-b.Exited():
			return nil, fmt.Errorf("the broker ended, see %s", b.LogFile())
		default:
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		if err := sleep(ctx, 200*time.Microsecond); err != nil { // a refused connection on loopback costs microseconds
			return nil, err
		}
	}
}
