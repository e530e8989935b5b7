package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"moldau/logstore/journal"
)

// A log that could not be opened, for want of space or for a device that failed,
// has not taken what the journal holds of it. The journal begins anew with every
// open; so these records go to a file that the next open replays before the
// journal. Rejected: to keep the journal itself for them. It would fill up, and
// would be replayed, over and over, into logs that have been truncated since.
//
// A crash before the manifest says that the journal begins anew finds both, and
// replays the records twice, which is as good as once.
const (
	pendingPrefix = "pending-" // in ownDir; the generation of the journal that begins with it follows
	pendingDigits = 20
)

func (s *Store) pendingName(generation uint64) string {
	return s.ownPath(fmt.Sprintf("%s%0*d", pendingPrefix, pendingDigits, generation))
}

// pendingFiles lists the files of pending records, oldest first.
func (s *Store) pendingFiles() (names []string, err error) {
	entries, err := s.fs.ReadDir(s.ownPath(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if digits, ok := strings.CutPrefix(e.Name(), pendingPrefix); ok && len(digits) == pendingDigits && strings.Trim(digits, "0123456789") == "" {
			names = append(names, s.ownPath(e.Name()))
		}
	}
	return names, err
}

// eachPending calls f for each pending record of a log that is there. Of a file
// that has rotted it gives what comes before the rot.
func (p *past) eachPending(s *Store, f func(h journal.Header, payload []byte) error) (rotten, err error) {
	for _, name := range p.pending {
		err := journal.ReadExtract(s.fs, name, func(h journal.Header, payload []byte) error {
			if !p.concerns(h) {
				return nil
			}
			return f(h, payload)
		})
		if errors.Is(err, journal.ErrCorrupt) {
			rotten, err = errors.Join(rotten, err), nil
		}
		if err != nil {
			return rotten, err
		}
	}
	return rotten, nil
}

// eachRecord calls f for each record of a log that is there: those that are
// pending, then those of the journal.
func (p *past) eachRecord(s *Store, f func(h journal.Header, payload []byte) error) error {
	_, err := p.eachPending(s, f)
	if err == nil {
		_, err = journal.Scan(s.fs, s.ownPath(journalDir), p.journalFrom, func(h journal.Header, _, _ uint64, payload []byte) error {
			if !p.concerns(h) {
				return nil
			}
			return f(h, payload)
		})
	}
	return err
}

// replayJournal puts back what the journal holds and the logs' own files lost.
func (s *Store) replayJournal(all []*recovery, p *past) error {
	if len(p.journaled) > 0 && !s.opt.ReadOnly {
		byName := make(map[string]*recovery, len(all))
		for _, r := range all {
			byName[r.log.name] = r
		}
		err := p.eachRecord(s, func(h journal.Header, batches []byte) error {
			if r := byName[h.Log]; r != nil && h.Kind == journal.Batches && r.failed == nil {
				r.failed = r.take(h, batches)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, r := range all {
		if err := r.closeAside(); r.failed == nil {
			r.failed = err
		}
	}
	return nil
}

// keepPending keeps what the journal holds of logs that could not take it, for
// the next open.
func (s *Store) keepPending(all []*recovery, p *past) error {
	failed := map[string]*recovery{}
	for _, r := range all {
		if r.failed != nil && p.journaled[r.log.name] != nil {
			failed[r.log.name] = r
		}
	}
	if len(failed) == 0 || s.opt.ReadOnly {
		return nil
	}
	if p.stillPending(failed) { // the device may be as full as it was
		p.pendingKept = p.pending[0]
		return nil
	}
	p.pendingKept = s.pendingName(s.found.generation + 1)
	err := s.writePending(p.pendingKept, failed, p)
	for _, r := range failed {
		r.failed = fmt.Errorf("%w; what the journal holds of it is kept for the next open", r.failed)
	}
	return spaceError(err)
}

func (s *Store) writePending(name string, failed map[string]*recovery, p *past) error {
	tmp := name + ".tmp" // written over by the next open, if it stays
	e, err := journal.CreateExtract(s.fs, tmp)
	if err != nil {
		return err
	}
	err = p.eachRecord(s, func(h journal.Header, payload []byte) error {
		r := failed[h.Log]
		if r == nil {
			return nil
		}
		h.Incarnation = r.log.incarnation // a new one, where there was no manifest
		return e.Add(h, payload)
	})
	if err = errors.Join(err, e.Close()); err == nil {
		err = s.fs.Rename(tmp, name)
	}
	if err != nil {
		return err
	}
	return s.fs.SyncDir(s.ownPath(""))
}

// lacks tells that a log which did not open has not taken what the journal held
// of it.
func (p *past) lacks(tp TopicPartition) error {
	if p.pendingKept != "" && p.journaled[tp.String()] != nil {
		return fmt.Errorf("%s: %s has more of it: the store is to be opened anew", tp, p.pendingKept)
	}
	return nil
}

// stillPending tells that one file has all that is to be kept, and nothing else
// that concerns a log.
func (p *past) stillPending(failed map[string]*recovery) bool {
	if len(p.pending) != 1 || p.byName || p.pendingRotten != nil {
		return false
	}
	for log, of := range p.journaled {
		if failed[log] == nil || of.inJournal {
			return false
		}
	}
	return true
}

// dropPending removes what is pending no more. It is called when the manifest says
// that the journal begins anew, and before anybody can append: what is replayed
// twice must not undo what came between. A file that has rotted, or that another
// program has not waited for, is renamed: nothing else has what is in it.
func (s *Store) dropPending(p *past) error {
	for _, name := range p.pending {
		if name == p.pendingKept {
			continue
		}
		var err error
		if p.pendingRotten != nil || !p.ours && !p.byName {
			err = s.fs.Rename(name, name+cutSuffix)
		} else {
			err = s.fs.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	if len(p.pending) == 0 {
		return nil
	}
	return s.fs.SyncDir(s.ownPath(""))
}
