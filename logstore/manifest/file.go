package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"

	"moldau/logstore/vfs"
)

// bufBytesMax is what a File keeps to encode changes in.
const bufBytesMax = 64 << 10

// File is a manifest that is being written to. All its methods may be called
// concurrently.
type File struct {
	fs  vfs.FS
	dir string

	mu   sync.Mutex
	idle sync.Cond // on mu: a sync or a rewrite ended

	// Under mu.
	file      vfs.File
	snapshot  int64  // where it ends
	size      int64  // of the file, in bytes, as far as it is good
	durable   int64  // bytes known to be on stable storage. Invariant: a frame ends there
	written   int64  // number of changes; that of the last is its LSN
	synced    int64  // as durable, in changes
	next      uint64 // above all incarnations in the file
	syncing   bool   // file.Sync runs, without mu
	rewriting bool
	closed    bool
	failed    error // what poisoned it
	buf       []byte
}

// Create writes a manifest of that state, durably, in place of any there is. dir
// must exist. s is not kept.
func Create(fsys vfs.FS, dir string, s *State) (*File, error) {
	f := newFile(fsys, dir)
	f.raise(s)
	file, size, err := f.writeSnapshot(s, f.next)
	if err != nil {
		return nil, fmt.Errorf("create manifest: %w", err)
	}
	err = fsys.Rename(f.path(tmpFileName), f.path(FileName))
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("create manifest: %w", errors.Join(err, file.Close()))
	}
	f.file, f.snapshot, f.size, f.durable = file, size, size, size
	return f, nil
}

// Open goes on behind the manifest that s was just read from, by [Read], which
// must not have changed since. What is torn is cut off. When Open returns all
// that Read found is durable: if it was another process that ended, it may have
// been in the page cache only.
func Open(fsys vfs.FS, dir string, s *State) (*File, error) {
	f := newFile(fsys, dir)
	f.raise(s)
	f.snapshot, f.size, f.durable = s.extent.snapshot, s.extent.end, s.extent.end
	if err := f.open(s.extent.size); err != nil {
		return nil, fmt.Errorf("open manifest: %w", err)
	}
	return f, nil
}

func newFile(fsys vfs.FS, dir string) *File {
	f := &File{fs: fsys, dir: dir}
	f.idle.L = &f.mu
	return f
}

func (f *File) path(name string) string { return path.Join(f.dir, name) }

func (f *File) raise(s *State) {
	f.next = max(f.next, s.NextIncarnation)
	for _, r := range s.Rows {
		f.next = max(f.next, r.Incarnation+1)
	}
}

func (f *File) open(size int64) (err error) {
	if f.size == 0 {
		return fmt.Errorf("%w: a state that was not read", ErrInvalid)
	}
	f.file, err = f.fs.OpenFile(f.path(FileName), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.file.Close())
		}
	}()
	now, err := f.file.Size()
	if err != nil {
		return err
	}
	if now != size {
		return fmt.Errorf("%w: it had %d bytes when it was read and has %d", ErrInvalid, size, now)
	}
	if f.size < size {
		if err := f.file.Truncate(f.size); err != nil {
			return err
		}
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	// The rename that gave the file its name may not be durable either.
	return f.fs.SyncDir(f.dir)
}

// ready tells why no change can be made. The caller holds f.mu.
func (f *File) ready() error {
	if f.closed {
		return fmt.Errorf("manifest: %w", fs.ErrClosed)
	}
	return f.failed
}

// poison ends the file's life. The caller holds f.mu.
func (f *File) poison(cause error) error {
	f.failed = fmt.Errorf("%w: %w", ErrPoisoned, cause)
	f.idle.Broadcast()
	return f.failed
}

// lag is what a frame that is written now says of those before it.
func (f *File) lag() int64 { return f.size - f.durable }

// write appends f.buf, which holds that many changes, of incarnations below next,
// unless encoding them failed. The caller holds f.mu.
func (f *File) write(changes int, next uint64, encodeErr error) (lsn int64, err error) {
	if encodeErr != nil {
		return 0, fmt.Errorf("manifest: %w", encodeErr)
	}
	_, err = f.file.WriteAt(f.buf, f.size)
	if err != nil {
		return 0, f.undo(err)
	}
	f.size += int64(len(f.buf))
	f.written += int64(changes)
	f.next = max(f.next, next)
	if cap(f.buf) > bufBytesMax {
		f.buf = nil
	}
	return f.written, nil
}

// undo takes back a failed write: durably, because pages of it that had reached
// the disk could otherwise be found there behind what is written next. The
// caller holds f.mu.
func (f *File) undo(cause error) error {
	if errors.Is(cause, syscall.EIO) {
		return f.poison(cause) // what the file holds now cannot be known
	}
	err := f.file.Truncate(f.size)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		return f.poison(errors.Join(cause, err))
	}
	if !f.syncing {
		// Of two syncs that meet a failed write the system tells one only: what the
		// other says beside this one holds.
		f.durable, f.synced = f.size, f.written
	}
	return fmt.Errorf("write manifest: %w", cause)
}

// Bytes returns the size of the file, and how much of it is the snapshot, to
// decide when to rewrite it.
func (f *File) Bytes() (total, snapshot int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, f.snapshot
}

// Close waits for a sync or a rewrite that is under way, and closes the file. It
// does not sync it.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fmt.Errorf("manifest: %w", fs.ErrClosed)
	}
	f.closed = true
	for f.syncing || f.rewriting {
		f.idle.Wait()
	}
	return f.file.Close()
}
