package logstore

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"moldau/logstore/record"
)

// planBeside looks at the files that belong to the log as a whole.
func (l *repairLog) planBeside() error {
	for _, name := range slices.Sorted(maps.Keys(l.files.names)) {
		file := l.files.file(name)
		problem := l.faulty[file]
		at, isSnapshot := parseSegmentFileName(name, snapshotSuffix)
		if isSnapshot {
			problem = l.problemOf(file)
		}
		if isSnapshot && problem == "" && at > l.end {
			problem = fmt.Sprintf("is of offset %d, past the log's end %d", at, l.end)
		}
		switch {
		case problem == "" && name == epochFile:
			if err := l.planEpochs(file); err != nil {
				return err
			}
		case problem == "":
		case isSnapshot:
			l.planRemove(file, problem, "removed: producers are read from an older snapshot and the data")
		case name == partitionMetaFile:
			l.planRemove(file, problem, "removed: the log has no topic id until a broker writes it")
		case name == epochFile:
			entries, err := l.epochsOf()
			if err != nil {
				return err
			}
			l.planRewrite(file, problem, "built anew from the batch headers", phaseBeside, encodeEpochs(entries))
		}
	}
	return nil
}

func (l *repairLog) planRemove(file, problem, action string) {
	l.plan.add(Change{File: file, Problem: problem, Action: action},
		repairStep{phaseBeside, func(r *repair, c *Change) error { return r.remove(c.File) }})
}

// planRewrite has a file hold b.
func (l *repairLog) planRewrite(file, problem, action string, phase repairPhase, b []byte) {
	l.plan.add(Change{File: file, Problem: problem, Action: action}, repairStep{phase, func(r *repair, c *Change) error {
		return r.rewrite(c, func(w io.Writer) error { _, err := w.Write(b); return err })
	}})
}

// planEpochs drops epochs that begin past the end, and adds those that only the
// batch headers tell of.
func (l *repairLog) planEpochs(file string) error {
	text, err := readFile(l.r.fs, file)
	if err != nil {
		return l.r.ofFile(err)
	}
	entries, err := decodeEpochs(text)
	if err != nil {
		return nil // it changed since it was checked
	}
	kept := slices.DeleteFunc(slices.Clone(entries), func(e epochEntry) bool { return e.start > l.end })
	all, err := l.laterEpochs(kept)
	if err != nil {
		return err
	}
	switch {
	case !slices.Equal(all, kept):
		l.planRewrite(file, fmt.Sprintf("lacks epochs that began above the recovery point %d, and no start will look for them", l.point()), "taken over from the batch headers", phaseBeside, encodeEpochs(all))
	case len(kept) < len(entries):
		l.planRewrite(file, fmt.Sprintf("epochs begin past the log's end %d", l.end), "these epochs dropped", phaseBeside, encodeEpochs(kept))
	}
	return nil
}

// laterEpochs adds the epochs that began above the recovery point. The file has them
// from the next checkpoint on only: a start reads them off the batches, but none will
// once the point is raised.
func (l *repairLog) laterEpochs(known []epochEntry) ([]epochEntry, error) {
	var c epochCache
	c.set(known)
	for _, s := range l.staying() {
		if !l.reachesAbove(s) {
			continue
		}
		err := l.headersOf(s, func(b record.Batch) error {
			if b.LastOffset() >= l.point() && b.LeaderEpoch() > c.latest() {
				c.assign(b.LeaderEpoch(), b.BaseOffset())
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return c.entries(), nil
}

// epochsOf reads the leader epochs off all batch headers.
func (l *repairLog) epochsOf() ([]epochEntry, error) {
	var c epochCache
	err := l.headers(func(_ *repairSegment, b record.Batch) error {
		if b.LeaderEpoch() >= 0 {
			c.assign(b.LeaderEpoch(), b.BaseOffset())
		}
		return nil
	})
	return c.entries(), err
}
