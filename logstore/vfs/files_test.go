package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/vfs"
)

func TestFileReadsAndWrites(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "abcdef")
		_, err := f.WriteAt([]byte("XY"), 2)
		must(t, err)
		if n, err := f.WriteAt(nil, 1000); n != 0 || err != nil {
			t.Fatalf("empty WriteAt = %d, %v", n, err)
		}
		for _, c := range []struct {
			off  int64
			size int
			want string
			err  error
		}{
			{0, 6, "abXYef", nil}, {2, 2, "XY", nil}, {4, 4, "ef", io.EOF},
			{6, 1, "", io.EOF}, {100, 1, "", io.EOF}, {6, 0, "", nil},
		} {
			b := make([]byte, c.size)
			n, err := f.ReadAt(b, c.off)
			if string(b[:n]) != c.want || err != c.err {
				t.Errorf("ReadAt(%d bytes, %d) = %q, %v, want %q, %v", c.size, c.off, b[:n], err, c.want, c.err)
			}
		}
		must(t, f.Sync())
		for _, off := range []int64{-1, -1 << 62} {
			_, err = f.ReadAt(make([]byte, 1), off)
			wantAnyErr(t, "ReadAt before the start", err)
			_, err = f.WriteAt(make([]byte, 1), off)
			wantAnyErr(t, "WriteAt before the start", err)
			n, err := f.WritevAt([][]byte{make([]byte, 1)}, off)
			wantAnyErr(t, "WritevAt before the start", err)
			if n != 0 {
				t.Fatalf("WritevAt failed after %d bytes", n)
			}
			wantAnyErr(t, "Truncate to a negative length", f.Truncate(off))
		}
		if got := contentOf(t, f); got != "abXYef" {
			t.Fatalf("content is %q", got)
		}
		must(t, f.Close())
	})
}

// TestFileHolesAndTruncation compares with a byte slice around page bounds.
func TestFileHolesAndTruncation(t *testing.T) {
	steps := []struct {
		write, off, truncate int // truncate -1: write
		sync                 bool
	}{
		{10, 4090, -1, true}, {1, 20000, -1, false}, {0, 0, 4093, true}, {0, 0, 9000, false},
		{5000, 100, -1, false}, {0, 0, 4096, true}, {0, 0, 8192, true}, {1, 8192, -1, false},
		{0, 0, 3, false}, {0, 0, 5000, false}, {4, 4998, -1, true}, {0, 0, 0, false}, {3, 0, -1, true},
	}
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "")
		var model []byte
		for i, s := range steps {
			if s.truncate >= 0 {
				must(t, f.Truncate(int64(s.truncate)))
				model = append(model, make([]byte, max(0, s.truncate-len(model)))...)[:s.truncate]
			} else {
				b := bytes.Repeat([]byte{byte('a' + i)}, s.write)
				_, err := f.WriteAt(b, int64(s.off))
				must(t, err)
				model = append(model, make([]byte, max(0, s.off+len(b)-len(model)))...)
				copy(model[s.off:], b)
			}
			model = slices.Clip(model)
			if s.sync {
				must(t, f.Sync())
			}
			if contentOf(t, f) != string(model) {
				t.Fatalf("content differs after step %d", i)
			}
		}
		must(t, f.Close())
	})
}

func TestWritevAt(t *testing.T) {
	many := make([][]byte, 2500) // more than one system call takes
	for i := range many {
		many[i] = []byte{byte(i), byte(i >> 8)}[:i%3%2+1]
	}
	for _, c := range []struct {
		name string
		bufs [][]byte
	}{
		{"none", nil},
		{"empty", [][]byte{{}, nil}},
		{"one", [][]byte{[]byte("abc")}},
		{"with empty ones", [][]byte{nil, []byte("a"), {}, {}, []byte("bc"), nil}},
		{"pages", [][]byte{bytes.Repeat([]byte("x"), 5000), bytes.Repeat([]byte("y"), 9000)}},
		{"many", many},
	} {
		t.Run(c.name, func(t *testing.T) {
			forEachFS(t, func(t *testing.T, fsys vfs.FS) {
				want := bytes.Join(c.bufs, nil)
				before := slices.Clone(c.bufs)
				f := create(t, fsys, "f", "0123")
				n, err := f.WritevAt(c.bufs, 3)
				if n != len(want) || err != nil {
					t.Fatalf("WritevAt = %d, %v, want %d", n, err, len(want))
				}
				if len(want) == 0 {
					want = []byte("3")
				}
				if got := contentOf(t, f); got != "012"+string(want) {
					t.Fatalf("content is %d bytes, not the %d written", len(got), len(want))
				}
				for i := range before {
					if len(before[i]) != len(c.bufs[i]) {
						t.Fatalf("buffer %d was changed", i)
					}
				}
				must(t, f.Close())
			})
		})
	}
}

func TestReadOnlyHandle(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		put(t, fsys, "f", "abc")
		f := open(t, fsys, "f", os.O_RDONLY)
		_, err := f.WriteAt([]byte("x"), 0)
		wantAnyErr(t, "WriteAt", err)
		_, err = f.WritevAt([][]byte{[]byte("x")}, 0)
		wantAnyErr(t, "WritevAt", err)
		wantAnyErr(t, "Truncate", f.Truncate(0))
		if got := contentOf(t, f); got != "abc" {
			t.Fatalf("content is %q", got)
		}
		must(t, f.Close())
	})
}

func TestClosedHandle(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		f := create(t, fsys, "f", "abc")
		must(t, f.Close())
		_, err := f.ReadAt(make([]byte, 1), 0)
		wantErr(t, "ReadAt", err, fs.ErrClosed)
		_, err = f.WriteAt([]byte("x"), 0)
		wantErr(t, "WriteAt", err, fs.ErrClosed)
		_, err = f.WritevAt([][]byte{[]byte("x")}, 0)
		wantErr(t, "WritevAt", err, fs.ErrClosed)
		wantErr(t, "Truncate", f.Truncate(0), fs.ErrClosed)
		wantErr(t, "Sync", f.Sync(), fs.ErrClosed)
		_, err = f.Size()
		wantErr(t, "Size", err, fs.ErrClosed)
		wantErr(t, "Close", f.Close(), fs.ErrClosed)
		wantTree(t, fsys, "f=abc")
	})
}

func TestConcurrentUse(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		const chunk, count = 1000, 40
		f := create(t, fsys, "f", string(bytes.Repeat([]byte{1}, chunk)))
		done := make(chan error, 3)
		go func() { // one appends
			for i := int64(1); i < count; i++ {
				if _, err := f.WritevAt([][]byte{bytes.Repeat([]byte{1}, chunk)}, i*chunk); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		go func() { // one reads what was there before
			b := make([]byte, chunk)
			for range count {
				if _, err := f.ReadAt(b, 0); err != nil || bytes.IndexByte(b, 0) >= 0 {
					done <- errors.Join(errors.New("read failed"), err)
					return
				}
			}
			done <- nil
		}()
		go func() { // one syncs and looks around
			for range count {
				_, statErr := fsys.Stat("f")
				if err := errors.Join(f.Sync(), fsys.SyncDir("."), statErr); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for range cap(done) {
			must(t, <-done)
		}
		if got := contentOf(t, f); strings.Count(got, "\x01") != chunk*count {
			t.Fatalf("%d bytes of %d", len(got), chunk*count)
		}
		must(t, f.Close())
	})
}
