package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"moldau/logstore/manifest"
)

// repairPhase puts the steps of a repair in order, so that whoever opens the
// directory after a crash between them finds nothing that lies: indexes are gone
// while their data changes, recovery points are lowered before it and raised when
// all is synced. Directories are synced between phases.
type repairPhase uint8

const (
	phaseLower   repairPhase = iota // checkpoints that say too much
	phaseCreate                     // segments that keep an end
	phaseUnindex                    // indexes of what will change go
	phaseData                       // .log files are replaced, or set aside
	phaseIndex                      // indexes are built
	phaseBeside                     // epochs, snapshots, metadata
	phaseSync                       // all that the checkpoints will vouch for
	phaseRaise                      // checkpoints as they shall stay
	repairPhases
)

// plannedChange is a change and how it is made: in one step, or in two.
type plannedChange struct {
	Change
	steps []repairStep
}

type repairStep struct {
	phase repairPhase
	do    func(r *repair, c *Change) error
}

// repairPlan is what is to be done in one scope.
type repairPlan struct {
	own     string // directory of the manifest that is set aside meanwhile, "" if none is
	root    string // log directory, where a store is repaired
	changes []*plannedChange
	logs    []*repairLog
}

func (p *repairPlan) add(c Change, steps ...repairStep) *plannedChange {
	planned := &plannedChange{c, steps}
	p.changes = append(p.changes, planned)
	return planned
}

// plan looks at all logs of the scope, reading only.
func (r *repair) plan(s *repairScope) (*repairPlan, error) {
	p := &repairPlan{}
	c := r.checker()
	c.o.Progress = func(cp CheckProgress) error {
		if r.o.Progress == nil {
			return nil
		}
		return r.o.Progress(RepairProgress{"check", cp})
	}
	root := checkedRoot{}
	if s.root != "" {
		root = c.readRoot(s.root, nil)
	}
	dirs, err := r.partitionDirs(s)
	if err != nil {
		return nil, err
	}
	var found []*partitionFiles
	for _, dir := range dirs {
		files, err := c.partitionFiles(dir)
		if err != nil {
			return nil, err
		}
		found = append(found, files)
	}
	for _, files := range found {
		l, err := r.examine(p, c, files, root)
		if err != nil {
			return nil, err
		}
		p.logs = append(p.logs, l)
	}
	if s.root != "" {
		if err := r.planCheckpoints(p, s, root.clean); err != nil {
			return nil, err
		}
	}
	quarantined := slices.ContainsFunc(found, func(f *partitionFiles) bool { _, ok := root.quarantined[f.tp]; return ok })
	lies := slices.ContainsFunc(found, func(f *partitionFiles) (lies bool) {
		root.contradicted(f, func(string, string) { lies = true })
		return lies
	})
	if (len(p.changes) > 0 || quarantined || lies || root.halfRepaired) && s.store != "" {
		return p, r.planForget(p, s, root)
	}
	return p, nil
}

// partitionDirs are the directories of the logs of the scope.
func (r *repair) partitionDirs(s *repairScope) ([]string, error) {
	if s.partition != "" {
		return []string{s.partition}, nil
	}
	entries, err := r.fs.ReadDir(s.root)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if _, ok := parseDir(e.Name()); ok && e.IsDir() {
			dirs = append(dirs, path.Join(s.root, e.Name()))
		}
	}
	return dirs, nil
}

// planForget has the manifest set aside before anything is changed, and removed when all
// is done. Without it the engine reads the directory as it lies, which is what is wanted
// once files changed that it had rows of. Until then nothing would be right: rows lie,
// and without them a start does not know what was synced, nor which logs it may not
// cut.
func (r *repair) planForget(p *repairPlan, s *repairScope, root checkedRoot) error {
	if s.partition != "" {
		for tp := range root.quarantined {
			if tp.String() != path.Base(s.partition) {
				return fmt.Errorf("%v takes no appends either, and only the manifest knows: repair all of %s", tp, s.store)
			}
		}
	}
	p.own, p.root = path.Join(s.store, ownDir), s.root
	c := Change{File: path.Join(p.own, manifest.FileName), Problem: "describes files that are gone, or about to change", Action: "removed: the next start reads the directory instead"}
	if root.halfRepaired {
		c.File, c.Problem = path.Join(p.own, manifest.AsideName), "was set aside by a repair that was interrupted: what that took out or lost its own receipt tells"
	} else if _, err := r.fs.Stat(c.File); err != nil {
		return ignore(err, fs.ErrNotExist)
	}
	for _, l := range p.logs {
		c.Lost = append(c.Lost, l.loseUnseen()...)
	}
	p.changes = slices.Insert(p.changes, 0, &plannedChange{Change: c}) // undone last
	return nil
}

// examine checks a log and plans for it where there is anything to mend.
func (r *repair) examine(p *repairPlan, c *checker, files *partitionFiles, root checkedRoot) (*repairLog, error) {
	before := len(c.report.Findings)
	checked, err := c.walk(files, root)
	if err != nil {
		return nil, err
	}
	l := &repairLog{r: r, plan: p, files: files, root: root, clean: root.clean, end: checked.next, checked: checked.reached, faulty: map[string]string{}, noted: map[string]string{}}
	if l.name = files.tp.String(); files.tp.Topic == "" {
		l.name = path.Base(files.dir)
	}
	for _, f := range c.report.Findings[before:] {
		if f.Severity == Fault && l.faulty[f.File] == "" {
			l.faulty[f.File] = f.Text
		}
		if f.Severity == Note && l.noted[f.File] == "" {
			l.noted[f.File] = f.Text
		}
	}
	if len(l.faulty) == 0 && !checked.torn && (len(files.bases) > 0 || l.witnessed() == 0) && !l.interrupted() {
		return l, nil
	}
	changes := len(p.changes)
	if err := l.examine(); err != nil {
		var unreadable *unreadableError
		if !errors.As(err, &unreadable) {
			return nil, err
		}
		if _, quarantined := root.quarantined[files.tp]; quarantined || root.halfRepaired {
			return nil, fmt.Errorf("%s cannot be read, and what the manifest says of it would be lost: %w", l.name, err)
		}
		p.changes = p.changes[:changes] // it stays as it is, and is told as a fault that remains
		l.end = -1
	}
	return l, nil
}

// unreadableError is a file's own error. It does not end a repair: other logs
// can be mended.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }

// apply makes the changes. No start opens the store before all are made.
func (p *repairPlan) apply(r *repair) error {
	if p.own == "" {
		return p.applyPhases(r)
	}
	if err := makeDirs(r.fs, p.own); err != nil {
		return err
	}
	if err := manifest.SetAside(r.fs, p.own); err != nil {
		return err
	}
	if err := p.applyPhases(r); err != nil {
		return err
	}
	return manifest.DropAside(r.fs, p.own)
}

func (p *repairPlan) applyPhases(r *repair) error {
	for phase := range repairPhases {
		var dirs []string
		for _, c := range p.changes {
			for _, s := range c.steps {
				if s.phase != phase {
					continue
				}
				if err := s.do(r, &c.Change); err != nil {
					return fmt.Errorf("%s: %w", c.File, err)
				}
				dirs = append(dirs, path.Dir(c.File))
			}
		}
		if phase == phaseSync {
			if err := p.sync(r); err != nil {
				return err
			}
		}
		slices.Sort(dirs)
		for _, dir := range slices.Compact(dirs) {
			if err := r.fs.SyncDir(dir); err != nil {
				return err
			}
		}
	}
	return nil
}
