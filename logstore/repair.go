package logstore

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"moldau/logstore/vfs"
)

// RepairOptions shapes a repair. The zero value is ready for use.
type RepairOptions struct {
	// Backup is where everything is copied to before it is changed, below the
	// root of BackupFS; it may exist, but hold no receipt. The default is
	// DATA/moldau/repair-<time> for a store, and <directory>-repair-<time> beside
	// Kafka's log directory or a partition on its own: Kafka does not start with a
	// foreign directory inside.
	Backup string
	// BackupFS is nil for the file system that is repaired.
	BackupFS vfs.FS
	// Clock is nil for real time.
	Clock Clock
	// Version names the program in the receipt.
	Version string
	// DryRun changes nothing.
	DryRun bool
	// IndexIntervalBytes is index.interval.bytes of indexes that are built anew,
	// default 4096.
	IndexIntervalBytes int64
	// Progress, where set, is called about every MiB; an error ends the repair.
	Progress func(RepairProgress) error
}

// RepairProgress tells how far a repair has come. Every phase begins at 0.
type RepairProgress struct {
	Phase string // "check", "examine", "back up", "mend" or "verify"
	CheckProgress
}

// Repair mends what [Check] finds wrong with a store, a Kafka log directory or
// a partition that nobody has open, so that the log opens, serves all batches
// that are sound, and takes appends again.
//
// Indexes are built anew from the data, checkpoints from what can be read of
// them and from the batch headers. Of a segment exactly the bytes are taken out
// that are no sound batch; those behind keep their offsets. Damage to offset,
// length or magic of a batch, which its CRC does not cover, is undone where the
// rest of the batch and its neighbours leave one possibility. Offsets that
// were given are not given again, where two witnesses know of them: a batch
// without records keeps the log's end.
//
// The recovery point of a log that changed is raised to its end. What a start
// would have built from the batches above the old one, transaction indexes and
// leader epochs, the repair builds. What an index that a start has left says is aborted
// stays so where its marker is lost.
//
// A store that was not closed cleanly is opened and closed first, as at any
// start: that replays its journal, and cuts what a crash left. [ErrLocked]
// tells that somebody is at work in the directory.
//
// Every file is copied, durably, before it is changed. A crash at any point
// leaves each file old or new; until Repair is run again no start opens a store
// that was left so ([ErrHalfRepaired]). Nothing to mend leaves no backup and no
// receipt.
func Repair(fsys vfs.FS, dir string, o RepairOptions) (*Receipt, error) {
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	if o.IndexIntervalBytes <= 0 {
		o.IndexIntervalBytes = DefaultConfig().IndexIntervalBytes
	}
	if o.BackupFS == nil {
		o.BackupFS = fsys
	}
	r := &repair{fs: fsys, dir: dir, o: o}
	r.receipt = &Receipt{Version: receiptVersion, Time: o.Clock.Now().UTC().Format(time.RFC3339), Moldau: o.Version, Directory: dir, DryRun: o.DryRun, Changes: []*Change{}}
	if err := r.run(); err != nil {
		return r.receipt, fmt.Errorf("logstore: repair %s: %w", dir, err)
	}
	return r.receipt, nil
}

// repair is one run of Repair.
type repair struct {
	fs      vfs.FS
	dir     string
	o       RepairOptions
	receipt *Receipt
	backup  backup

	recoveredMu sync.Mutex // of receipt.Recovered

	phase       string
	done, total int64 // bytes, of the phase
	reported    int64
}

func (r *repair) run() error {
	scope, err := r.scopeOf(r.dir)
	if err != nil {
		return err
	}
	if r.backup, err = r.openBackup(scope); err != nil {
		return err
	}
	for _, s := range scope.all() {
		if err := r.scope(s); err != nil {
			return err
		}
	}
	if len(r.receipt.Changes) == 0 || r.o.DryRun {
		return r.verify()
	}
	if err := r.verify(); err != nil {
		return err
	}
	r.receipt.Complete = true
	return r.backup.writeReceipt(r.receipt)
}

// scope mends one log directory, or one partition, under its lock.
func (r *repair) scope(s *repairScope) (err error) {
	lock, err := r.lock(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	half, again, err := r.halfRepaired(s)
	if err != nil {
		return err
	}
	settle := false
	if !again {
		settle, err = r.unsettled(s)
	}
	if err == nil && settle {
		err = r.settleFirst(s, lock, half)
	}
	if err != nil {
		return err
	}
	changed, err := r.mend(s)
	if err != nil || !changed || r.o.DryRun {
		return err
	}
	// Mended, it is brought to rest: the next start has nothing to recover.
	if settle, err = r.unsettled(s); err == nil && settle {
		err = r.settle(s, lock)
	}
	return err
}

// mend plans and applies. What is planned is written down, and all files it
// touches are copied, before the first is changed.
func (r *repair) mend(s *repairScope) (changed bool, err error) {
	plan, err := r.plan(s)
	if err != nil {
		return false, err
	}
	return r.carryOut(plan)
}

func (r *repair) carryOut(plan *repairPlan) (changed bool, err error) {
	if len(plan.changes) == 0 {
		return false, nil
	}
	if !r.o.DryRun {
		if err := r.backup.take(r, plan.changes); err != nil {
			return false, fmt.Errorf("back up: %w", err)
		}
	}
	for _, c := range plan.changes {
		r.receipt.Changes = append(r.receipt.Changes, &c.Change)
	}
	if r.o.DryRun {
		return false, nil
	}
	if err := r.backup.writeReceipt(r.receipt); err != nil {
		return false, err
	}
	return true, plan.apply(r)
}

// verify looks at what is left. After a dry run that is what was found.
func (r *repair) verify() error {
	o := CheckOptions{Progress: func(p CheckProgress) error {
		if r.o.Progress == nil {
			return nil
		}
		return r.o.Progress(RepairProgress{"verify", p})
	}}
	report, err := Check(r.fs, r.dir, o)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.Severity == Fault {
			r.receipt.Remaining = append(r.receipt.Remaining, f)
		}
	}
	return nil
}

// enter begins a phase of so many bytes.
func (r *repair) enter(phase string, bytes int64) {
	r.phase, r.done, r.total, r.reported = phase, 0, bytes, 0
}

// progress counts bytes of the phase, and tells about each MiB.
func (r *repair) progress(file string, bytes int64) error {
	r.done += bytes
	if r.o.Progress == nil || r.done-r.reported < scanWindowBytes && r.done < r.total {
		return nil
	}
	r.reported = r.done
	if err := r.o.Progress(RepairProgress{r.phase, CheckProgress{file, r.done, max(r.total, r.done)}}); err != nil {
		return &stoppedError{err}
	}
	return nil
}
