package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/result"
)

// segmentBytesScan gives a log of a GiB several segments.
const segmentBytesScan = 256 << 20

// trial is what a writer has left for the contestants of one turn.
type trial struct {
	options *options
	writing
	torn, cold bool
	// anew has every turn begin with no store; otherwise it grows.
	anew  bool
	began bool // whether any turn has
	turn  int
	left  written
}

// killed are opens after kill -9, with every number of logs.
func killed(o *options, dir string) (workloads []harness.Workload) {
	for _, logs := range o.logs {
		for _, torn := range []bool{false, true} {
			t := &trial{options: o, torn: torn, cold: true, writing: writing{
				shape:        shape{Dir: dir, Logs: logs, JournalBytes: o.journalBytes},
				FlushedBytes: int64(o.gigabytes * 1e9), UnflushedBytes: o.unflushed, BatchBytes: o.batchKiB << 10,
			}}
			name := fmt.Sprintf("kill -9, %g GB in %s, %d MiB not flushed, cold", o.gigabytes, harness.Counted(logs, "log"), o.unflushed>>20)
			if torn {
				name += ", torn"
			}
			w := rowOf(name, "synced", result.Milliseconds, 2*time.Second+time.Duration(o.unflushed>>20)*6*time.Millisecond)
			if !torn { // the first writes what is flushed
				w.Prepare = time.Duration(o.gigabytes * 4 * float64(time.Second))
			}
			w.Row.Goals = []result.Goal{{System: moldau, Metric: result.Milliseconds, Against: bareLoop, AtMost: 1.3}, scannedAll}
			w.Contestants = t.contestants()
			if torn { // the last that needs this store
				w.After = func() error { return os.RemoveAll(dir) }
			}
			workloads = append(workloads, w)
		}
	}
	return workloads
}

// scanned is how fast a log is scanned that was never flushed.
func scanned(o *options, dir string) harness.Workload {
	t := &trial{options: o, anew: true, writing: writing{
		shape:          shape{Dir: dir, Logs: 1, SegmentBytes: segmentBytesScan, Never: true, JournalBytes: o.journalBytes},
		UnflushedBytes: o.scan, BatchBytes: o.batchKiB << 10,
	}}
	w := rowOf(fmt.Sprintf("scan, %d MiB in 1 log, warm", o.scan>>20), "os", result.BytesPerSecond, 2*time.Second)
	w.Row.Goals = []result.Goal{{System: moldau, Metric: result.BytesPerSecond, Against: bareLoop, AtLeast: 0.75}, scannedAll}
	w.Contestants = t.contestants()
	w.After = func() error { return os.RemoveAll(dir) }
	return w
}

// scannedAll holds where the engine read again all that the loop read: one that was
// flushed meanwhile is measured against too much.
var scannedAll = result.Goal{System: moldau, Metric: result.ScannedShare, AtLeast: 1}

func (t *trial) contestants() []harness.Contestant {
	return []harness.Contestant{
		{System: bareLoop, Limit: true, Block: t.block(t.loop)},
		{System: moldau, Block: t.block(t.open)},
	}
}

// block lets the first of a turn write, and makes all cold where the row wants that.
func (t *trial) block(do func(context.Context) (result.Block, error)) func(context.Context, int) (result.Block, error) {
	return func(ctx context.Context, turn int) (b result.Block, err error) {
		if !t.began || turn != t.turn {
			if err := t.begin(ctx, turn); err != nil {
				return b, err
			}
		}
		if t.cold {
			if err := t.options.cold(t.Dir); err != nil {
				return b, err
			}
		}
		return do(ctx)
	}
}

// begin has a writer leave something, and be killed.
func (t *trial) begin(ctx context.Context, turn int) (err error) {
	w := t.writing
	if t.anew {
		if err := os.RemoveAll(t.Dir); err != nil {
			return err
		}
	} else if _, missing := os.Stat(t.Dir); missing == nil {
		w.FlushedBytes = 0 // they are there
	}
	if t.left, _, err = ask[written](ctx, writer, w); err != nil {
		return err
	}
	if t.torn {
		if err := t.tear(); err != nil {
			return err
		}
	}
	t.began, t.turn = true, turn
	if t.cold {
		return nil
	}
	// Write-back would take its share of the disk and the cores meanwhile.
	return disk.SyncFileSystem(t.Dir)
}

// tear leaves the first half of a batch at the end of every log, as a write does
// that a loss of power cuts short.
func (w writing) tear() error {
	half := batchOf(w.BatchBytes)
	half = half[:len(half)/2]
	for log := range w.Logs {
		names, err := w.segments(log)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(names[len(names)-1], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(half)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) unflushed() (bytes int64) {
	for _, tail := range t.left.Tails {
		bytes += tail.To - tail.From
	}
	return bytes
}

// loop is the limit's block.
func (t *trial) loop(ctx context.Context) (b result.Block, err error) {
	l, steal, err := ask[looped](ctx, looper, looping{t.shape, t.left.Tails, t.options.loopWorkers})
	if err != nil {
		return b, err
	}
	if l.Bytes != t.unflushed() {
		return b, fmt.Errorf("the loop read %d bytes of %d", l.Bytes, t.unflushed())
	}
	return result.Block{StealSeconds: steal, Metrics: map[result.Metric]float64{
		result.Milliseconds:   l.Ms,
		result.BytesPerSecond: float64(l.Bytes) / 1e3 / l.Ms,
	}}, nil
}

// open is the engine's block.
func (t *trial) open(ctx context.Context) (b result.Block, err error) {
	o, steal, err := ask[opened](ctx, opener, opening{shape: t.shape, Profile: t.options.profile})
	if err != nil {
		return b, err
	}
	for log, tail := range t.left.Tails {
		if o.Ends[log] != tail.End {
			return b, fmt.Errorf("log %d ends at %d, was acknowledged to %d", log, o.Ends[log], tail.End)
		}
	}
	b = o.block(steal)
	unflushed := float64(t.unflushed())
	b.Metrics[result.BytesPerSecond] = unflushed / 1e3 / o.OpenMs
	b.Metrics[result.UnflushedMB] = unflushed / 1e6
	b.Metrics[result.ScannedShare] = float64(o.ScannedBytes) / unflushed
	b.Metrics[result.JournalCuts] = float64(t.left.Cuts)
	return b, nil
}

// block is what an open is told by.
func (o opened) block(steal float64) result.Block {
	return result.Block{StealSeconds: steal, Metrics: map[result.Metric]float64{
		result.Milliseconds: o.UsableMs, result.OpenMilliseconds: o.OpenMs,
	}}
}
