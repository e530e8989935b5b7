package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"moldau/bench/disk"
	"moldau/bench/harness"
	"moldau/bench/result"
)

const (
	cleanBatchBytes        = 4 << 10
	cleanBatchesPerSegment = 4
)

// closed is a store of many logs with many segments that was closed cleanly.
type closed struct {
	options *options
	session *harness.Session
	shape   shape
	made    bool
	counted bool // whether system calls were
}

// clean are opens after a clean close, warm and cold.
func clean(s *harness.Session, o *options, dir string) (workloads []harness.Workload) {
	batch := len(batchOf(cleanBatchBytes))
	c := &closed{options: o, session: s, shape: shape{
		Dir: dir, Logs: o.cleanLogs, SegmentBytes: int64(cleanBatchesPerSegment * batch), JournalBytes: o.journalBytes,
	}}
	name := fmt.Sprintf("clean close, %s of %s", harness.Counted(o.cleanLogs, "log"), harness.Counted(o.cleanParts, "segment"))
	for _, cold := range []bool{false, true} {
		w := rowOf(name+", warm", "synced", result.Milliseconds, time.Second)
		w.Prepare = time.Duration(o.cleanLogs*o.cleanParts) * time.Millisecond
		if cold {
			w.Prepare = 0
			w.Row.Name = name + ", cold"
			w.After = func() error { return os.RemoveAll(dir) }
		}
		w.Contestants = []harness.Contestant{{System: moldau, Block: func(ctx context.Context, _ int) (result.Block, error) {
			return c.block(ctx, cold)
		}}}
		workloads = append(workloads, w)
	}
	return workloads
}

// prepare makes the store, and opens and closes it once.
func (c *closed) prepare(ctx context.Context) error {
	if c.made {
		return nil
	}
	bytes := c.shape.SegmentBytes * int64(c.shape.Logs*c.options.cleanParts)
	if _, _, err := ask[written](ctx, writer, writing{shape: c.shape, UnflushedBytes: bytes, BatchBytes: cleanBatchBytes, Close: true}); err != nil {
		return err
	}
	_, _, err := ask[opened](ctx, opener, opening{shape: c.shape, Close: true})
	c.made = err == nil
	return err
}

func (c *closed) block(ctx context.Context, cold bool) (b result.Block, err error) {
	if err := c.prepare(ctx); err != nil {
		return b, err
	}
	if cold {
		err = c.options.cold(c.shape.Dir)
	} else {
		err = disk.SyncFileSystem(c.shape.Dir)
	}
	if err != nil {
		return b, err
	}
	o, steal, err := ask[opened](ctx, opener, opening{shape: c.shape, Close: true})
	if err != nil {
		return b, err
	}
	if o.RecoveredLogs > 0 {
		return b, fmt.Errorf("%d logs were recovered after a clean close", o.RecoveredLogs)
	}
	b = o.block(steal)
	if c.counted {
		return b, nil
	}
	c.counted = true
	return b, c.countCalls(ctx, b)
}

// countCalls has strace count the system calls of a process that opens the store and
// ends; those of its start are with them. Then another closes it cleanly.
func (c *closed) countCalls(ctx context.Context, b result.Block) error {
	if _, err := exec.LookPath("strace"); err != nil {
		c.session.Say("system calls are not counted: there is no strace")
		return nil
	}
	file := filepath.Join(filepath.Dir(c.shape.Dir), "strace")
	if _, _, err := ask[opened](ctx, opener, opening{shape: c.shape}, "strace", "-f", "-c", "-S", "calls", "-o", file); err != nil {
		return err
	}
	if _, _, err := ask[opened](ctx, opener, opening{shape: c.shape, Close: true}); err != nil {
		return err
	}
	counts, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	total, most, err := callsOf(string(counts))
	b.Metrics[result.SystemCalls] = total
	c.session.Say("system calls of an open after a clean close: %.0f: %s", total, strings.Join(most, ", "))
	return err
}

// callsOf reads strace's table: how many calls there were, and the most frequent.
func callsOf(table string) (total float64, most []string, err error) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 5 || strings.Trim(f[0], "0123456789.") != "" {
			continue
		}
		switch call := f[len(f)-1]; {
		case call == "total":
			total, err = strconv.ParseFloat(f[3], 64)
			return total, most, err
		case len(most) < 6:
			most = append(most, f[3]+" "+call)
		}
	}
	return 0, most, errors.New("strace tells no total")
}
