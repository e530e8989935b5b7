package recovery

import (
	"errors"
	"fmt"
	"time"

	"moldau/bench/yardstick"
	"moldau/logstore"
)

// opening is a task: to open a store, from the process's start on nothing else.
type opening struct {
	shape
	Close   bool   // cleanly, in the end
	Profile string // file that gets a CPU profile of logstore.Open; none if empty
}

// opened is what an open took and found.
type opened struct {
	OpenMs        float64 // logstore.Open
	UsableMs      float64 // and until every log has planned a read
	RecoveredLogs int64
	ScannedBytes  int64
	CutBytes      int64
	Ends          []int64 // offsets
}

func open(t opening) (opened, error) {
	o, err := t.options()
	if err != nil {
		return opened{}, err
	}
	a := opened{Ends: make([]int64, t.Logs)}
	endProfile, err := yardstick.Profile(t.Profile)
	if err != nil {
		return a, err
	}
	began := time.Now()
	store, err := logstore.Open(t.Dir, o)
	a.OpenMs = milliseconds(time.Since(began))
	if err = errors.Join(err, endProfile()); err != nil {
		return a, err
	}
	var f logstore.Fetch
	for i := range a.Ends {
		l, err := store.Log(partition(i))
		if err != nil {
			return a, err
		}
		a.Ends[i] = l.Offset(logstore.HighWatermark)
		if a.Ends[i] == 0 {
			continue
		}
		if err := l.Read(&f, a.Ends[i]-1, logstore.HighWatermark, 1, true); err != nil {
			return a, err
		}
		if f.Bytes == 0 {
			return a, fmt.Errorf("log %d: nothing to read at its end", i)
		}
		f.Release()
	}
	a.UsableMs = milliseconds(time.Since(began))
	c := store.Counters()
	a.RecoveredLogs, a.ScannedBytes, a.CutBytes = c.RecoveredLogs, c.ScannedBytes, c.CutBytes
	if t.Close {
		err = store.Close()
	}
	return a, err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
