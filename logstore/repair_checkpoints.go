package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// salvageCheckpoint reads the lines of a checkpoint that can be read. What they
// name must be a log on disk.
func salvageCheckpoint(text []byte, logs map[TopicPartition]bool) offsetCheckpoint {
	c := offsetCheckpoint{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		partition, err1 := strconv.ParseInt(f[1], 10, 32)
		offset, err2 := strconv.ParseInt(f[2], 10, 64)
		tp := TopicPartition{f[0], int32(partition)}
		if err1 == nil && err2 == nil && offset >= 0 && (logs[tp] || tp == ownMark) {
			c[tp] = offset
		}
	}
	return c
}

// readForRepair reads a checkpoint file, or what is left of it. fault is why it
// is malformed; there is false where there is none.
func (r *repair) readForRepair(s *repairScope, file string, logs map[TopicPartition]bool) (c offsetCheckpoint, fault error, there bool, err error) {
	text, err := readFile(r.fs, path.Join(s.root, file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, false, nil
	case errors.Is(err, errCheckpoint): // too long to be one
		c, fault = offsetCheckpoint{}, err
	case err != nil:
		return nil, nil, true, r.ofFile(err)
	default:
		if c, fault = decodeOffsetCheckpoint(text); fault != nil {
			c = salvageCheckpoint(text, logs)
		}
	}
	if fault != nil && file == recoveryPointFile && s.store != "" {
		c[ownMark] = 0 // one that cannot be read is ours, and shall be when it can
	}
	return c, fault, true, nil
}

// planCheckpoints has the offset checkpoints agree with the logs.
func (r *repair) planCheckpoints(p *repairPlan, s *repairScope, clean bool) error {
	logs := map[TopicPartition]bool{}
	for _, l := range p.logs {
		logs[l.files.tp] = true
	}
	for _, file := range offsetCheckpointFiles {
		name := path.Join(s.root, file)
		old, fault, there, err := r.readForRepair(s, file, logs)
		if err != nil && !errors.As(err, new(*unreadableError)) {
			return err
		}
		if err != nil || !there || fault != nil && s.partition != "" {
			continue // one that others need as well is not judged by one of them
		}
		early, late := maps.Clone(old), maps.Clone(old)
		var problems []string
		for _, l := range p.logs {
			problems = append(problems, l.checkpoint(file, early, late, fault != nil && clean)...)
		}
		if fault == nil && maps.Equal(old, late) {
			continue
		}
		if fault != nil {
			problems = append([]string{fault.Error()}, problems...)
		}
		r.planCheckpoint(p, name, problems, early, late, fault == nil && maps.Equal(old, early))
	}
	return nil
}

// planCheckpoint writes a checkpoint before the data changes, and afterwards as
// far as it says more.
func (r *repair) planCheckpoint(p *repairPlan, name string, problems []string, early, late offsetCheckpoint, lateOnly bool) {
	write := func(content offsetCheckpoint) func(*repair, *Change) error {
		return func(r *repair, c *Change) error {
			return r.rewrite(c, func(w io.Writer) error { _, err := w.Write(content.encode()); return err })
		}
	}
	var steps []repairStep
	if !lateOnly {
		steps = append(steps, repairStep{phaseLower, write(early)})
	}
	if lateOnly || !maps.Equal(early, late) {
		steps = append(steps, repairStep{phaseRaise, write(late)})
	}
	p.add(Change{File: name, Problem: summary(problems), Action: "written anew"}, steps...)
}

// summary keeps a receipt readable where thousands of logs have the same problem.
func summary(problems []string) string {
	const most = 5
	if n := len(problems); n > most {
		problems = append(slices.Clone(problems[:most]), fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(problems, "; ")
}

// checkpoint corrects what a checkpoint says of the log: early what may not be
// said any more once the data changes, late what can be said in the end. lost is
// whether entries are missing that a clean close had written.
func (l *repairLog) checkpoint(file string, early, late offsetCheckpoint, lost bool) (problems []string) {
	tp := l.files.tp
	old, there := late[tp]
	if l.end < 0 {
		return nil
	}
	switch {
	case file == startOffsetFile && old > l.end:
		delete(early, tp)
		delete(late, tp)
		return []string{fmt.Sprintf("%s starts at %d, past its end %d: it starts with its first segment now", l.name, old, l.end)}
	case file == recoveryPointFile && !there && lost:
		early[tp], late[tp] = l.end, l.end
		if l.touched {
			delete(early, tp)
		}
		return nil
	case file == cleanerOffsetFile || !there:
		return nil
	case old > l.end:
		early[tp], late[tp] = l.end, l.end
		return []string{fmt.Sprintf("%s is known up to %d, past its end %d", l.name, old, l.end)}
	case file == recoveryPointFile && l.touched && old < l.end:
		// All of it is sound and synced now. A hole behind the recovery point would
		// be taken for lost writes by the next start, and all behind it cut.
		late[tp] = l.end
		return []string{fmt.Sprintf("%s is sound and synced up to its end %d", l.name, l.end)}
	}
	return nil
}

// mendCheckpoints makes those checkpoints readable again that are not.
func (r *repair) mendCheckpoints(s *repairScope) error {
	dirs, err := r.partitionDirs(&repairScope{root: s.root})
	if err != nil {
		return err
	}
	logs := map[TopicPartition]bool{}
	for _, dir := range dirs {
		tp, _ := parseDir(path.Base(dir))
		logs[tp] = true
	}
	p := &repairPlan{}
	for _, file := range offsetCheckpointFiles {
		name := path.Join(s.root, file)
		c, fault, _, err := r.readForRepair(s, file, logs)
		if err != nil && !errors.As(err, new(*unreadableError)) {
			return err
		}
		if fault != nil {
			r.planCheckpoint(p, name, []string{fault.Error()}, c, c, false)
		}
	}
	_, err = r.carryOut(p)
	return err
}
