package compaction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"moldau/bench/disk"
	"moldau/bench/result"
	"moldau/bench/yardstick"
	"moldau/logstore"
)

// trial is the log of one turn, and what was done with it.
type trial struct {
	options *options
	keys    distribution
	root    string
	cleaner *kafkaCleaner
	// engine and kafka tell who takes part, so that the last can compare.
	engine, kafka bool

	turn    int
	began   bool
	made    written
	bytes   int64           // of what may be compacted
	store   *logstore.Store // compacted, kept open to be compared
	cleaned bool            // Kafka's copy was
}

func (t *trial) dir() string      { return filepath.Join(t.root, "log") }
func (t *trial) loopDir() string  { return filepath.Join(t.root, "loop") }
func (t *trial) kafkaDir() string { return filepath.Join(t.root, "kafka") }

// block lets the first of a turn write the log.
func (t *trial) block(do func(context.Context) (result.Block, error)) func(context.Context, int) (result.Block, error) {
	return func(ctx context.Context, turn int) (b result.Block, err error) {
		if !t.began || turn != t.turn {
			if err := t.begin(turn); err != nil {
				return b, err
			}
		}
		if err := disk.WarmPages(t.root, t.bytes); err != nil { // of which no more is written
			return b, err
		}
		return do(ctx)
	}
}

// begin writes a log, with links to its files for the loop, which reads them when the
// engine may have replaced them, and a copy for Kafka.
func (t *trial) begin(turn int) (err error) {
	if t.kafka {
		if err := t.cleaner.start(); err != nil {
			return err
		}
	}
	if err := t.end(); err != nil {
		return err
	}
	if t.made, err = write(t.options, t.keys, t.dir()); err != nil {
		return err
	}
	files, err := closedSegments(filepath.Join(t.dir(), "logs", tp.String()))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.loopDir(), 0o755); err != nil {
		return err
	}
	t.bytes = 0
	for _, name := range files {
		info, err := os.Stat(name)
		if err == nil {
			err = os.Link(name, filepath.Join(t.loopDir(), filepath.Base(name)))
		}
		if err != nil {
			return err
		}
		t.bytes += info.Size()
	}
	if t.kafka {
		err = copyLog(filepath.Join(t.dir(), "logs", tp.String()), filepath.Join(t.kafkaDir(), tp.String()))
	}
	if err == nil {
		err = disk.SyncFileSystem(t.root) // nobody pays for what was written before
	}
	t.began, t.turn, t.cleaned = true, turn, false
	return err
}

// closedSegments are a log's data files but the last, which is active.
func closedSegments(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%s has no segments", dir))
	}
	slices.Sort(files)
	return files[:len(files)-1], nil
}

// end removes what the turn has left.
func (t *trial) end() error {
	err := t.closeStore()
	t.began = false
	return errors.Join(err, os.RemoveAll(t.dir()), os.RemoveAll(t.loopDir()), os.RemoveAll(t.kafkaDir()))
}

func (t *trial) closeStore() (err error) {
	if t.store != nil {
		err = t.store.Close()
	}
	t.store = nil
	return err
}

// loop is the limit's block.
func (t *trial) loop(context.Context) (b result.Block, err error) {
	used, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	began := time.Now()
	bytes, err := loop(t.loopDir(), float64(t.made.keys)/float64(t.made.records))
	took := time.Since(began)
	if err != nil {
		return b, err
	}
	if bytes != t.bytes {
		return b, fmt.Errorf("the loop read %d bytes of %d", bytes, t.bytes)
	}
	now, err := yardstick.Used()
	used = now.Since(used)
	return t.rates(took.Seconds(), used.CPUSeconds, used.StealSeconds), err
}

// rates are in bytes of the log as it was.
func (t *trial) rates(seconds, cpuSeconds, steal float64) result.Block {
	mb := float64(t.bytes) / 1e6
	return result.Block{StealSeconds: steal, Metrics: map[result.Metric]float64{
		result.BytesPerSecond: mb / seconds, result.PerCPUSecond: mb / cpuSeconds,
	}}
}

// compact is the engine's block. It leaves the store open until it was compared.
func (t *trial) compact(ctx context.Context) (b result.Block, err error) {
	s, done, err := open(t.options, t.dir())
	if err != nil {
		return b, err
	}
	t.store = s
	var heap uint64
	stop := watchHeap(&heap)
	used, err := yardstick.Used()
	if err != nil {
		stop()
		return b, err
	}
	began := time.Now()
	n := s.Compact(time.Now())
	took := time.Since(began)
	now, err := yardstick.Used()
	stop()
	if n != 1 {
		return b, errors.Join(err, errors.New("nothing was compacted"))
	}
	used = now.Since(used)
	b = t.rates(took.Seconds(), used.CPUSeconds, used.StealSeconds)
	b.Metrics[result.HeapMB] = float64(heap) / 1e6
	b.Metrics[result.WrittenShare] = float64(done.BytesWritten) / float64(t.bytes)
	left, err := t.left(ctx)
	b.Metrics[result.LeftShare] = float64(left) / float64(t.made.records)
	return b, errors.Join(err, t.compare())
}

// left counts the records that were kept.
func (t *trial) left(ctx context.Context) (records int64, err error) {
	l, err := t.store.Log(tp)
	if err != nil {
		return 0, err
	}
	for batch, err := range l.Batches(ctx, 0, logstore.LogEnd) {
		if err != nil {
			return 0, err
		}
		records += int64(batch.Count())
	}
	return records, nil
}

// clean is Kafka's block.
func (t *trial) clean(context.Context) (b result.Block, err error) {
	_, before, err := yardstick.Times(os.Getpid())
	if err != nil {
		return b, err
	}
	seconds, cpuSeconds, err := t.cleaner.clean(filepath.Join(t.kafkaDir(), tp.String()))
	if err != nil {
		return b, err
	}
	_, after, err := yardstick.Times(os.Getpid())
	if err != nil {
		return b, err
	}
	t.cleaned = true
	return t.rates(seconds, cpuSeconds, after-before), t.compare()
}

// compare fails unless both have kept the same, once both have done their work, and
// closes the store when nobody else needs it.
func (t *trial) compare() error {
	if t.kafka && (t.store == nil || !t.cleaned) {
		return nil
	}
	if t.kafka && t.engine {
		l, err := t.store.Log(tp)
		if err == nil {
			err = sameRecords(l, t.kafkaDir())
		}
		if err != nil {
			return err
		}
	}
	return t.closeStore()
}
