package logstore

import (
	"errors"
	"io/fs"
	"math"

	"moldau/logstore/journal"
	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// past is what a store that is being opened says of how it was left.
type past struct {
	// state is what our manifest says; empty where another program was the last to
	// write in the directory, or the manifest is gone.
	state *manifest.State
	ours  bool // the manifest holds
	clean bool // closed cleanly, by us or by Kafka
	torn  bool // the manifest's end is; what was not synced
	// distrusted tells that a sync has failed, so that what is read of files may not
	// be on the disk.
	distrusted bool
	// byName tells that nobody else was here, but the manifest is lost: whose a
	// record of the journal is, only its log's name tells.
	byName bool

	// What Kafka's checkpoint files say, which counts where no row does.
	recovery, start, high, cleaner offsetCheckpoint

	journalFrom   uint64                // the generation that the journal begins with
	readsJournal  bool                  // what is pending and the journal are of interest
	journaled     map[string]*journaled // by log
	catalog       *journal.Catalog      // of what is pending and the journal; nil when all is replayed
	report        journal.Report
	pending       []string // files of records that an earlier open had no log for
	pendingRotten error    // of which one is not what was written
	pendingStale  bool     // of which one has records of logs that are gone, or need none of it
	pendingKept   string   // the file that has what is pending still
}

// journaled sums up what the journal, and what is pending, holds of one log.
type journaled struct {
	incarnation uint64 // of the log; where the manifest is lost the latest that was found

	end       int64 // behind the last record
	synced    int64 // its own files were, up to here
	inJournal bool  // not all of it is pending
	rotten    bool  // and not all of it can be read
	// disordered tells that a record lies behind one that came after it.
	disordered bool
	// places are those of the records, 12 bytes each, until they are replayed. The
	// smallest batch takes 113 bytes and the log's name in the journal, which is
	// bounded.
	places []journal.Place
}

// readPast finds out whose the directory is, and what the last who kept it left,
// but for the journal. Nothing is changed.
func (s *Store) readPast() (*past, error) {
	p := &past{state: &manifest.State{Rows: map[string]*manifest.Row{}}, journaled: map[string]*journaled{}}
	p.recovery = s.readCheckpoint(recoveryPointFile)
	_, marked := p.recovery[ownMark]
	// One that has rotted says nothing: what the manifest does is more than that.
	keptByUs := marked || p.recovery == nil
	delete(p.recovery, ownMark)
	p.start = s.readCheckpoint(startOffsetFile)
	p.high = s.readCheckpoint(highWatermarkFile)
	p.cleaner = s.readCheckpoint(cleanerOffsetFile)

	info, err := s.fs.Stat(s.path(cleanShutdownFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p.clean = err == nil
	if p.distrusted, err = s.distrusts(); err != nil {
		return nil, err
	}
	st, torn, err := manifest.Read(s.fs, s.ownPath(""))
	var corrupt *manifest.CorruptError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.byName = !p.clean && keptByUs
	case errors.As(err, &corrupt):
		s.emit(ManifestIgnored{Err: err})
		p.byName = !p.clean && keptByUs
	case err != nil:
		return nil, err
	case p.clean && st.Closed && st.Marker == markerOf(info), !p.clean && !st.Closed && keptByUs:
		p.ours, p.state, p.torn = true, st, torn
	default:
		// Its offsets are not those of the logs any more; its numbers stay taken.
		p.state.NextIncarnation, p.state.JournalStart = st.NextIncarnation, st.JournalStart
	}
	if p.pending, err = s.pendingFiles(); err != nil {
		return nil, err
	}
	// After a clean close it went with that. Who only reads puts nothing back, and
	// its owner may be writing it over.
	p.readsJournal = !(p.ours && p.clean) && !s.opt.ReadOnly
	switch {
	case p.ours:
		p.journalFrom = st.JournalStart
	case !p.byName:
		// Another program has gone on from what the logs' own files held. None of the
		// journal counts, and the next begins above whatever lies there.
		p.journalFrom = math.MaxUint64
	}
	return p, nil
}

// findJournal opens what readJournal reads.
func (s *Store) findJournal(p *past) error {
	if !p.readsJournal {
		return nil
	}
	p.catalog = journal.NewCatalog(s.fs)
	return p.catalog.Hold(s.ownPath(journalDir), p.pending...)
}

// readJournal learns what is pending, and what the journal holds, and where.
func (s *Store) readJournal(p *past) (err error) {
	if !p.readsJournal {
		return nil
	}
	if err := p.readPending(); err != nil {
		return err
	}
	if p.pendingRotten != nil {
		s.emit(JournalCorrupt{p.pendingRotten})
	}
	p.report, err = p.catalog.Scan(s.ownPath(journalDir), p.journalFrom, func(h journal.Header, at journal.Place) error {
		if of := p.heed(h); of != nil {
			of.inJournal = true
			of.places = append(of.places, at)
		}
		return nil
	})
	for _, rot := range p.report.Rot {
		s.emit(JournalCorrupt{&CorruptionError{File: rot.File, Offset: rot.Offset, Err: errRottenCommit}})
		if !rot.Known {
			continue
		}
		if of := p.heed(rot.Header); of != nil {
			of.inJournal, of.rotten = true, true
		}
	}
	return err
}

// heed adds a record to what is known of its log, and returns that; nil if it concerns
// none. The first of a log that was made anew puts an end to what there is of the one
// before.
func (p *past) heed(h journal.Header) *journaled {
	p.state.NextIncarnation = max(p.state.NextIncarnation, h.Incarnation+1)
	if !p.concerns(h) {
		return nil
	}
	of := p.journaled[h.Log]
	if of == nil || of.incarnation < h.Incarnation {
		of = &journaled{incarnation: h.Incarnation}
		p.journaled[h.Log] = of
	}
	if h.Kind == journal.Synced {
		of.synced = max(of.synced, h.Last)
	} else {
		of.disordered = of.disordered || h.EndBefore < of.end
		of.end = max(of.end, h.Last+1)
	}
	return of
}

// concerns tells that a record is of a log that is there still, not of one that
// was deleted before its name was given away again; by name alone, that it is of the
// latest that was found.
func (p *past) concerns(h journal.Header) bool {
	if !p.ours {
		of := p.journaled[h.Log]
		return p.byName && (of == nil || h.Incarnation >= of.incarnation)
	}
	row := p.state.Rows[h.Log]
	return row != nil && row.Incarnation == h.Incarnation
}

// lost tells that the journal holds rot of which nobody knows what it was.
func (p *past) lost() bool {
	if p.pendingRotten != nil {
		return true
	}
	for _, rot := range p.report.Rot {
		if !rot.Known {
			return true
		}
	}
	return false
}

// newRecovery is how a log is opened whose files may have changed. What the row
// says counts, and without one what Kafka's checkpoint files say.
func (s *Store) newRecovery(tp TopicPartition, row *manifest.Row, p *past) *recovery {
	r := &recovery{tp: tp, clean: p.clean, distrusted: p.distrusted, known: row}
	c, err := s.configOf(tp)
	l := s.newLog(tp, TopicID{}, c)
	r.log, r.failed = l, err
	l.standing.dirty = true
	if row == nil && p.ours {
		return r // It was being created. What Kafka's files say is of one that was deleted.
	}
	if row == nil {
		r.point, r.high, r.cleaned = p.recovery[tp], p.high[tp], math.MaxInt64
		l.start.Store(p.start[tp])
		l.standing.recovery, l.standing.cleaned = r.point, p.cleaner[tp]
		return r
	}
	r.clean = false // dirty: this log did not come to rest
	r.point, r.high, r.synced = row.Recovery, row.High, row.Synced
	r.cleaned = row.HolesBelow
	if r.quarantined = row.Quarantined; r.quarantined {
		r.synced = math.MaxInt64 // nothing of it is cut
	}
	l.standing.recovery, l.standing.holesBelow, l.standing.cleaned = row.Recovery, row.HolesBelow, row.Cleaned
	l.pointSnapshot = row.Recovery
	l.start.Store(row.Start)
	l.incarnation = row.Incarnation
	return r
}

// hear notes what the journal says of the log, once that was read.
func (r *recovery) hear(p *past) {
	l := r.log
	r.lost = p.lost()
	if of := p.journaled[l.name]; of != nil {
		r.journaled, r.synced = of.end, max(r.synced, of.synced)
		r.places, r.disordered = of.places, of.disordered
	}
	r.byName = p.byName
	if r.known == nil {
		l.incarnation = l.store.nextIncarnation.Add(1) - 1
	}
}

// leave lets the next open find a log that does not open as this one did.
func (p *past) leave(r *recovery) {
	l := r.log
	if r.known == nil && p.ours {
		return // it was being created: it is found again without a row
	}
	row := &manifest.Row{Log: l.name, Incarnation: l.incarnation, Dirty: true, Recovery: r.point, Start: l.start.Load(), High: r.high, HolesBelow: r.cleaned, Cleaned: l.standing.cleaned}
	if r.known != nil {
		*row = *r.known
	}
	of := p.journaled[l.name]
	if of != nil {
		row.Synced = max(row.Synced, of.synced)
		if r.known == nil {
			row.Incarnation = of.incarnation // as of what is pending
		}
	}
	// The next open does not read this journal: below what that had come to nothing is
	// cut, where a record cannot be read, or where only the log's name tells whose it is.
	if of != nil && (of.rotten || p.byName) {
		row.Synced = max(row.Synced, of.end)
	}
	row.Quarantined = row.Quarantined || p.lost() && !r.clean
	p.state.Rows[l.name] = row
}

// forgetRows keeps only what is needed later on: the rows of logs that did not
// open.
func (p *past) forgetRows(broken map[TopicPartition]error) {
	rows := p.state.Rows
	p.state.Rows = make(map[string]*manifest.Row, len(broken))
	for tp := range broken {
		if row := rows[tp.String()]; row != nil {
			p.state.Rows[row.Log] = row
		}
	}
}

// markerOf is what tells our clean shutdown file from one that another program
// left.
func markerOf(info fs.FileInfo) manifest.Marker {
	m := manifest.Marker{Inode: vfs.Inode(info)}
	if t := info.ModTime(); !t.IsZero() {
		m.ModTimeNs = t.UnixNano()
	}
	return m
}
