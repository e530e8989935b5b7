package logstore

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Progress tells how far [Open] has come with a store. One that is given to
// Options.Progress may be asked at any time, also before and after the open. It
// is asked rather than told: an open that scans a gigabyte a second is not to
// wait for whoever watches it.
type Progress struct {
	logs, opened atomic.Int64

	mu    sync.Mutex
	scans map[*scan]struct{} // under mu; of logs that are being scanned
}

// Opening is how far an open has come.
type Opening struct {
	Logs, Opened int    // on disk; of those done with, for better or worse
	Scans        []Scan // of logs being scanned at the moment, sorted by name
}

// Scan is how far the scan of a log is that was not closed cleanly.
type Scan struct {
	Log            TopicPartition
	Scanned, Bytes int64 // of those behind the log's recovery point
}

type scan struct {
	log     TopicPartition
	bytes   int64
	scanned atomic.Int64
}

// Opening reads the progress.
func (p *Progress) Opening() Opening {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := Opening{Logs: int(p.logs.Load()), Opened: int(p.opened.Load())}
	for s := range p.scans {
		o.Scans = append(o.Scans, Scan{s.log, min(s.scanned.Load(), s.bytes), s.bytes})
	}
	slices.SortFunc(o.Scans, func(a, b Scan) int { return compareNames(a.Log, b.Log) })
	return o
}

// begin notes that bytes of a log are about to be scanned.
func (p *Progress) begin(log TopicPartition, bytes int64) *scan {
	s := &scan{log: log, bytes: bytes}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.scans == nil {
		p.scans = map[*scan]struct{}{}
	}
	p.scans[s] = struct{}{}
	return s
}

func (p *Progress) end(s *scan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.scans, s)
}
