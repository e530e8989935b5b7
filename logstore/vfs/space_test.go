package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"moldau/logstore/vfs"
)

func TestSpace(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		must(t, fsys.Mkdir("d", 0o755))
		put(t, fsys, "d/f", "abc")
		for _, name := range []string{".", "d", "d/f"} {
			space, err := fsys.Space(name)
			must(t, err)
			if space.Free <= 0 || space.Total < space.Free {
				t.Errorf("Space(%s) = %+v", name, space)
			}
		}
		_, err := fsys.Space("none")
		wantErr(t, "Space", err, fs.ErrNotExist)
		wantTree(t, fsys, "d/", "d/f=abc")
	})
}

func TestInode(t *testing.T) {
	forEachFS(t, func(t *testing.T, fsys vfs.FS) {
		inode := func(name string) uint64 {
			info, err := fsys.Stat(name)
			must(t, err)
			return vfs.Inode(info)
		}
		must(t, fsys.Mkdir("d", 0o755))
		put(t, fsys, "f", "abc")
		put(t, fsys, "g", "abc")
		if inode("f") == 0 || inode("f") == inode("g") || inode("f") == inode("d") || inode("d") == inode(".") {
			t.Fatalf("inodes are %d, %d, %d, %d", inode("f"), inode("g"), inode("d"), inode("."))
		}
		before := inode("f")
		must(t, fsys.Rename("f", "d/h"))
		put(t, fsys, "f", "abc")
		if inode("d/h") != before || inode("f") == before {
			t.Fatalf("%d became %d, and a new file is %d", before, inode("d/h"), inode("f"))
		}
		entries, err := fsys.ReadDir("d")
		must(t, err)
		info, err := entries[0].Info()
		must(t, err)
		if vfs.Inode(info) != before {
			t.Fatalf("ReadDir tells inode %d, Stat %d", vfs.Inode(info), before)
		}
	})
}

func TestInodesOutliveCrashes(t *testing.T) {
	m := vfs.NewMem()
	put(t, m, "f", "")
	must(t, m.SyncDir("."))
	info, err := m.Stat("f")
	must(t, err)
	put(t, m, "lost", "")
	for _, after := range []*vfs.Mem{m.Clone(), m.Clone().CrashPartly(least), m.Crash()} {
		again, err := after.Stat("f")
		must(t, err)
		put(t, after, "new", "")
		fresh, err := after.Stat("new")
		must(t, err)
		if vfs.Inode(again) != vfs.Inode(info) || vfs.Inode(fresh) <= vfs.Inode(info)+1 {
			t.Fatalf("inode %d became %d, a new file is %d", vfs.Inode(info), vfs.Inode(again), vfs.Inode(fresh))
		}
	}
}

func TestInodeOfForeignInfo(t *testing.T) {
	if got := vfs.Inode(foreignInfo{}); got != 0 {
		t.Fatalf("Inode = %d", got)
	}
}

type foreignInfo struct{ fs.FileInfo }

func (foreignInfo) Sys() any { return nil }

const block = 4096

func wantFree(t *testing.T, m *vfs.Mem, blocks int64) {
	t.Helper()
	space, err := m.Space(".")
	must(t, err)
	if space.Free != blocks*block {
		t.Fatalf("%d bytes are free, want %d blocks", space.Free, blocks)
	}
}

func TestFullDisk(t *testing.T) {
	for _, c := range []struct {
		off  int64
		bufs []int
		want int
	}{
		{0, []int{4 * block}, 4 * block},
		{0, []int{5 * block}, 4 * block},
		{10, []int{4 * block}, 4*block - 10},
		{10, []int{block, block, 3 * block, 7}, 4*block - 10},
		{10 * block, []int{4*block + 1}, 4 * block},
		{block - 1, []int{1, 3 * block, 1}, 3*block + 1},
	} {
		for _, vectored := range []bool{false, true} {
			t.Run(fmt.Sprint(c.off, c.bufs, vectored), func(t *testing.T) {
				m := vfs.NewMem()
				m.SetCapacity(4*block + block/2) // half a block is of no use
				f := create(t, m, "f", "")
				var all strings.Builder
				var bufs [][]byte
				for i, n := range c.bufs {
					b := strings.Repeat(string(rune('a'+i)), n)
					all.WriteString(b)
					bufs = append(bufs, []byte(b))
				}
				var n int
				var err error
				if vectored {
					n, err = f.WritevAt(bufs, c.off)
				} else {
					n, err = f.WriteAt([]byte(all.String()), c.off)
				}
				if n != c.want || (n < all.Len()) != errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("wrote %d, %v, want %d of %d", n, err, c.want, all.Len())
				}
				if got := contentOf(t, f)[c.off:]; got != all.String()[:n] {
					t.Fatal("what was written is not what did fit")
				}
				if n == all.Len() {
					return
				}
				if n, err := f.WriteAt([]byte("x"), 100*block); n != 0 || !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("wrote %d behind a full disk, %v", n, err)
				}
				if size, _ := f.Size(); size != c.off+int64(n) {
					t.Fatalf("a write of nothing made the file %d bytes long", size)
				}
				_, err = f.WriteAt([]byte("over"), c.off)
				must(t, err)
				must(t, f.Truncate(1000*block)) // a hole
				must(t, m.Mkdir("d", 0o755))
			})
		}
	}
}

