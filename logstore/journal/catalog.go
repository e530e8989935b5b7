package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	fsys  vfs.FS
	names []string // of files
	runs  []run

	mu   sync.Mutex
	open []vfs.File // under mu, by name; nil if not open
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

const (
	runBytesMax = 1 << 31 // of where a record in it begins
	// openMax is how many files of a catalog stay open. More are opened each time
	// that they are read.
	openMax = 64
)

// NewCatalog returns one that has found nothing.
func NewCatalog(fsys vfs.FS) *Catalog { return &Catalog{fsys: fsys} }

// Scan is the function of that name, and enters what it finds.
func (c *Catalog) Scan(dir string, from uint64, f func(h Header, at Place) error) (Report, error) {
	return scan(c.fsys, dir, from, func(good goodRecord) error { return f(good.header, c.enter(good)) })
}

// ReadExtract is the function of that name, and enters what it finds.
func (c *Catalog) ReadExtract(name string, f func(h Header, at Place) error) error {
	return readExtract(c.fsys, name, func(good goodRecord) error { return f(good.header, c.enter(good)) })
}

// enter notes a record, which lies behind the one before or in another file.
func (c *Catalog) enter(good goodRecord) Place {
	if n := len(c.names); n == 0 || c.names[n-1] != good.file {
		c.names = append(c.names, good.file)
		c.open = append(c.open, nil)
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
	f, err := c.file(r.file)
	if err != nil {
		return h, nil, err
	}
	if int64(len(*buffer)) < int64(p.bytes) {
		*buffer = make([]byte, p.bytes)
	}
	b, at := (*buffer)[:p.bytes], r.at+int64(p.at)
	n, err := f.ReadAt(b, at)
	if !c.keeps(r.file) {
		_ = f.Close() // it was only read
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return h, nil, err
	}
	if found := decodeRecord(b[:n], r.salt); found.whole && found.size == len(b) {
		return found.header, found.payload, nil
	}
	return h, nil, fmt.Errorf("%s: %w at byte %d, and was whole", c.names[r.file], ErrCorrupt, at)
}

func (c *Catalog) keeps(file uint32) bool { return file < openMax }

// file is an open file.
func (c *Catalog) file(i uint32) (vfs.File, error) {
	if !c.keeps(i) {
		return c.fsys.OpenFile(c.names[i], os.O_RDONLY, 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[i] == nil {
		f, err := c.fsys.OpenFile(c.names[i], os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		c.open[i] = f
	}
	return c.open[i], nil
}

// Close closes the files. Read may be used again.
func (c *Catalog) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.open {
		if f != nil {
			_ = f.Close() // it was only read
			c.open[i] = nil
		}
	}
}
