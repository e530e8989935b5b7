package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"moldau/bench/disk"
)

const (
	cleanBatchBytes        = 4 << 10
	cleanBatchesPerSegment = 4
)

// clean measures opens after a clean close, of many logs with many segments.
func clean(o options, dir string, r *report) error {
	batch := len(batchOf(cleanBatchBytes))
	s := shape{Dir: dir, Logs: o.cleanLogs, SegmentBytes: int64(cleanBatchesPerSegment * batch), JournalBytes: o.journalBytes}
	bytes := s.SegmentBytes * int64(s.Logs*o.cleanParts)
	if _, err := ask[written]("write", writing{shape: s, UnflushedBytes: bytes, BatchBytes: cleanBatchBytes, Close: true}); err != nil {
		return err
	}
	open := func() (opened, error) { return ask[opened]("open", opening{shape: s, Close: true}) }
	if _, err := open(); err != nil {
		return err
	}
	name := fmt.Sprintf("clean close, %s of %s", counted(s.Logs, "log"), counted(o.cleanParts, "segment"))
	for range o.blocks {
		for _, cold := range []bool{false, true} {
			name := name + ", warm"
			var err error
			if cold {
				name = strings.TrimSuffix(name, "warm") + "cold"
				err = o.cold(dir)
			} else {
				err = disk.SyncFileSystem(dir)
			}
			if err != nil {
				return err
			}
			b := block{}
			if b.Open, err = open(); err != nil {
				return err
			}
			if b.Open.RecoveredLogs > 0 {
				return fmt.Errorf("%d logs were recovered after a clean close", b.Open.RecoveredLogs)
			}
			b.Open.Ends = nil
			r.add(name, nothing, b)
		}
	}
	return countCalls(s, r, name)
}

// countCalls has strace count the system calls of a process that opens a store
// and ends; those of its start are with them.
func countCalls(s shape, r *report, name string) error {
	if _, err := exec.LookPath("strace"); err != nil {
		r.Calls = append(r.Calls, name+": not counted, there is no strace")
		return nil
	}
	file := filepath.Join(filepath.Dir(s.Dir), "strace")
	if _, err := ask[opened]("open", opening{shape: s}, "strace", "-f", "-c", "-S", "calls", "-o", file); err != nil {
		return err
	}
	counts, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var total string
	var most []string
	for line := range strings.Lines(string(counts)) {
		f := strings.Fields(line)
		if len(f) < 5 || strings.Trim(f[0], "0123456789.") != "" {
			continue
		}
		switch call := f[len(f)-1]; {
		case call == "total":
			total = f[3]
		case len(most) < 6:
			most = append(most, f[3]+" "+call)
		}
	}
	r.Calls = append(r.Calls, fmt.Sprintf("%s: %s system calls: %s", name, total, strings.Join(most, ", ")))
	return nil
}