func TestRoomComesBack(t *testing.T) {
	m := vfs.NewMem()
	m.SetCapacity(10 * block)
	a, b := create(t, m, "a", strings.Repeat("a", 3*block)), create(t, m, "b", strings.Repeat("b", 4*block))
	wantFree(t, m, 3)
	must(t, a.Truncate(block+1))
	wantFree(t, m, 4)
	must(t, a.Truncate(9*block))
	wantFree(t, m, 4)
	must(t, a.Truncate(block))
	wantFree(t, m, 5)
	must(t, a.Sync())
	must(t, m.Remove("a"))
	wantFree(t, m, 5) // it is open
	again := open(t, m, "b", os.O_RDONLY)
	must(t, a.Close())
	wantFree(t, m, 6)
	must(t, m.Rename("b", "c"))
	create(t, m, "d", "d")
	wantFree(t, m, 5)
	must(t, m.Rename("d", "c")) // b has lost its name
	must(t, b.Close())
	wantErr(t, "second Close", b.Close(), fs.ErrClosed)
	wantFree(t, m, 5)
	must(t, again.Close())
	wantFree(t, m, 9)
	l, err := m.Lock("c")
	must(t, err)
	must(t, m.Remove("c"))
	wantFree(t, m, 9) // d is open, and locked
	must(t, l.Close())
	wantFree(t, m, 9)
	must(t, open(t, m, "e", os.O_RDWR|os.O_CREATE).Close())
	wantFree(t, m, 9)
	must(t, m.Remove("e"))
	wantFree(t, m, 9)
	must(t, m.Mkdir("dir", 0o755))
	put(t, m, "f", "f")
	wantFree(t, m, 8)
	must(t, m.Rename("f", "dir/f")) // from one directory to another
	wantFree(t, m, 8)
	f := open(t, m, "dir/f", os.O_RDWR|os.O_TRUNC)
	wantFree(t, m, 9)
	must(t, f.Close())
}

func TestRoomAfterACrash(t *testing.T) {
	m := vfs.NewMem()
	m.SetCapacity(10 * block)
	f := create(t, m, "f", strings.Repeat("f", 2*block))
	must(t, f.Sync())
	must(t, m.Mkdir("d", 0o755))
	must(t, m.SyncDir("."))
	_, err := f.WriteAt([]byte("more"), 5*block)
	must(t, err)
	unnamed := create(t, m, "unnamed", "u")
	must(t, m.Remove("unnamed"))
	wantFree(t, m, 6)
	wantFree(t, m.Clone(), 7) // in which nobody has it open
	wantFree(t, m.Clone().Crash(), 8)
	wantFree(t, m.Clone().CrashPartly(least), 8)
	wantFree(t, m.Clone().CrashPartly(greatest), 7)
	must(t, m.Remove("f"))
	must(t, f.Close())
	wantFree(t, m, 9)
	must(t, unnamed.Close())
	wantFree(t, m, 10)
	after := m.Crash()
	wantFree(t, after, 8)                            // the removal was not durable
	runScript(t, after, "rename f d/f \n syncdir d") // and one file has two names
	twice := after.Crash()
	wantFree(t, twice, 8)
	must(t, twice.Remove("f"))
	wantFree(t, twice, 8)
	must(t, twice.Remove("d/f"))
	wantFree(t, twice, 10)
}

func TestCapacityMayChange(t *testing.T) {
	m := vfs.NewMem()
	space, err := m.Space(".")
	must(t, err)
	if space.Free != math.MaxInt64 {
		t.Fatalf("%d bytes are free without a limit", space.Free)
	}
	f := create(t, m, "f", strings.Repeat("f", 3*block))
	m.SetCapacity(2 * block)
	if space, _ = m.Space("."); space != (vfs.Space{Free: 0, Total: 2 * block}) {
		t.Fatalf("more than full: %+v", space)
	}
	_, err = f.WriteAt([]byte("x"), 3*block)
	wantErr(t, "WriteAt", err, syscall.ENOSPC)
	m.SetCapacity(4 * block)
	_, err = f.WriteAt([]byte("x"), 3*block)
	must(t, err)
	m.SetCapacity(0)
	_, err = f.WriteAt([]byte("x"), 100*block)
	must(t, err)
}
