package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"

	"moldau/logstore/vfs"
)

// files are those of a journal. A slot names one.
type files struct {
	fsys      vfs.FS
	dir       string
	fileBytes int64
	countMax  int

	making sync.Mutex // held while a file is made, before mu
	ready  bool       // the directory is durable; under making

	mu     sync.Mutex
	closed bool
	free   []int      // slots, the next to be used first
	live   []liveFile // by generation, the last is being written or was last
}

// liveFile holds commits that are not released.
type liveFile struct {
	slot       int
	generation uint64
	bytes      int64 // of its commits, with their padding
}

const (
	suffix     = ".journal"
	slotDigits = 8
	pieceBytes = 1 << 20 // of zeros in one write
)

func fileName(slot int) string { return fmt.Sprintf("%0*d%s", slotDigits, slot, suffix) }

// list returns the journal's files in dir, by slot; none if there is no dir.
func list(fsys vfs.FS, dir string) (slots []int, err error) {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), suffix)
		slot, err := strconv.ParseUint(digits, 10, 31)
		if ok && err == nil && len(digits) == slotDigits && !e.IsDir() {
			slots = append(slots, int(slot))
		}
	}
	return slots, nil
}

// Remove deletes the journal's files in dir, durably, and leaves dir.
func Remove(fsys vfs.FS, dir string) error {
	slots, err := list(fsys, dir)
	if err != nil || len(slots) == 0 {
		return err
	}
	for _, slot := range slots {
		if err := fsys.Remove(path.Join(dir, fileName(slot))); err != nil {
			return err
		}
	}
	return fsys.SyncDir(dir)
}

func (s *files) path(slot int) string { return path.Join(s.dir, fileName(slot)) }

// adopt takes over the files that lie there.
func (s *files) adopt() error {
	slots, err := list(s.fsys, s.dir)
	if err != nil || len(slots) == 0 {
		return err
	}
	for _, slot := range slots {
		info, err := s.fsys.Stat(s.path(slot))
		if err != nil {
			return err
		}
		// Another size is that of other options, or of a file half made.
		if info.Size() == s.fileBytes && len(s.free) < s.countMax {
			s.free = append(s.free, slot)
		} else if err := s.fsys.Remove(s.path(slot)); err != nil {
			return err
		}
	}
	// Whoever made them may have been killed before syncing the directories.
	if err := mkdirAll(s.fsys, s.dir); err != nil {
		return err
	}
	s.ready = true
	return s.fsys.SyncDir(s.dir)
}

// mkdirAll makes dir with its parents, durably.
func mkdirAll(fsys vfs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	parent := path.Dir(dir)
	if err := mkdirAll(fsys, parent); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// take opens a free file, for commits of a generation.
func (s *files) take(generation uint64) (vfs.File, error) {
	slot, ok := s.pop(generation)
	if !ok {
		if err := s.prepare(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFull, err)
		}
		if slot, ok = s.pop(generation); !ok {
			return nil, ErrFull
		}
	}
	f, err := s.fsys.OpenFile(s.path(slot), os.O_RDWR, 0)
	if err != nil {
		s.giveBack()
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	return f, nil
}

// giveBack makes the file that was popped last, and not written to, a free one.
func (s *files) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.live) - 1
	s.free = append(s.free, s.live[last].slot)
	s.live = s.live[:last]
}

// pop makes a free file a live one, in one step: were it neither for a moment,
// a Prepare at that moment would make it anew.
func (s *files) pop(generation uint64) (slot int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		return 0, false
	}
	slot = s.free[0]
	s.free = append(s.free[:0], s.free[1:]...)
	s.live = append(s.live, liveFile{slot: slot, generation: generation})
	return slot, true
}

// prepare makes a file if none is free and one may be made.
func (s *files) prepare() error {
	s.making.Lock()
	defer s.making.Unlock()
	slot, err := s.wanted()
	if err != nil || slot < 0 {
		return err
	}
	if !s.ready {
		if err := mkdirAll(s.fsys, s.dir); err != nil {
			return err
		}
		s.ready = true
	}
	if err := s.make(s.path(slot)); err != nil {
		return err
	}
	s.mu.Lock()
	s.free = append(s.free, slot)
	s.mu.Unlock()
	return nil
}

// wanted is the slot of the file to be made, -1 for none.
func (s *files) wanted() (slot int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return -1, ErrClosed
	case len(s.free) > 0 || len(s.live) >= s.countMax:
		return -1, nil
	}
	used := make(map[int]bool, len(s.live))
	for _, l := range s.live {
		used[l.slot] = true
	}
	for used[slot] {
		slot++
	}
	return slot, nil
}

// make writes a file of zeros, so that its blocks are there, and makes it
// durable. What fails leaves nothing.
func (s *files) make(name string) (err error) {
	f, err := s.fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	zeros := make([]byte, min(pieceBytes, s.fileBytes))
	for at := int64(0); at < s.fileBytes && err == nil; at += pieceBytes {
		_, err = f.WriteAt(zeros[:min(pieceBytes, s.fileBytes-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.fsys.SyncDir(s.dir)
	}
	if err != nil {
		// Should this fail as well, the next Prepare or Open writes over it.
		_ = s.fsys.Remove(name)
	}
	return err
}

// grow adds to the file that was taken last.
func (s *files) grow(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[len(s.live)-1].bytes += bytes
}

// oldest is the lowest live generation.
func (s *files) oldest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[0].generation
}

// release frees generations and returns the bytes that were in them.
func (s *files) release(upto uint64) (bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for ; n < len(s.live) && s.live[n].generation <= upto; n++ {
		bytes += s.live[n].bytes
		s.free = append(s.free, s.live[n].slot)
	}
	s.live = append(s.live[:0], s.live[n:]...)
	return bytes
}

// liveUpto returns a copy of the live files of generations <= upto.
func (s *files) liveUpto(upto uint64) (found []liveFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.live {
		if l.generation <= upto {
			found = append(found, l)
		}
	}
	return found
}

func (s *files) close() {
	s.making.Lock()
	defer s.making.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
