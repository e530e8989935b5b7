package logstore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"moldau/logstore/vfs"
)

// backup is the directory that holds all files as they were.
type backup struct {
	fs   vfs.FS
	dir  string
	base string // directory that names in the backup are relative to
	made bool
}

// openBackup chooses the directory; it is made with the first file.
func (r *repair) openBackup(s *repairScope) (backup, error) {
	b := backup{fs: r.o.BackupFS, dir: r.o.Backup, base: s.store}
	if s.store == "" {
		b.base = path.Dir(s.home())
	}
	if b.dir != "" {
		if _, err := b.fs.Stat(path.Join(b.dir, receiptFile)); err == nil {
			return b, fmt.Errorf("%w: %s", errReceipt, b.dir)
		}
		return b, nil
	}
	stamp := "repair-" + r.o.Clock.Now().UTC().Format("20060102T150405Z")
	switch {
	case s.store != "":
		b.dir = path.Join(s.store, ownDir, stamp)
	case s.home() == ".":
		return b, errors.New("nothing can lie beside the root of the file system: name a backup directory")
	default:
		b.dir = s.home() + "-" + stamp
	}
	for name, i := b.dir, 2; ; i++ {
		_, err := b.fs.Stat(b.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		b.dir = fmt.Sprintf("%s-%d", name, i)
	}
}

// take copies, durably, every file that is going to change or to go.
func (b *backup) take(r *repair, changes []*plannedChange) error {
	var total int64
	for _, c := range changes {
		if info, err := r.fs.Stat(c.File); err == nil {
			total += info.Size()
		}
	}
	r.enter("back up", total)
	if err := makeDirs(b.fs, b.dir); err != nil {
		return err
	}
	r.receipt.Backup = b.dir
	dirs := map[string]bool{}
	for _, c := range changes {
		if err := b.copy(r, &c.Change); err != nil {
			return err
		}
		if c.Backup != "" {
			dirs[path.Dir(path.Join(b.dir, c.Backup))] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := b.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return b.fs.SyncDir(b.dir)
}

// copy copies the file of one change, if there is one.
func (b *backup) copy(r *repair, c *Change) error {
	f, err := r.fs.OpenFile(c.File, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if err := b.name(c); err != nil {
		return err
	}
	to := path.Join(b.dir, c.Backup)
	if err := makeDirs(b.fs, path.Dir(to)); err != nil {
		return err
	}
	c.Old, err = writeWhole(b.fs, to, os.O_EXCL, func(w io.Writer) error {
		return copyRange(&progressWriter{w, r, c.File}, f, 0, size)
	})
	return err
}

// name chooses where the copy goes. A file may be copied twice, before and after
// the engine's own recovery.
func (b *backup) name(c *Change) error {
	name := c.File
	if b.base != "." {
		name = strings.TrimPrefix(name, b.base+"/")
	}
	for i := 1; ; i++ {
		c.Backup = name
		if i > 1 {
			c.Backup = fmt.Sprintf("%s.%d", name, i)
		}
		_, err := b.fs.Stat(path.Join(b.dir, c.Backup))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (b *backup) writeReceipt(r *Receipt) error {
	text, err := r.encode()
	if err != nil {
		return err
	}
	return replaceFile(b.fs, path.Join(b.dir, receiptFile), text, true)
}

// progressWriter counts what passes.
type progressWriter struct {
	w    io.Writer
	r    *repair
	file string
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if err == nil {
		err = p.r.progress(p.file, int64(n))
	}
	return n, err
}

// fileWriter writes a file from its start on.
type fileWriter struct {
	f  vfs.File
	at int64
}

func (w *fileWriter) Write(b []byte) (int, error) {
	n, err := w.f.WriteAt(b, w.at)
	w.at += int64(n)
	return n, err
}

// copyRange copies a part of a file.
func copyRange(w io.Writer, f io.ReaderAt, from, bytes int64) error {
	buffer := make([]byte, max(min(scanWindowBytes, bytes), 1))
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(f, from, bytes)}, buffer)
	if err == nil && n < bytes {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// writeWhole writes a new file and syncs it, not its directory.
func writeWhole(fsys vfs.FS, name string, flag int, content func(io.Writer) error) (*Digest, error) {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|flag, filePerm)
	if err != nil {
		return nil, spaceError(err)
	}
	sum := sha256.New()
	w := &fileWriter{f: f}
	if err = content(io.MultiWriter(w, sum)); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, spaceError(err)
	}
	return &Digest{w.at, hex.EncodeToString(sum.Sum(nil))}, nil
}

// rewrite puts a new file in place of the old one: whatever crash follows, there
// is one of the two. The caller syncs the directory.
func (r *repair) rewrite(c *Change, content func(io.Writer) error) (err error) {
	tmp := c.File + ".tmp"
	if c.New, err = writeWhole(r.fs, tmp, os.O_TRUNC, content); err != nil {
		return err
	}
	return r.fs.Rename(tmp, c.File)
}

// remove unlinks a file that was copied.
func (r *repair) remove(name string) error {
	return ignore(r.fs.Remove(name), fs.ErrNotExist)
}
