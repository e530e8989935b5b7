package interchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

const (
	buildSuffix = ".partial"
	// buildLock is locked while a build is being worked on, and tells that the
	// directory is one.
	buildLock = "moldau-build.lock"
)

// build is a target in the making.
type build struct {
	*place
	dir    string
	like   fs.FileMode // permissions of the source
	fsys   *vfs.OS     // dir
	lock   io.Closer
	linked map[string]bool // files that are another's too, below dir
}

// beginBuild makes the build's directory, and removes one that a crash left. Nobody
// is let in whom the directory like does not let in.
func beginBuild(at *place, like string) (_ *build, err error) {
	info, err := os.Stat(like)
	if err != nil {
		return nil, err
	}
	b := &build{place: at, dir: at.path + buildSuffix, like: info.Mode().Perm(), linked: map[string]bool{}}
	if err := b.removeOld(); err != nil {
		return nil, err
	}
	if b.fsys, err = vfs.OpenOS(b.dir); err != nil {
		return nil, err
	}
	if b.lock, err = b.fsys.Lock(buildLock); err != nil {
		return nil, errors.Join(b.busy(err), b.fsys.Close())
	}
	if err := b.prepare(); err != nil {
		return nil, errors.Join(err, b.abandon())
	}
	return b, nil
}

// prepare finds out what would fail at the end.
func (b *build) prepare() error {
	if err := b.narrow(b.dir, b.like); err != nil {
		return err
	}
	if err := b.makeRoom(b.dir); err != nil {
		return err
	}
	// The first call only takes a stand: errors are told from here on.
	if err := vfs.SyncAll(b.fsys, ".", nil); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func (b *build) busy(err error) error {
	return fmt.Errorf("%s is being worked on by another process: %w", b.dir, err)
}

// removeOld removes the build that a crash left, if it is one and nobody is at it.
func (b *build) removeOld() error {
	entries, err := os.ReadDir(b.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if ours, err := exists(filepath.Join(b.dir, buildLock)); err != nil || !ours {
		return errors.Join(fmt.Errorf("%w: %s is in the way, and was not left by an interrupted run", ErrTarget, b.dir), err)
	}
	old, err := vfs.OpenOS(b.dir)
	if err != nil {
		return err
	}
	defer old.Close()
	lock, err := old.Lock(buildLock)
	if err != nil {
		return b.busy(err)
	}
	defer lock.Close()
	return os.RemoveAll(b.dir)
}

// mkdir makes a directory in the build, whose parent is there. The umask is heeded.
func (b *build) mkdir(name string, mode fs.FileMode) error {
	return os.Mkdir(filepath.Join(b.dir, name), mode|0o700)
}

// narrow takes from a directory what mode does not grant.
func (b *build) narrow(dir string, mode fs.FileMode) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&^(mode|0o700) == 0 {
		return err
	}
	return os.Chmod(dir, info.Mode()&(keptBits&^fs.ModePerm)|info.Mode().Perm()&(mode|0o700))
}

// finish gives the build the target's name. The lock goes last: without it what a
// crash leaves in the build's place would not be known for a build.
func (b *build) finish() error {
	if err := b.sync(); err != nil {
		return errors.Join(err, b.abandon())
	}
	if !renamesOpen {
		if err := b.close(); err != nil {
			return errors.Join(err, os.RemoveAll(b.dir))
		}
	}
	err := b.removeEmpty()
	if err == nil {
		err = os.Rename(b.dir, b.path)
	}
	if err != nil {
		return errors.Join(err, b.abandon())
	}
	return errors.Join(os.Remove(filepath.Join(b.path, buildLock)), b.close(), syncDir(b.path), syncDir(filepath.Dir(b.path)))
}

// close gives up what is open. It may be called again.
func (b *build) close() error {
	if b.lock == nil {
		return nil
	}
	err := errors.Join(b.lock.Close(), b.fsys.Close())
	b.lock = nil
	return err
}

// sync brings all of the build to stable storage: with one call for thousands of
// files where that is possible, else each by itself.
func (b *build) sync() error {
	err := vfs.SyncAll(b.fsys, ".", nil)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return filepath.WalkDir(b.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(b.dir, name)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return b.fsys.SyncDir(filepath.ToSlash(below))
		}
		if b.linked[below] {
			return nil // flushed long ago, or it would not be
		}
		f, err := b.fsys.OpenFile(filepath.ToSlash(below), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// abandon removes the build.
func (b *build) abandon() error {
	return errors.Join(os.RemoveAll(b.dir), b.close())
}

func syncDir(dir string) error {
	fsys, err := vfs.OpenOS(dir)
	if err != nil {
		return err
	}
	return errors.Join(fsys.SyncDir("."), fsys.Close())
}

// room refuses a build that would not fit.
func (b *build) room(bytes int64) error {
	space, err := b.fsys.Space(".")
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err == nil && space.Free < bytes {
		err = fmt.Errorf("%s has room for %d bytes, and %d are to be copied", filepath.Dir(b.path), space.Free, bytes)
	}
	return err
}

// bring brings files of partitions, with the directories that they lie in.
func (b *build) bring(partitions []*partition, o *Options) error {
	for _, p := range partitions {
		if err := b.mkdir(p.to, p.mode); err != nil {
			return err
		}
	}
	files := allFiles(partitions)
	var done, total, copied int64
	for _, f := range files {
		total += f.bytes
		if !f.link {
			copied += f.bytes
		}
	}
	if err := b.room(copied); err != nil {
		return err
	}
	for i := range files {
		f := &files[i]
		if err := o.tell(Copying, f.from, done, total); err != nil {
			return err
		}
		if f.link {
			b.linked[f.to] = true
		}
		err := f.bring(b.dir, func(n int64) error {
			done += n
			return o.tell(Copying, f.from, done, total)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// verify reads all that is in the build.
func (b *build) verify(o *Options) error {
	if o.Unverified {
		return nil
	}
	report, err := logstore.Check(b.fsys, ".", logstore.CheckOptions{Progress: func(p logstore.CheckProgress) error {
		return o.tell(Verifying, p.File, p.Done, p.Total)
	}})
	if errors.Is(err, logstore.ErrNotFound) {
		return nil // there is no partition
	}
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.Severity == logstore.Fault {
			return fmt.Errorf("%w: %s, byte %d: %s (%d faults in all): 'moldau log verify' of the source tells them all, and 'moldau log repair' mends them",
				ErrDamaged, f.File, f.Offset, f.Text, report.Faults())
		}
	}
	return nil
}
