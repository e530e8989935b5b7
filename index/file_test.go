package index_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var errDisk = errors.New("disk failed")

// memFile is a file without an operating system's file behind it. It fails
// when told to.
type memFile struct {
	data []byte
	size int64 // if not 0, what Size claims

	syncs, truncates int

	// The next call of each kind fails if set; a write first writes shortWrite
	// bytes.
	failRead, failWrite, failTruncate, failSync, failSize bool
	shortWrite                                            int
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	if f.failRead {
		return 0, errDisk
	}
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	fail := f.failWrite
	if fail {
		f.failWrite = false
		b = b[:f.shortWrite]
	}
	if grow := int(off) + len(b) - len(f.data); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	copy(f.data[off:], b)
	if fail {
		return len(b), errDisk
	}
	return len(b), nil
}

func (f *memFile) Truncate(size int64) error {
	if f.failTruncate {
		f.failTruncate = false
		return errDisk
	}
	f.truncates++
	if grow := int(size) - len(f.data); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	f.data = f.data[:size]
	return nil
}

func (f *memFile) Sync() error {
	if f.failSync {
		f.failSync = false
		return errDisk
	}
	f.syncs++
	return nil
}

func (f *memFile) Size() (int64, error) {
	if f.failSize {
		return 0, errDisk
	}
	if f.size != 0 {
		return f.size, nil
	}
	return int64(len(f.data)), nil
}

func (f *memFile) OSFile() *os.File { return nil }

// osFile is a real file, so that sealed indexes over it are mapped.
type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) OSFile() *os.File { return f.File }

func newOSFile(t testing.TB, content []byte) osFile {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "index"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return osFile{f}
}

// content reads all of a file.
func content(t testing.TB, f interface {
	io.ReaderAt
	Size() (int64, error)
}) []byte {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func wantBytes(t testing.TB, got, want []byte) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%d bytes % x\nwant %d bytes % x", len(got), got, len(want), want)
	}
}
