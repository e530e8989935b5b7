package scale

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"moldau/bench/disk"
	"moldau/bench/result"
	"moldau/bench/yardstick"
	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// store is the one of very many logs, open or not.
type store struct {
	root    string
	options *options
	say     func(string, ...any)
	made    bool
	opened  *logstore.Store // by a row of appends, for its blocks
	logs    []*logstore.Log // the many of it
}

func name(i int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "scale", Partition: int32(i)}
}

func (st *store) dir() string { return filepath.Join(st.root, "store") }

// prepare makes the logs, with a record each, unless they are there.
func (st *store) prepare() error {
	if st.made {
		return nil
	}
	st.say("making %d logs", st.options.logs)
	if err := os.Mkdir(st.dir(), 0o755); err != nil {
		return err
	}
	tree, err := vfs.OpenOS(st.dir())
	if err != nil {
		return err
	}
	defer tree.Close()
	s, err := logstore.Open(".", logstore.Options{FS: lax{tree}})
	if err != nil {
		return err
	}
	batch, err := batchOf(1)
	if err != nil {
		return err
	}
	for i := range st.options.logs {
		l, err := s.Create(name(i), logstore.TopicID{}, logstore.DefaultConfig())
		if err == nil {
			_, err = l.AppendLeader(batch, 0)
		}
		if err != nil {
			return err
		}
	}
	st.made = true
	return errors.Join(s.Close(), disk.SyncFileSystem(st.root))
}

// openAndClose is a block of the row of opens.
func (st *store) openAndClose() (b result.Block, err error) {
	if err := st.prepare(); err != nil {
		return b, err
	}
	used, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	var before, after runtime.MemStats
	debug.FreeOSMemory() // what earlier blocks left, too
	runtime.ReadMemStats(&before)
	began := time.Now()
	s, err := st.open(logstore.Synced)
	if err != nil {
		return b, err
	}
	took := time.Since(began)
	debug.FreeOSMemory()
	runtime.ReadMemStats(&after)
	resident, err := yardstick.Resident(os.Getpid())
	if err != nil {
		return b, errors.Join(err, s.Close())
	}
	logs, err := st.find(s)
	if err != nil {
		return b, errors.Join(err, s.Close())
	}
	if _, err := appendTo(logs, 1, st.options, len(logs)); err != nil {
		return b, errors.Join(err, s.Close())
	}
	began = time.Now()
	if err := s.Close(); err != nil {
		return b, err
	}
	closed := time.Since(began)
	now, err := yardstick.Used()
	heap := float64(after.HeapAlloc) - float64(before.HeapAlloc)
	return result.Block{StealSeconds: now.Since(used).StealSeconds, Metrics: map[result.Metric]float64{
		result.OpenSeconds: took.Seconds(), result.CloseSeconds: closed.Seconds(),
		result.HeapMB: heap / 1e6, result.HeapPerLog: heap / float64(st.options.logs), result.ResidentMB: float64(resident.All) / 1e6,
	}}, err
}

func (st *store) open(d logstore.Durability) (*logstore.Store, error) {
	c := logstore.DefaultConfig()
	c.Durability = d
	return logstore.Open(filepath.ToSlash(st.dir()), logstore.Options{Log: c})
}

// find finds the many logs.
func (st *store) find(s *logstore.Store) (logs []*logstore.Log, err error) {
	for i := range st.options.many {
		l, err := s.Log(name(i * (st.options.logs / st.options.many)))
		if err != nil {
			return nil, err
		}
		logs = append(logs, l)
	}
	return logs, nil
}

// close closes what a row of appends has opened.
func (st *store) close() (err error) {
	if st.opened != nil {
		err = st.opened.Close()
	}
	st.opened, st.logs = nil, nil
	return err
}

// appendToBoth is a block of a row of appends.
func (st *store) appendToBoth(d logstore.Durability, kib int) (b result.Block, err error) {
	if err := st.prepare(); err != nil {
		return b, err
	}
	if st.opened == nil {
		if st.opened, err = st.open(d); err != nil {
			return b, err
		}
		if st.logs, err = st.find(st.opened); err != nil {
			return b, err
		}
		if _, err := appendTo(st.logs, kib, st.options, len(st.logs)); err != nil { // opens them
			return b, err
		}
	}
	b, err = both(st.root, func() (float64, error) {
		return appendTo(st.logs[:st.options.few], kib, st.options, 0)
	}, func() (float64, error) {
		return appendTo(st.logs, kib, st.options, 0)
	})
	if err != nil {
		return b, err
	}
	b.Metrics[result.OpenFiles], b.Metrics[result.ShedLogs] = float64(st.opened.Usage().OpenFiles), float64(st.opened.Counters().ShedLogs)
	return b, nil
}

// both appends to few, twice to many, and to few again, so that what only grows, or
// wears off, hits both. What others have left to write back is written first.
func both(root string, few, many func() (float64, error)) (b result.Block, err error) {
	if err := disk.SyncFileSystem(root); err != nil {
		return b, err
	}
	used, err := yardstick.Used()
	if err != nil {
		return b, err
	}
	var rates [4]float64
	for i, do := range []func() (float64, error){few, many, many, few} {
		if rates[i], err = do(); err != nil {
			return b, err
		}
	}
	now, err := yardstick.Used()
	toFew, toMany := mean(rates[0], rates[3]), mean(rates[1], rates[2])
	return result.Block{StealSeconds: now.Since(used).StealSeconds, Metrics: map[result.Metric]float64{
		result.FewPerSecond: toFew, result.OpsPerSecond: toMany, result.OfFew: toMany / toFew,
	}}, err
}

// mean is that of two rates at which the same time was spent.
func mean(a, b float64) float64 { return (a + b) / 2 }

// appendTo appends to the logs in turn, for a block or, if that is not 0, so often, and
// returns the appends per second.
func appendTo(logs []*logstore.Log, kib int, o *options, times int) (float64, error) {
	var next, done atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, o.clients)
	began := time.Now()
	for range o.clients {
		group.Go(func() {
			batch, err := batchOf(kib)
			for err == nil {
				n := next.Add(1) - 1
				if times > 0 && n >= int64(times) || times == 0 && time.Since(began) > o.block {
					return
				}
				l := logs[n%int64(len(logs))]
				var a logstore.Appended
				if a, err = l.AppendLeader(batch, 0); err == nil {
					err = l.Wait(context.Background(), logstore.HighWatermark, a.Last+1)
				}
				if err == nil {
					done.Add(1)
				}
			}
			failed <- err
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(done.Load()) / time.Since(began).Seconds(), nil
	}
}

// batchOf is a batch of records of 1 KiB.
func batchOf(kib int) ([]byte, error) {
	b := record.NewBuilder(record.BuilderOptions{})
	for range kib {
		b.Append(time.Now().UnixMilli(), nil, bytes.Repeat([]byte{'v'}, 1000))
	}
	batch, err := b.Finish()
	return bytes.Clone(batch), err
}
