package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"moldau/logstore/vfs"
)

// everyOp does each kind of operation once and returns the errors by kind.
// f is an open file of fsys, l a lock; both are closed.
func everyOp(fsys vfs.FS, f vfs.File, l io.Closer) map[vfs.OpKind]error {
	errs := map[vfs.OpKind]error{}
	opened, err := fsys.OpenFile("f", os.O_RDONLY, 0)
	errs[vfs.OpOpen] = err
	if err == nil {
		_ = opened.Close()
	}
	created, err := fsys.OpenFile("c", os.O_RDWR|os.O_CREATE, 0o644)
	errs[vfs.OpCreate] = err
	if err == nil {
		_ = created.Close()
	}
	_, errs[vfs.OpRead] = f.ReadAt(make([]byte, 2), 1)
	_, errs[vfs.OpWrite] = f.WriteAt([]byte("x"), 3)
	errs[vfs.OpTruncate] = f.Truncate(3)
	errs[vfs.OpSync] = f.Sync()
	errs[vfs.OpMkdir] = fsys.Mkdir("m", 0o755)
	errs[vfs.OpRename] = fsys.Rename("from", "to")
	errs[vfs.OpRemove] = fsys.Remove("r")
	errs[vfs.OpSyncDir] = fsys.SyncDir("d")
	_, errs[vfs.OpStat] = fsys.Stat("f")
	_, errs[vfs.OpReadDir] = fsys.ReadDir("d")
	_, errs[vfs.OpSpace] = fsys.Space("f")
	errs[vfs.OpSetTime] = fsys.SetModTime("f", time.UnixMilli(1))
	errs[vfs.OpSyncAll] = vfs.SyncAll(fsys, "d", []vfs.File{f})
	lock, err := fsys.Lock("l")
	errs[vfs.OpLock] = err
	if err == nil {
		_ = lock.Close()
	}
	errs[vfs.OpClose] = errors.Join(f.Close(), l.Close())
	return errs
}

func newFaultTree(t *testing.T) (*vfs.Fault, *vfs.Mem, vfs.File, io.Closer) {
	t.Helper()
	m := vfs.NewMem()
	must(t, m.Mkdir("d", 0o755))
	put(t, m, "f", "abc")
	put(t, m, "from", "")
	put(t, m, "r", "")
	fsys := vfs.NewFault(m)
	l, err := fsys.Lock("held")
	must(t, err)
	return fsys, m, open(t, fsys, "f", os.O_RDWR), l
}

func TestFaultSeesEveryOperation(t *testing.T) {
	fsys, _, f, l := newFaultTree(t)
	var seen []string
	last := fsys.Ops()
	fsys.SetHook(func(op vfs.Op) error {
		if last++; op.Seq != last {
			t.Errorf("%s has Seq %d, want %d", op.Kind, op.Seq, last)
		}
		seen = append(seen, strings.TrimSpace(fmt.Sprintln(op.Kind, op.Name, op.NewName, op.Offset, op.Length)))
		return nil
	})
	for kind, err := range everyOp(fsys, f, l) {
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	want := []string{
		"open f  0 0", "close f  0 0", "create c  0 0", "close c  0 0", "read f  1 2", "write f  3 1",
		"truncate f  0 3", "sync f  0 0", "mkdir m  0 0", "rename from to 0 0", "remove r  0 0", "syncdir d  0 0",
		"stat f  0 0", "readdir d  0 0", "space f  0 0", "settime f  0 0", "syncall d  0 0", "lock l  0 0", "close l  0 0", "close f  0 0", "close held  0 0",
	}
	if !slices.Equal(seen, want) {
		t.Fatalf("the hook saw\n%q, want\n%q", seen, want)
	}
	if got := fsys.Ops(); got != last {
		t.Fatalf("Ops() = %d, want %d", got, last)
	}
}

func TestFaultInjectsErrors(t *testing.T) {
	kinds := []vfs.OpKind{
		vfs.OpOpen, vfs.OpCreate, vfs.OpRead, vfs.OpWrite, vfs.OpTruncate, vfs.OpSync, vfs.OpMkdir,
		vfs.OpRename, vfs.OpRemove, vfs.OpSyncDir, vfs.OpStat, vfs.OpReadDir, vfs.OpLock, vfs.OpSpace, vfs.OpSetTime, vfs.OpSyncAll, vfs.OpClose,
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			fsys, m, f, l := newFaultTree(t)
			fsys.SetHook(func(op vfs.Op) error {
				if op.Kind == kind {
					return syscall.EIO
				}
				return nil
			})
			opsBefore := m.Ops()
			for k, err := range everyOp(fsys, f, l) {
				if k == kind {
					wantErr(t, string(k), err, syscall.EIO)
					var pathErr *fs.PathError
					if !errors.As(err, &pathErr) || pathErr.Op != string(kind) {
						t.Errorf("%s: %v does not name the operation", k, err)
					}
				} else {
					must(t, err)
				}
			}
			reached := map[vfs.OpKind]int64{
				vfs.OpOpen: 19, vfs.OpCreate: 19, vfs.OpLock: 19, // nothing to close
				vfs.OpClose: 21, // closed all the same
			}
			want, ok := reached[kind]
			if !ok {
				want = 20
			}
			if got := m.Ops() - opsBefore; got != want {
				t.Errorf("%d operations reached the disk, want %d", got, want)
			}
			if fsys.Crashed() {
				t.Error("an error crashed it")
			}
		})
	}
}

