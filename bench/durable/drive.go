package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/disk"
	"moldau/bench/result"
	"moldau/bench/wire"
	"moldau/bench/yardstick"
)

// target is a system at work. put and the counts may be called concurrently.
type target interface {
	// put appends a batch and returns when it is on stable storage.
	put(log int, batch []byte) error
	// settle returns when everything is in the files where it is to stay.
	settle() error
	// syncCount is how many syncs acknowledgements waited for.
	syncCount() int64
	journal() disk.Journal
	close() error
}

// client appends one batch after the other.
type client struct {
	logs  []int
	batch []byte
	took  []time.Duration
}

// newClients spreads clients over logs, so that every log has one.
func newClients(r row) []*client {
	batch, _ := wire.Batch(1<<10, r.kib*(1<<10+recordOverheadMax)+batchHeaderBytes)
	clients := make([]*client, r.clients)
	for i := range clients {
		c := &client{batch: slices.Clone(batch), took: make([]time.Duration, 0, 1<<16)}
		for log := i % r.logs; log < r.logs; log += r.clients {
			c.logs = append(c.logs, log)
		}
		clients[i] = c
	}
	return clients
}

// What wire.Batch counts for a record and a header.
const recordOverheadMax, batchHeaderBytes = 12, 61

// run goes on until stop, at least once round all logs where whole is asked for.
func (c *client) run(t target, stop *atomic.Bool, whole bool) error {
	for i := 0; (whole && i < len(c.logs)) || !stop.Load(); i++ {
		began := time.Now()
		if err := t.put(c.logs[i%len(c.logs)], c.batch); err != nil {
			return err
		}
		c.took = append(c.took, time.Since(began))
	}
	return nil
}

// drive has all clients append for a while, and on until the system is ready to
// stop.
func drive(t target, clients []*client, d time.Duration, whole bool, ready func() bool) error {
	var stop atomic.Bool
	var running sync.WaitGroup
	errs := make([]error, len(clients))
	for i, c := range clients {
		c.took = c.took[:0]
		running.Go(func() { errs[i] = c.run(t, &stop, whole) })
	}
	latest := time.Now().Add(10 * d)
	time.Sleep(d)
	for !ready() && time.Now().Before(latest) {
		time.Sleep(10 * time.Millisecond)
	}
	stop.Store(true)
	running.Wait()
	return errors.Join(errs...)
}

// measure runs one block of one system in a directory of its own.
func measure(s system, r row, o *options, root string) (b result.Block, err error) {
	cuts := o.cuts
	if r.ownFile() {
		cuts = 0
	}
	dir := filepath.Join(root, "block")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return b, err
	}
	// What is removed is also written back, or it would be in the next block.
	defer func() {
		err = errors.Join(err, os.RemoveAll(dir), disk.SyncFileSystem(root))
	}()
	t, err := s.open(dir, r, o)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	clients := newClients(r)
	err = drive(t, clients, o.warmUp, true, func() bool { return true })
	if err == nil {
		err = t.settle()
	}
	if err == nil {
		err = disk.SyncFileSystem(root)
	}
	if err != nil {
		return b, fmt.Errorf("warming up: %w", err)
	}
	runtime.GC()
	return timed(t, clients, o.block, cuts, root)
}

// timed is the timed region of a block, which holds so many cuts of a journal, if one
// is used.
func timed(t target, clients []*client, block time.Duration, cuts int64, root string) (b result.Block, err error) {
	syncs, journal := t.syncCount(), t.journal()
	ready := func() bool { return cutEnough(t.journal().Since(journal), cuts) }
	used, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	written, began := disk.Written(root), time.Now()
	if err := drive(t, clients, block, false, ready); err != nil {
		return b, err
	}
	acked := time.Now()
	if err := t.settle(); err != nil {
		return b, err
	}
	ended := time.Now()
	usedAfter, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	d := done{
		took: ended.Sub(began), settling: ended.Sub(acked), used: usedAfter.Since(used),
		written: disk.Written(root) - written, syncs: t.syncCount() - syncs, cuts: t.journal().Since(journal).Cuts,
	}
	return d.block(clients)
}

// cutEnough tells whether a block may end as for the journal: one that is used was
// cut. A limit program has none.
func cutEnough(j disk.Journal, cuts int64) bool { return j.Commits == 0 || j.Cuts >= cuts }

// done is what was used up in a timed region.
type done struct {
	took, settling time.Duration // settling: of those, after the last acknowledgement
	used           yardstick.Usage
	written        int64 // to the disk, by anybody
	syncs          int64 // that acknowledgements waited for
	cuts           int64 // of the journal
}

// block is that for what was acknowledged.
func (d done) block(clients []*client) (result.Block, error) {
	took, bytes := result.NewLatency(), 0.0
	for _, c := range clients {
		for _, t := range c.took {
			took.Record(t)
		}
		bytes += float64(len(c.took) * len(c.batch))
	}
	acks := float64(took.TotalCount())
	if acks == 0 {
		return result.Block{}, errors.New("nothing was acknowledged")
	}
	b := result.Block{StealSeconds: d.used.StealSeconds, Latency: took, Metrics: map[result.Metric]float64{
		result.OpsPerSecond:   acks / d.took.Seconds(),
		result.BytesPerSecond: bytes / 1e6 / d.took.Seconds(),
		result.CPUPerGB:       d.used.CPUSeconds * 1e9 / bytes,
		result.SyncsPerAck:    float64(d.syncs) / acks,
		result.WrittenPerByte: float64(d.written) / bytes,
		result.DirtiedPerByte: float64(d.used.WrittenBytes) / bytes,
		result.JournalCuts:    float64(d.cuts),
		result.SettleSeconds:  d.settling.Seconds(),
	}}
	took.Into(b.Metrics)
	return b, nil
}
