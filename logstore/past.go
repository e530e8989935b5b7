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
	// byName tells that nobody else was here, but the manifest is lost: whose a
	// record of the journal is, only its log's name tells.
	byName bool

	// What Kafka's checkpoint files say, which counts where no row does.
	recovery, start, high, cleaner offsetCheckpoint

	journaled map[string]*journaled // by log
	report    journal.Report
}

// journaled sums up what the journal holds of one log.
type journaled struct {
	end    int64 // behind the last record
	synced int64 // its own files were, up to here
	bad    bool  // a record is rotten
}

// readPast finds out what the directory holds, and whose it is. Nothing is
// changed.
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
	switch {
	case p.ours && p.clean:
		return p, nil // it went with the close
	case p.ours:
		return p, s.readJournal(p, st.JournalStart)
	case p.byName:
		return p, s.readJournal(p, 0)
	}
	// Another program has gone on from what the logs' own files held. None of the
	// journal counts, and the next begins above whatever lies there.
	return p, s.readJournal(p, math.MaxUint64)
}

// readJournal learns what the journal holds, from a generation on.
func (s *Store) readJournal(p *past, from uint64) (err error) {
	p.report, err = journal.Scan(s.fs, s.ownPath(journalDir), from, func(h journal.Header, _, _ uint64, _ []byte) error {
		p.state.NextIncarnation = max(p.state.NextIncarnation, h.Incarnation+1)
		if !p.concerns(h) {
			return nil
		}
		of := p.of(h.Log)
		if h.Kind == journal.Synced {
			of.synced = max(of.synced, h.Last)
		} else {
			of.end = max(of.end, h.Last+1)
		}
		return nil
	})
	for _, rot := range p.report.Rot {
		s.emit(JournalCorrupt{&CorruptionError{File: rot.File, Offset: rot.Offset, Err: errRottenCommit}})
		if rot.Known && p.concerns(rot.Header) {
			of := p.of(rot.Header.Log)
			of.end, of.bad = max(of.end, rot.Header.Last+1), true
		}
	}
	return err
}

// concerns tells that a record is of a log that is there still, not of one that
// was deleted before its name was given away again.
func (p *past) concerns(h journal.Header) bool {
	if !p.ours {
		return p.byName
	}
	row := p.state.Rows[h.Log]
	return row != nil && row.Incarnation == h.Incarnation
}

func (p *past) of(name string) *journaled {
	of := p.journaled[name]
	if of == nil {
		of = &journaled{}
		p.journaled[name] = of
	}
	return of
}

// lost tells that the journal holds rot of which nobody knows what it was.
func (p *past) lost() bool {
	for _, rot := range p.report.Rot {
		if !rot.Known {
			return true
		}
	}
	return false
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