func TestShortWrite(t *testing.T) {
	for _, c := range []struct {
		n     int
		wantN int
		want  string
	}{{0, 0, "abc"}, {1, 1, "Xbc"}, {4, 4, "XYZ1"}, {6, 6, "XYZ12!"}, {100, 6, "XYZ12!"}, {-1, 0, "abc"}} {
		for _, vectored := range []bool{false, true} {
			for _, cause := range []error{syscall.ENOSPC, vfs.ErrCrashed} {
				t.Run(fmt.Sprint(c.n, vectored, cause), func(t *testing.T) {
					m := vfs.NewMem()
					put(t, m, "f", "abc")
					fsys := vfs.NewFault(m)
					f := open(t, fsys, "f", os.O_RDWR)
					fsys.SetHook(func(vfs.Op) error { return vfs.ShortWrite(c.n, cause) })
					var n int
					var err error
					if vectored {
						n, err = f.WritevAt([][]byte{[]byte("XYZ"), nil, []byte("12!")}, 0)
					} else {
						n, err = f.WriteAt([]byte("XYZ12!"), 0)
					}
					wantErr(t, "write", err, cause)
					if n != c.wantN {
						t.Errorf("wrote %d bytes, want %d", n, c.wantN)
					}
					if got := get(t, m, "f"); got != c.want {
						t.Errorf("content is %q, want %q", got, c.want)
					}
					if fsys.Crashed() != (cause == vfs.ErrCrashed) {
						t.Errorf("Crashed() = %v", fsys.Crashed())
					}
				})
			}
		}
	}
	t.Run("inner error wins", func(t *testing.T) {
		fsys := vfs.NewFault(vfs.NewMem())
		put(t, fsys, "f", "abc")
		f := open(t, fsys, "f", os.O_RDONLY)
		fsys.SetHook(func(vfs.Op) error { return vfs.ShortWrite(1, syscall.ENOSPC) })
		_, err := f.WriteAt([]byte("x"), 0)
		wantErr(t, "write", err, syscall.EBADF)
	})
	t.Run("of another operation", func(t *testing.T) {
		fsys, m, f, _ := newFaultTree(t)
		fsys.SetHook(func(vfs.Op) error { return vfs.ShortWrite(1, syscall.ENOSPC) })
		wantErr(t, "truncate", f.Truncate(0), syscall.ENOSPC)
		if got := get(t, m, "f"); got != "abc" {
			t.Errorf("content is %q", got)
		}
	})
}

