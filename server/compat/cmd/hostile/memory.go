package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// watcher looks at a process's resident memory all the time.
type watcher struct {
	pid  int
	peak atomic.Int64 // KiB, since begin
	quit chan struct{}
}

func watch(pid int) *watcher {
	w := &watcher{pid: pid, quit: make(chan struct{})}
	go func() {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-w.quit:
				tick.Stop()
				return
			case <-tick.C:
				w.peak.Store(max(w.peak.Load(), w.resident()))
			}
		}
	}()
	return w
}

func (w *watcher) stop()          { close(w.quit) }
func (w *watcher) begin()         { w.peak.Store(w.resident()) }
func (w *watcher) peakMiB() int64 { return w.peak.Load() >> 10 }

// resident is VmRSS in KiB, 0 when the process has gone.
func (w *watcher) resident() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return n
}
