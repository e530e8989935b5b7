package logstore

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
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

// readPending learns what is pending of logs that are there. Of a file that has
// rotted that is what comes before the rot.
func (p *past) readPending() error {
	for _, name := range p.pending {
		err := p.catalog.ReadExtract(name, func(h journal.Header, at journal.Place) error {
			of := p.heed(h)
			if of == nil {
				p.pendingStale = true
				return nil
			}
			of.places = append(of.places, at)
			return nil
		})
		if errors.Is(err, journal.ErrCorrupt) {
			p.pendingRotten, err = errors.Join(p.pendingRotten, err), nil
		}
		if err != nil {
			return err
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
	if len(failed) == 0 {
		return nil
	}
	still := p.stillPending(failed)
	if still && !p.pendingStale { // the device may be as full as it was
		p.pendingKept = p.pending[0]
		return nil
	}
	p.pendingKept = s.pendingName(s.found.generation + 1)
	err := s.writePending(p.pendingKept, failed, p)
	if err != nil && still && !errors.Is(err, vfs.ErrCrashed) {
		_ = s.fs.Remove(p.pendingKept + ".tmp") // or the next open writes over it
		p.pendingKept = p.pending[0]
		return nil
	}
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
	var buffer []byte
	for _, log := range slices.Sorted(maps.Keys(failed)) {
		for _, at := range failed[log].places {
			if err != nil {
				break
			}
			var h journal.Header
			var payload []byte
			if h, payload, err = p.catalog.Read(at, &buffer); err == nil {
				err = e.Add(h, payload)
			}
		}
	}
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
		return fmt.Errorf("%s: %s has more of it: the log is to be reopened", tp, p.pendingKept)
	}
	return nil
}

// stillPending tells that one file has all that is to be kept, and nothing else that
// concerns a log. What else it has is left out as soon as there is room: by its log's name
// alone it would be taken for the log's.
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
