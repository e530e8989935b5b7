package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"moldau/bench/disk"
)

// segmentBytesScan gives a log of a GiB several segments.
const segmentBytesScan = 256 << 20

// killed measures opens after kill -9, with every number of logs.
func killed(o options, dir string, r *report) error {
	for _, logs := range o.logs {
		w := writing{
			shape:        shape{Dir: dir, Logs: logs, JournalBytes: o.journalBytes},
			FlushedBytes: int64(o.gigabytes * 1e9), UnflushedBytes: o.unflushed, BatchBytes: o.batchKiB << 10,
		}
		name := fmt.Sprintf("kill -9, %g GB in %s, cold", o.gigabytes, counted(logs, "log"))
		if err := w.blocks(o, r, name); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (w writing) blocks(o options, r *report, name string) error {
	for n := range o.blocks {
		for _, torn := range []bool{false, true} {
			left, err := ask[written]("write", w)
			if err != nil {
				return err
			}
			w.FlushedBytes = 0 // they are there
			name := name
			if torn {
				name += ", torn"
				if err := w.tear(); err != nil {
					return err
				}
			}
			b, err := compare(o, w.shape, left, n%2 == 0, true)
			if err != nil {
				return err
			}
			r.add(name, mostOfLoop, b)
		}
	}
	return nil
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

// scanned measures how fast a log is scanned that was never flushed.
func scanned(o options, dir string, r *report) error {
	w := writing{
		shape:          shape{Dir: dir, Logs: 1, SegmentBytes: segmentBytesScan, Never: true, JournalBytes: o.journalBytes},
		UnflushedBytes: o.scan, BatchBytes: o.batchKiB << 10,
	}
	for n := range o.blocks {
		left, err := ask[written]("write", w)
		if err != nil {
			return err
		}
		// Write-back would take its share of the disk and the cores meanwhile.
		if err := disk.SyncFileSystem(dir); err != nil {
			return err
		}
		b, err := compare(o, w.shape, left, n%2 == 0, false)
		if err != nil {
			return err
		}
		r.add(fmt.Sprintf("scan, %d MiB in 1 log, warm", o.scan>>20), leastOfRate, b)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// compare times the bare loop and the open, in one order or the other.
func compare(o options, s shape, left written, loopFirst, cold bool) (b block, err error) {
	b.Cuts = left.Cuts
	for _, t := range left.Tails {
		b.UnflushedBytes += t.To - t.From
	}
	timed := []func() error{
		func() (err error) {
			b.Loop, err = ask[looped]("loop", looping{s, left.Tails, o.loopWorkers})
			if err == nil && b.Loop.Bytes != b.UnflushedBytes {
				err = fmt.Errorf("the loop read %d bytes of %d", b.Loop.Bytes, b.UnflushedBytes)
			}
			return err
		},
		func() (err error) {
			b.Open, err = ask[opened]("open", opening{shape: s, Profile: o.profile})
			for log, t := range left.Tails {
				if err == nil && b.Open.Ends[log] != t.End {
					err = fmt.Errorf("log %d ends at %d, was acknowledged to %d", log, b.Open.Ends[log], t.End)
				}
			}
			b.Open.Ends = nil // they need no keeping
			return err
		},
	}
	if !loopFirst {
		slices.Reverse(timed)
	}
	for _, do := range timed {
		if cold {
			err = o.cold(s.Dir)
		}
		if err == nil {
			err = do()
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
