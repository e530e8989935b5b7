package logstore

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"moldau/logstore/vfs"
)

// After a failed sync the system keeps the pages that it could not write, and takes
// them for written: until the machine is started anew a read tells what they hold,
// and another sync returns nil. So who met one leaves word, and the next open has
// the system forget what it holds of the files before it believes them.
const syncFailedFile = "sync-failed" // in ownDir

// distrust leaves that word, as well as it can: the disk may take nothing any more. What
// fails for want of descriptors or room is tried again with each failed sync, all else at
// a checkpoint and at the close only: a sick disk may take its time for each attempt.
type distrust struct {
	mu    sync.Mutex
	state wordState
}

type wordState int

const (
	wordNotWanted wordState = iota
	wordLacks               // a descriptor, or room
	wordRefused
	wordLeft
)

func (d *distrust) note(s *Store, cause error) {
	var corrupt *CorruptionError
	if s.opt.ReadOnly || errors.As(cause, &corrupt) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == wordNotWanted || d.state == wordLacks {
		d.leave(s)
	}
}

// again tries once more, if the word is wanted and was not left.
func (d *distrust) again(s *Store) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == wordLacks || d.state == wordRefused {
		d.leave(s)
	}
}

// leave is called with mu held.
func (d *distrust) leave(s *Store) {
	f, err := s.fs.OpenFile(s.ownPath(syncFailedFile), os.O_RDWR|os.O_CREATE, filePerm)
	switch {
	case err == nil:
		_ = f.Close()
		_ = s.fs.SyncDir(s.ownPath("")) // it counts for as long as the machine is not started anew
		d.state = wordLeft
	case isShortage(err), errors.Is(spaceError(err), ErrNoSpace):
		d.state = wordLacks
	default:
		d.state = wordRefused
	}
}

// distrusts tells that an earlier process met a failed sync.
func (s *Store) distrusts() (bool, error) {
	_, err := s.fs.Stat(s.ownPath(syncFailedFile))
	return err == nil, ignore(err, fs.ErrNotExist)
}

// forgetDistrust takes the word back, once every log was read from the disk.
func (s *Store) forgetDistrust(p *past) error {
	if !p.distrusted || len(s.broken) > 0 {
		return nil
	}
	if err := s.fs.Remove(s.ownPath(syncFailedFile)); err != nil {
		return err
	}
	return s.fs.SyncDir(s.ownPath(""))
}

// reread has the system forget what it holds of segments that may not be on the
// disk.
func (r *recovery) reread(segments []*segment) error {
	if !r.distrusted || r.log.store.opt.ReadOnly {
		return nil
	}
	for _, s := range segments {
		if err := errors.Join(s.data.Sync(), vfs.Forget(s.data.File)); err != nil {
			return err
		}
	}
	return nil
}
