package logstore

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"

	"moldau/logstore/record"
	"moldau/logstore/vfs"
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
			l.plan.add(Change{File: file, Problem: problem, Action: "built anew from the batch headers"}, repairStep{phaseBeside, func(r *repair, c *Change) error {
				entries, err := l.epochsOf()
				if err != nil {
					return err
				}
				return r.rewrite(c, func(w io.Writer) error { _, err := w.Write(encodeEpochs(entries)); return err })
			}})
		}
	}
	return nil
}

func (l *repairLog) planRemove(file, problem, action string) {
	l.plan.add(Change{File: file, Problem: problem, Action: action},
		repairStep{phaseBeside, func(r *repair, c *Change) error { return r.remove(c.File) }})
}

// planEpochs drops epochs that begin past the end.
func (l *repairLog) planEpochs(file string) error {
	text, err := readFile(l.r.fs, file)
	if err != nil {
		return l.r.ofFile(err)
	}
	entries, err := decodeEpochs(text)
	kept := slices.DeleteFunc(slices.Clone(entries), func(e epochEntry) bool { return e.start > l.end })
	if err != nil || len(kept) == len(entries) {
		return nil
	}
	l.plan.add(Change{File: file, Problem: fmt.Sprintf("epochs begin past the log's end %d", l.end), Action: "these epochs dropped"},
		repairStep{phaseBeside, func(r *repair, c *Change) error {
			return r.rewrite(c, func(w io.Writer) error { _, err := w.Write(encodeEpochs(kept)); return err })
		}})
	return nil
}

// epochsOf reads the leader epochs off all batch headers.
func (l *repairLog) epochsOf() ([]epochEntry, error) {
	var c epochCache
	err := l.headers(func(_ *repairSegment, _ vfs.File, b record.Batch, _ int64) error {
		if b.LeaderEpoch() >= 0 {
			c.assign(b.LeaderEpoch(), b.BaseOffset())
		}
		return nil
	})
	return c.entries(), err
}

// headers visits the headers of all batches that stay, once the data is as it
// shall be.
func (l *repairLog) headers(visit func(s *repairSegment, f vfs.File, b record.Batch, at int64) error) error {
	for _, s := range l.staying() {
		err := l.r.walkFile(s.file, func(f vfs.File, b record.Batch, at int64) error { return visit(s, f, b, at) })
		if err != nil {
			return err
		}
	}
	return nil
}

// walkFile visits the batch headers of a sound file.
func (r *repair) walkFile(name string, visit func(f vfs.File, b record.Batch, at int64) error) error {
	f, err := r.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	var header [record.HeaderBytes]byte
	for at := int64(0); at < size; {
		b, err := record.ReadHeader(f, at, size, &header)
		if err == nil {
			err = visit(f, b, at)
		}
		if err != nil {
			return fmt.Errorf("%s at byte %d: %w", path.Base(name), at, err)
		}
		at += int64(b.Size())
	}
	return nil
}
