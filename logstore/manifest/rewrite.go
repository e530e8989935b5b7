package manifest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"

	"moldau/logstore/vfs"
)

// chunkBytes is how much of a snapshot, or of the changes behind it, is written
// at once.
const chunkBytes = 1 << 20

// Rewrite puts a snapshot in place of the file, durably. state is called once,
// with no lock held, and must return a state in which every change is seen whose
// method had returned before Rewrite was called; so the caller changes what it
// holds in memory first, and the file then. Changes made since go on meanwhile,
// and are carried over behind the snapshot: that the state has some of them
// already does no harm, for they say what is, not what is added. The state is not
// to be changed before Rewrite returns.
//
// After an error the file is as it was, and goes on, unless it is ErrPoisoned.
func (f *File) Rewrite(state func() *State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.rewriting {
		f.idle.Wait()
	}
	if err := f.ready(); err != nil {
		return err
	}
	f.rewriting = true
	defer func() { // also where state panics
		f.rewriting = false
		f.idle.Broadcast()
	}()
	if err := f.rewrite(state); err != nil {
		return fmt.Errorf("rewrite manifest: %w", err)
	}
	return nil
}

// rewrite is Rewrite, alone. The caller holds f.mu, which is given up while the
// snapshot is written.
func (f *File) rewrite(state func() *State) error {
	w := f.writeAside(state)
	err := w.err
	if err == nil {
		err = f.replaceBy(&w)
	}
	if err != nil && w.file != nil {
		err = errors.Join(err, w.file.Close())
		_ = f.fs.Remove(f.path(tmpFileName)) // written over by the next, if it stays
	}
	return err
}

// aside is a file that is to take the place of the manifest.
type aside struct {
	file     vfs.File
	snapshot int64
	size     int64
	from     int64 // where in the old file the changes begin that it lacks
	err      error
}

// writeAside writes the snapshot, and most of the changes made meanwhile. The
// caller holds f.mu, which is given up: below f.size nobody writes to f.file,
// and nobody else replaces it.
func (f *File) writeAside(state func() *State) (w aside) {
	from, next := f.size, f.next
	f.mu.Unlock()
	defer f.mu.Lock()
	s := state()
	for _, r := range s.Rows {
		next = max(next, r.Incarnation+1)
	}
	w.file, w.snapshot, w.err = f.writeSnapshot(s, max(next, s.NextIncarnation))
	w.size, w.from = w.snapshot, from
	if w.err != nil {
		return w
	}
	f.mu.Lock()
	old, size := f.file, f.size
	f.mu.Unlock()
	w.err = w.carryOver(old, size)
	return w
}

// carryOver copies the changes of the old file below that position, durably.
func (w *aside) carryOver(old vfs.File, upto int64) error {
	if w.from == upto {
		return nil
	}
	buf := make([]byte, min(chunkBytes, upto-w.from))
	for w.from < upto {
		b := buf[:min(int64(len(buf)), upto-w.from)]
		if n, err := old.ReadAt(b, w.from); n < len(b) {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		if _, err := w.file.WriteAt(b, w.size); err != nil {
			return err
		}
		w.from += int64(len(b))
		w.size += int64(len(b))
	}
	return w.file.Sync()
}

// replaceBy gives the new file the name, with all that the old one has. The
// caller holds f.mu.
func (f *File) replaceBy(w *aside) error {
	for f.syncing {
		f.idle.Wait()
	}
	if f.failed != nil {
		return f.failed
	}
	if err := w.carryOver(f.file, f.size); err != nil {
		return err
	}
	// Were there no descriptor to sync the directory with, that is to be known now.
	if err := f.fs.SyncDir(f.dir); err != nil {
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return err
		}
		return f.poison(err)
	}
	if err := f.fs.Rename(f.path(tmpFileName), f.path(FileName)); err != nil {
		if errors.Is(err, syscall.EIO) {
			return f.poison(err) // which of the two has the name cannot be known
		}
		return err
	}
	if err := f.fs.SyncDir(f.dir); err != nil {
		return f.poison(err) // likewise, after a crash
	}
	old := f.file
	f.file, f.snapshot, f.size, f.durable, f.synced = w.file, w.snapshot, w.size, w.size, f.written
	_ = old.Close() // nothing is lost with it
	return nil
}

// writeSnapshot writes a file of that state beside the manifest, and syncs it.
func (f *File) writeSnapshot(s *State, next uint64) (file vfs.File, size int64, err error) {
	file, err = f.fs.OpenFile(f.path(tmpFileName), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, 0, err
	}
	w := chunkWriter{file: file, at: headerBytes}
	if err = w.snapshot(s, next); err == nil {
		_, err = file.WriteAt(encodeHeader(w.at), 0)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		// What was written would take up space, of which there may be none.
		return nil, 0, errors.Join(err, file.Close(), f.fs.Remove(f.path(tmpFileName)))
	}
	return file, w.at, nil
}

// chunkWriter writes frames one behind the other.
type chunkWriter struct {
	file vfs.File
	at   int64
	buf  []byte
}

func (w *chunkWriter) snapshot(s *State, next uint64) (err error) {
	if w.buf, err = appendStore(w.buf, s, next); err != nil {
		return err
	}
	// Sorted, so that a state has one snapshot.
	for _, log := range slices.Sorted(maps.Keys(s.Rows)) {
		r := s.Rows[log]
		if r.Log != log {
			return fmt.Errorf("%w: row of %q under the name %q", ErrInvalid, r.Log, log)
		}
		if w.buf, err = appendRow(w.buf, 0, r); err != nil {
			return err
		}
		if len(w.buf) >= chunkBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

func (w *chunkWriter) flush() error {
	n, err := w.file.WriteAt(w.buf, w.at)
	w.at += int64(n)
	w.buf = w.buf[:0]
	return err
}
