package logstore

import (
	"fmt"
	"slices"
	"sync/atomic"
)

const (
	// lagShare is the part of the journal that may lie in it and not have been handed
	// to the disk by the logs' own files.
	lagShare = 8
	// stepShare is the part of it that is handed to the disk at a time: whoever commits
	// meanwhile waits for it.
	stepShare = 512
	// writeBackMin is from how many bytes of a log on its file is written back before
	// a cut does: less is dearer than it is worth.
	writeBackMin = 16 << 10
	pageBytes    = 4 << 10
)

// lag is what the journal holds and the logs' own files were not asked to write.
// Without that a cut would have all of it to write at once, which takes as long as
// half a journal did, and by then the journal may be full. So the files are written
// back bit by bit as the journal grows, each as late as can be, for the sake of large
// writes, and a cut finds little to do. Where thousands of logs have a few KiB each,
// all is left to the cut: a call for each would cost more than the wait.
//
// All is under committer.writing, but running.
type lag struct {
	logs    []*Log // the longest behind first, each once
	bytes   int64  // of all
	grown   int64  // by how much the journal grew since it was last rotated
	running atomic.Bool
}

// add notes what the journal was given, and by how many bytes it grew.
func (g *lag) add(shares []share, grown int64) {
	g.grown += grown
	for i := range shares {
		l, n := shares[i].log, shares[i].bytes
		if l.lag == 0 && n > 0 {
			g.logs = append(g.logs, l)
		}
		l.lag += n
		g.bytes += n
	}
}

// overdue is a log of which all is to be written back now but some bytes at the end.
type overdue struct {
	log  *Log
	keep int64
}

// due takes what is to be written back now, nothing while the last is. Ever less may be
// behind towards the cut at half a journal.
func (g *lag) due(journalBytes int64) (due []overdue) {
	behindMax := max(min(journalBytes/lagShare, journalBytes/2-g.grown), 0)
	if g.bytes < behindMax+journalBytes/stepShare || g.running.Load() {
		return nil
	}
	done := 0
	for g.bytes > behindMax {
		l := g.logs[done]
		n := min(l.lag, max(g.bytes-behindMax, writeBackMin))
		if n >= writeBackMin {
			due = append(due, overdue{l, l.lag - n})
		}
		g.bytes -= n
		if l.lag -= n; l.lag == 0 {
			done++
		}
	}
	g.logs = slices.Delete(g.logs, 0, done)
	return due
}

// drop forgets a log.
func (g *lag) drop(l *Log) {
	if l.lag > 0 {
		g.bytes -= l.lag
		l.lag = 0
		g.logs = slices.DeleteFunc(g.logs, func(other *Log) bool { return other == l })
	}
}

// reset begins anew: a cut has the files written.
func (g *lag) reset() {
	for _, l := range g.logs {
		l.lag = 0
	}
	clear(g.logs)
	g.logs, g.bytes, g.grown = g.logs[:0], 0, 0
}

// writeBack has what is due written. The caller holds c.writing.
func (c *committer) writeBack() {
	due := c.lag.due(c.store.opt.JournalBytes)
	if len(due) == 0 || c.store.opt.Manual {
		return
	}
	c.lag.running.Store(true)
	c.store.workers.Add(1)
	go func() {
		defer c.store.workers.Done()
		defer c.lag.running.Store(false)
		for _, o := range due {
			o.log.writeBack(o.keep)
		}
	}()
}

// writeBack has the system begin to write what a flush would, but for so many bytes at
// the end, and the last page, as more may come to it. It takes its turn with flushes: of
// a write that fails as it begins the system may tell nobody else, and the log is poisoned
// before the next sync begins.
func (l *Log) writeBack(keep int64) {
	var sh share
	if !l.beginFlush(&sh) {
		return
	}
	defer l.endFlush(&sh, false)
	for i, u := range sh.segments {
		upto := u.upto
		if i == len(sh.segments)-1 {
			upto -= keep
		}
		if err := l.store.opt.writeBack(u.segment.data.File, upto/pageBytes*pageBytes); err != nil {
			_ = l.syncFailed(fmt.Errorf("write back: %w", err))
			return
		}
	}
}
