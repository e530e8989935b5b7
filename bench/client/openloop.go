package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/pace"
	"moldau/bench/result"
	"moldau/bench/wire"
)

// OpenLoop has requests sent at times that are fixed beforehand, whatever became
// of those before, one batch each, to the partitions in turn, for as many seconds
// as the load says, or as long as it is held.
type OpenLoop struct {
	PerSecond     float64 `json:"perSecond"` // of all connections together
	Poisson       bool    `json:"poisson,omitempty"`
	Seed          uint64  `json:"seed,omitempty"`
	SettleSeconds float64 `json:"settleSeconds,omitempty"` // at the beginning, whose latencies are not counted
	WindowSeconds float64 `json:"windowSeconds,omitempty"` // latencies are told for each window, too; 0: for none
	Consumers     int     `json:"consumers,omitempty"`     // that wait for every batch; with one producing connection only
	Keys          int     `json:"keys,omitempty"`          // records have keys, of so many; 0: none
}

func (o OpenLoop) plan() pace.Plan {
	return pace.Plan{PerSecond: o.PerSecond, Poisson: o.Poisson, Seed: o.Seed}
}

// openLoop is a run of one.
type openLoop struct {
	Load
	requests []*wire.Produce // by partition
	batch    int             // bytes of one
	records  int             // of one
	conns    []*wire.Conn    // those that produce, then those that consume
	begin    time.Time       // when the first request may be due
	// sent are the requests of each connection once all were: those behind, which
	// wake up who waits, do not count. Until then there is no limit.
	sent    []atomic.Int64
	acks    *recorder
	tail    *recorder
	lag     *result.Latency // the writer's alone
	deliver atomic.Int64    // bytes that consumers got
}

const unlimited = 1 << 62

func runOpenLoop(ctx context.Context, l Load) (Outcome, error) {
	if l.Consumers > 0 && l.Connections > 1 {
		return Outcome{}, errors.New("consumers know what is due from one connection only")
	}
	// The writer must not wait for a goroutine that reads.
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	o := &openLoop{Load: l, acks: newRecorder(l.OpenLoop), tail: newRecorder(l.OpenLoop), lag: result.NewLatency()}
	if err := o.prepare(); err != nil {
		return Outcome{}, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for range l.Connections + l.Consumers {
		conn, err := l.dial(ctx)
		if err != nil {
			return Outcome{}, err
		}
		defer conn.Close()
		o.conns = append(o.conns, conn)
	}
	o.sent = make([]atomic.Int64, l.Connections)
	for i := range o.sent {
		o.sent[i].Store(unlimited)
	}
	return o.run(ctx, fail)
}

func (o *openLoop) prepare() error {
	batch, records := wire.Batch(o.RecordBytes, o.BatchBytes)
	for p := range o.Partitions {
		if o.Keys > 0 {
			var err error
			if batch, err = wire.KeyedBatch(o.RecordBytes, records, o.Keys, uint64(p)); err != nil {
				return err
			}
		}
		o.requests = append(o.requests, wire.NewProduce(o.Topic, []int32{int32(p)}, batch, records))
	}
	o.batch, o.records = len(batch), records
	return nil
}

func (o *openLoop) run(ctx context.Context, fail context.CancelCauseFunc) (Outcome, error) {
	stop := context.AfterFunc(ctx, func() { // a failure wakes up all
		for _, conn := range o.conns {
			conn.Close()
		}
	})
	defer stop()
	var wait sync.WaitGroup
	begun := make(chan struct{})
	part := func(what string, do func() error) {
		wait.Go(func() {
			if err := do(); err != nil {
				fail(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	for _, conn := range o.conns[o.Connections:] {
		part("consuming", func() error { return o.consume(conn, begun) })
	}
	for i := range o.Connections {
		part("acknowledgements", func() error { <-begun; return o.receive(i) })
	}
	o.begin = time.Now()
	if o.Consumers > 0 {
		o.begin = o.begin.Add(50 * time.Millisecond) // they wait by then
	}
	close(begun)
	var n int64
	part("sending", func() (err error) { n, err = o.send(ctx); return err })
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return Outcome{}, err
	}
	r := Outcome{Requests: n, Batches: n, Records: n * int64(o.records), Bytes: n * int64(o.batch), Seconds: time.Since(o.begin).Seconds()}
	r.More = int64(o.Connections * o.records) // those that wake up who waits
	r.Latency, r.Windows, r.SendLag, r.Delivered = o.acks.all, o.acks.windows, o.lag, o.deliver.Load()
	if o.Consumers > 0 {
		r.Tail = o.tail.all
	}
	return r, nil
}

// request is the nth of a connection: each goes around the partitions, and begins
// at another one.
func (o *openLoop) request(connection int, nth int64) *wire.Produce {
	return o.requests[(int64(connection)+nth)%int64(len(o.requests))]
}

// send sends what is due when it is due, and a last request on each connection.
func (o *openLoop) send(ctx context.Context) (n int64, err error) {
	release, err := pace.Thread()
	if err != nil {
		return 0, err
	}
	defer release()
	schedule := pace.NewSchedule(o.plan())
	limit := time.Duration(o.Seconds * float64(time.Second))
	settle := time.Duration(o.SettleSeconds * float64(time.Second))
	held, said := o.hold.ended != nil, false
	connections := int64(o.Connections)
	for ; ; n++ {
		due := schedule.Next()
		if !held && due >= limit || held && o.hold.over() || ctx.Err() != nil {
			break
		}
		if !said && due >= settle {
			o.hold.atWork()
			said = true
		}
		at := o.begin.Add(due)
		pace.Until(at)
		if due >= settle {
			o.lag.Record(time.Since(at))
		}
		connection, nth := int(n%connections), n/connections
		if nth%deadlineEvery == 0 { // who takes nothing ends the run
			if err := o.conns[connection].SetWriteDeadline(time.Now().Add(o.deadline())); err != nil {
				return n, err
			}
		}
		if err := o.request(connection, nth).Send(o.conns[connection], int32(nth)); err != nil {
			return n, err
		}
	}
	for i := range o.Connections {
		if err := o.conns[i].SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			return n, err
		}
		sent := (n + connections - 1 - int64(i)) / connections
		o.sent[i].Store(sent)
		if err := o.request(i, sent).Send(o.conns[i], int32(sent)); err != nil {
			return n, err
		}
	}
	// Who never answers ends the run.
	for _, conn := range o.conns {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return n, err
		}
	}
	return n, nil
}

// deadlineEvery is how many requests of a connection share a deadline, for setting one
// takes time.
const deadlineEvery = 1000

// deadline is how long so many may take: as long as they are due in, and a minute.
func (o *openLoop) deadline() time.Duration {
	each := float64(o.Connections) / o.PerSecond // seconds between two of a connection
	return time.Minute + time.Duration(2*deadlineEvery*each*float64(time.Second))
}

// receive takes a connection's answers, which come in the order of the requests.
func (o *openLoop) receive(connection int) error {
	conn := o.conns[connection]
	share := pace.NewShare(o.plan(), connection, o.Connections)
	for nth := int64(0); ; nth++ {
		due := share.Next()
		if err := o.request(connection, nth).Receive(conn, int32(nth)); err != nil {
			return err
		}
		if nth >= o.sent[connection].Load() {
			return nil
		}
		o.acks.record(due, time.Since(o.begin.Add(due)))
	}
}
