package journal

import (
	"errors"
	"io"
	"os"

	"moldau/logstore/vfs"
)

// windowBytes is how much is read at once.
const windowBytes = 256 << 10

// reader reads one journal file after the other, through a window that is as
// large as the largest commit met at most.
type reader struct {
	file   vfs.File
	size   int64
	at     int64 // of the window in the file
	window []byte
	buffer []byte
}

// open goes to another file.
func (r *reader) open(fsys vfs.FS, name string) error {
	r.close()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.size, r.window = f, size, nil
	return nil
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close() // it was only read
	}
	r.file = nil
}

// view returns n bytes at off, which are good until the next view, or what
// there is before the end of the file.
func (r *reader) view(off, n int64) ([]byte, error) {
	if off >= r.size {
		return nil, nil
	}
	n = min(n, r.size-off)
	if i := off - r.at; i >= 0 && i+n <= int64(len(r.window)) {
		return r.window[i : i+n : i+n], nil
	}
	want := min(max(n, windowBytes), r.size-off)
	if int64(len(r.buffer)) < want {
		r.buffer = make([]byte, want)
	}
	r.window = nil
	got, err := r.file.ReadAt(r.buffer[:want], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r.at, r.window = off, r.buffer[:got]
	n = min(n, int64(got))
	return r.window[:n:n], nil
}

// fileHeaderAt reads the file's header.
func (r *reader) fileHeader() (h fileHeader, ok bool, err error) {
	b, err := r.view(0, fileHeaderBytes)
	if err != nil {
		return h, false, err
	}
	h, ok = decodeFileHeader(b)
	if ok && h.version != version {
		return h, false, ErrVersion
	}
	return h, ok, nil
}

// commitHeader reads the header at off of a commit that fits the file.
func (r *reader) commitHeader(off int64, generation uint64) (h commitHeader, ok, begun bool, err error) {
	b, err := r.view(off, commitHeaderBytes)
	if err != nil {
		return h, false, false, err
	}
	h, ok, begun = decodeCommitHeader(b, generation)
	return h, ok && off+int64(h.bytes) <= r.size, begun, nil
}

// commitHeaders calls f for each commit header from off on, whatever lies
// between them. It looks at every block outside the commits that it finds.
func (r *reader) commitHeaders(f func(off int64, h commitHeader)) error {
	for off := int64(blockBytes); off < r.size; {
		h, ok, _, err := r.commitHeader(off, 0)
		if err != nil {
			return err
		}
		if !ok {
			off += blockBytes
			continue
		}
		f(off, h)
		off += padded(int64(h.bytes))
	}
	return nil
}

// finding is a record of a commit, or the place of one.
type finding struct {
	rawRecord
	at   int64  // in the commit
	salt uint32 // of its checksums
}

// records calls f for each record of the commit that b holds from its first
// byte to the last of its table, or to where it was cut off. It stops where the
// next record cannot be found, after a finding that is not whole, and at an
// error of f.
func records(b []byte, c commitHeader, f func(finding) error) error {
	if len(b) < commitHeaderBytes {
		return nil // the file became shorter
	}
	s := salt(c.putNumbers(make([]byte, commitHeaderBytes)))
	end := int64(c.bytes) - int64(c.records)*tableEntryBytes - crcBytes
	var table []byte
	if int64(len(b)) == int64(c.bytes) && tableValid(b[end:], end-commitHeaderBytes, s) {
		table = b[end:]
	}
	return walk(b[:min(end, int64(len(b)))], int64(c.records), table, s, f)
}

// walk goes by the table or, where that is nil, from record to record.
func walk(b []byte, count int64, table []byte, salt uint32, f func(finding) error) error {
	at := commitHeaderBytes
	for i := int64(0); i < count && at <= len(b); i++ {
		end := len(b)
		if table != nil {
			end = at + int(big.Uint32(table[i*tableEntryBytes:]))
		}
		r := decodeRecord(b[at:end], salt)
		if table != nil {
			r.whole = r.whole && r.size == end-at
		} else {
			end = at + r.size
		}
		if err := f(finding{r, int64(at), salt}); err != nil {
			return err
		}
		if end == at {
			return nil
		}
		at = end
	}
	return nil
}