func TestFaultCrashIsFinal(t *testing.T) {
	fsys, m, f, l := newFaultTree(t)
	asked := 0
	fsys.SetHook(func(vfs.Op) error {
		asked++
		return fmt.Errorf("power: %w", vfs.ErrCrashed)
	})
	wantErr(t, "sync", f.Sync(), vfs.ErrCrashed)
	fsys.SetHook(nil)
	before := m.Ops()
	_, err := f.Size()
	wantErr(t, "size", err, vfs.ErrCrashed)
	for kind, err := range everyOp(fsys, f, l) {
		wantErr(t, string(kind), err, vfs.ErrCrashed)
	}
	if !fsys.Crashed() || asked != 1 {
		t.Errorf("Crashed() = %v, the hook was asked %d times", fsys.Crashed(), asked)
	}
	if got := m.Ops() - before; got != 2 {
		t.Errorf("%d operations reached the disk, want the 2 closes", got)
	}
	lock, err := m.Lock("held") // which the close gave up
	must(t, err)
	must(t, lock.Close())
}

// replaceFile is how checkpoints are written; a step left out is a bug that
// crashes must find.
func replaceFile(fsys vfs.FS, content string, skip vfs.OpKind) error {
	f, err := fsys.OpenFile("c.tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(content), 0)
	if err == nil && skip != vfs.OpSync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename("c.tmp", "c"); err != nil {
		return err
	}
	if skip == vfs.OpSyncDir {
		return nil
	}
	return fsys.SyncDir(".")
}

// TestCrashAtEveryOperation stops a replacement before each of its operations
// and cuts the power. It is also the check that the two together find bugs.
func TestCrashAtEveryOperation(t *testing.T) {
	for _, c := range []struct {
		skip vfs.OpKind
		bug  bool
	}{
		{skip: ""}, {skip: vfs.OpSync, bug: true}, {skip: vfs.OpSyncDir, bug: true},
	} {
		t.Run("without "+string(c.skip), func(t *testing.T) {
			bugs := 0
			for at := int64(1); ; at++ {
				m := vfs.NewMem()
				must(t, replaceFile(m, "old", ""))
				fsys := vfs.NewFault(m)
				fsys.SetHook(func(op vfs.Op) error {
					if op.Seq == at {
						return vfs.ErrCrashed
					}
					return nil
				})
				err := replaceFile(fsys, "new", c.skip)
				got := get(t, m.Crash(), "c")
				if got != "new" && (got != "old" || err == nil) {
					bugs++
				}
				if err == nil {
					break
				}
				wantErr(t, "replaceFile", err, vfs.ErrCrashed)
			}
			if (bugs > 0) != c.bug {
				t.Fatalf("%d crashes lost the file", bugs)
			}
		})
	}
}

func TestSyncHangsAsLongAsItsHook(t *testing.T) {
	fsys := vfs.NewFault(vfs.NewMem())
	f := create(t, fsys, "f", "abc")
	hangs, release, synced := make(chan struct{}), make(chan struct{}), make(chan error)
	fsys.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			close(hangs)
			<-release
		}
		return nil
	})
	go func() { synced <- f.Sync() }()
	<-hangs
	_, err := f.WriteAt([]byte("d"), 3) // all else goes on
	must(t, err)
	wantTree(t, fsys, "f=abcd")
	must(t, fsys.SyncDir("."))
	select {
	case err := <-synced:
		t.Fatalf("Sync returned %v while its hook hung", err)
	default:
	}
	close(release)
	must(t, <-synced)
}

func TestFaultPassesOSFile(t *testing.T) {
	fsys := vfs.NewFault(openOS(t, t.TempDir()))
	f := create(t, fsys, "f", "abc")
	b := make([]byte, 3)
	if _, err := f.OSFile().ReadAt(b, 0); err != nil || string(b) != "abc" {
		t.Fatalf("through the descriptor: %q, %v", b, err)
	}
	osFile := f.OSFile()
	fsys.SetHook(func(vfs.Op) error { return syscall.EIO })
	wantErr(t, "Close", f.Close(), syscall.EIO)
	_, err := osFile.Stat()
	wantErr(t, "Stat of the descriptor", err, os.ErrClosed)
}
