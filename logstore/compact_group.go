package logstore

import (
	"errors"
	"math"
	"slices"

	"moldau/index"
)

// groupRun is the compaction of one group of segments, to one.
type groupRun struct {
	*compactRun
	filter  *batchFilter
	group   []compactInput
	left    int64              // bytes of the group behind the batch at hand
	aborted []index.AbortedTxn // of the markers that stay
}

// compactGroup writes what stays of a group to a new segment and swaps it in. A
// single segment of which all stays is left alone.
func (r *compactRun) compactGroup(group []compactInput, f *batchFilter) error {
	g := &groupRun{compactRun: r, filter: f, group: group}
	f.enter = func(t index.AbortedTxn) error {
		g.aborted = append(g.aborted, t)
		return nil
	}
	o := &r.out
	o.segment, o.pace, o.written = nil, r.pace, &f.tally.written
	err := g.write()
	if err == nil && o.segment == nil {
		return nil
	}
	for i := 0; i < len(g.aborted) && err == nil; i++ {
		err = o.segment.txns.Append(g.aborted[i])
	}
	if err == nil {
		err = o.finish(group[len(group)-1].end, slices.ContainsFunc(group, func(in compactInput) bool { return in.txns.Len() > 0 }))
	}
	if err == nil {
		err = r.log.swap(group, o)
	}
	return errors.Join(err, o.discard())
}

func (g *groupRun) write() error {
	for _, in := range g.group {
		g.left += in.size()
	}
	if len(g.group) > 1 {
		if err := g.needOutput(0); err != nil {
			return err
		}
	}
	for _, in := range g.group {
		if err := g.filter.transactions.collect(g.log, in.base, in.end); err != nil {
			return err
		}
		g.begin(&g.read, in, 0, &g.filter.tally.read)
		for more := true; more; {
			if err := g.passOver(in); err != nil {
				return err
			}
			b, ok, err := g.read.read()
			if err == nil && ok {
				err = g.take(in, b)
			}
			if more = ok; err != nil {
				return err
			}
		}
	}
	return nil
}

// passOver goes on behind batches of which nothing stays, if some are next, and has
// the reader read up to where others are.
func (g *groupRun) passOver(in compactInput) error {
	for {
		s, ok := g.runs.ahead(in, g.read.position, &g.gone)
		switch {
		case !ok:
			g.read.until = in.size()
			return nil
		case int64(s.position) > g.read.position:
			g.read.until = int64(s.position)
			return nil
		}
		if err := g.needOutput(int64(s.position)); err != nil {
			return err
		}
		g.filter.passed(int64(s.records))
		g.left -= int64(s.bytes)
		g.read.pass(s)
	}
}

// take writes what is left of a batch.
func (g *groupRun) take(in compactInput, b compactedBatch) error {
	o := &g.out
	size := b.position
	if o.segment != nil {
		size = o.size
	}
	// A batch may become longer, as long as all that may follow fits the segment.
	out, left, err := g.filter.filter(b, math.MaxInt32-size-g.left)
	g.left -= b.bytes
	switch {
	case err != nil:
		return err
	case left == leftWhole && o.segment == nil:
		return nil
	case left == leftWhole && int64(len(b.Batch)) < b.bytes:
		return o.copyLong(b, in.segment, g.read.pace)
	case left == leftWhole:
		return o.add(b.Batch)
	}
	if err := g.needOutput(b.position); err != nil || left == leftNothing {
		return err
	}
	return o.add(out)
}

// needOutput makes the new segment, unless it is there. What was read of a single
// segment up to a position, all of which stays, is copied first.
func (g *groupRun) needOutput(position int64) error {
	o, l := &g.out, g.log
	if o.segment != nil {
		return nil
	}
	l.mu.Lock()
	err := l.touchDurably()
	createdMs := g.group[len(g.group)-1].tail.createdMs
	o.newest = 0
	for _, in := range g.group {
		o.newest = max(o.newest, l.newest(in.segment))
	}
	l.mu.Unlock()
	if err == nil {
		err = o.begin(l, g.group[0].base, createdMs)
	}
	if err != nil || position == 0 {
		return err
	}
	g.begin(&g.again, g.group[0], 0, &g.filter.tally.read)
	for g.again.position < position {
		b, _, err := g.again.read()
		if err == nil && int64(len(b.Batch)) < b.bytes {
			err = o.copyLong(b, g.group[0].segment, g.again.pace)
		} else if err == nil {
			err = o.add(b.Batch)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
