package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"moldau/logstore/vfs"
)

// Catalog knows where the records lie that it has found, so that those of one log
// can be read again without the rest, and those of many logs at once. A commit
// costs it 16 bytes of memory, and a record its [Place], which is the caller's to
// keep; the smallest record has 52 bytes and its name.
//
// What is found may be read for as long as nobody opens a [Journal] over it. Scan
// and ReadExtract are one goroutine's, and not beside Read.
type Catalog struct {
	files heldFiles
	names []string // of files
	runs  []run
}

// run is a part of a file in which all checksums begin alike, as those of a commit
// do.
type run struct {
	at   int64 // in the file
	file uint32
	salt uint32
}

// Place is where a catalog has found a record.
type Place struct{ run, at, bytes uint32 }

const runBytesMax = 1 << 31 // of where a record in it begins

// NewCatalog returns one that has found nothing.
func NewCatalog(fsys vfs.FS) *Catalog {
	return &Catalog{files: heldFiles{FS: fsys, open: map[string]vfs.File{}}}
}

// Hold opens the journal's files in dir, and the others that are named, so that
// others may take all descriptors that are left. Of very many files it holds some.
func (c *Catalog) Hold(dir string, names ...string) error {
	slots, err := list(c.files.FS, dir)
	if err != nil {
		return err
	}
	for _, slot := range slots {
		names = append(names, path.Join(dir, fileName(slot)))
	}
	for _, name := range names {
		f, err := c.files.OpenFile(name, os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		_ = f.Close() // it was not even read
	}
	return nil
}

// Scan is the function of that name, and enters what it finds.
func (c *Catalog) Scan(dir string, from uint64, f func(h Header, at Place) error) (Report, error) {
	return scan(&c.files, dir, from, func(good goodRecord) error { return f(good.header, c.enter(good)) })
}

// ReadExtract is the function of that name, and enters what it finds.
func (c *Catalog) ReadExtract(name string, f func(h Header, at Place) error) error {
	return readExtract(&c.files, name, func(good goodRecord) error { return f(good.header, c.enter(good)) })
}

// enter notes a record, which lies behind the one before or in another file.
func (c *Catalog) enter(good goodRecord) Place {
	if n := len(c.names); n == 0 || c.names[n-1] != good.file {
		c.names = append(c.names, good.file)
	}
	file, last := uint32(len(c.names)-1), len(c.runs)-1
	if last < 0 || c.runs[last].file != file || c.runs[last].salt != good.salt || good.offset-c.runs[last].at >= runBytesMax {
		c.runs = append(c.runs, run{good.offset, file, good.salt})
		last++
	}
	return Place{uint32(last), uint32(good.offset - c.runs[last].at), uint32(good.size)}
}

// Read reads a record again, and checks it again. The payload lies in buffer, which
// it lets grow, until that is used again. ErrCorrupt tells that the file is not
// what it was.
func (c *Catalog) Read(p Place, buffer *[]byte) (h Header, payload []byte, err error) {
	r := c.runs[p.run]
	f, err := c.files.OpenFile(c.names[r.file], os.O_RDONLY, 0)
	if err != nil {
		return h, nil, err
	}
	if int64(len(*buffer)) < int64(p.bytes) {
		*buffer = make([]byte, p.bytes)
	}
	b, at := (*buffer)[:p.bytes], r.at+int64(p.at)
	n, err := f.ReadAt(b, at)
	_ = f.Close() // it was only read
	if err != nil && !errors.Is(err, io.EOF) {
		return h, nil, err
	}
	if found := decodeRecord(b[:n], r.salt); found.whole && found.size == len(b) {
		return found.header, found.payload, nil
	}
	return h, nil, fmt.Errorf("%s: %w at byte %d, and was whole", c.names[r.file], ErrCorrupt, at)
}

// Close closes the files. Whatever needs one again opens it.
func (c *Catalog) Close() { c.files.close() }

// heldFiles is a file system of which files stay open that were opened for reading
// once, up to a bound.
type heldFiles struct {
	vfs.FS
	mu   sync.Mutex
	open map[string]vfs.File // under mu
}

const heldFilesMax = 64

func (h *heldFiles) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.open[name]; f != nil {
		return f, nil
	}
	f, err := h.FS.OpenFile(name, flag, perm)
	if err == nil && len(h.open) < heldFilesMax {
		f = heldFile{f}
		h.open[name] = f
	}
	return f, err
}

func (h *heldFiles) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.open {
		_ = f.(heldFile).File.Close() // it was only read
	}
	clear(h.open)
}

// heldFile is closed by who holds it.
type heldFile struct{ vfs.File }

func (heldFile) Close() error { return nil }
