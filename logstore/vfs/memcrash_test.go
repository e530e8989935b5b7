package vfs_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"moldau/logstore/vfs"
)

// runScript does one operation per line. Files stay open, known by the name
// they had when they were first used.
func runScript(t *testing.T, fsys vfs.FS, script string) {
	t.Helper()
	opened := map[string]vfs.File{}
	for line := range strings.Lines(script) {
		args := strings.Fields(line)
		if len(args) == 0 {
			continue
		}
		name := args[1]
		f := func() vfs.File {
			if opened[name] == nil {
				opened[name] = open(t, fsys, name, os.O_RDWR|os.O_CREATE)
			}
			return opened[name]
		}
		switch args[0] {
		case "open":
			f()
		case "write":
			off := int64(0)
			if len(args) > 3 {
				_, err := fmt.Sscan(args[3], &off)
				must(t, err)
			}
			_, err := f().WriteAt([]byte(args[2]), off)
			must(t, err)
		case "truncate":
			must(t, f().Truncate(0))
		case "sync":
			must(t, f().Sync())
		case "mkdir":
			must(t, fsys.Mkdir(name, 0o755))
		case "rename":
			must(t, fsys.Rename(name, args[2]))
		case "remove":
			must(t, fsys.Remove(name))
		case "syncdir":
			must(t, fsys.SyncDir(name))
		default:
			t.Fatalf("unknown operation %q", args[0])
		}
	}
}

func TestCrash(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"nothing synced", "write f abc", nil},
		{"file synced, directory not", "write f abc \n sync f", nil},
		{"directory synced, file not", "write f abc \n syncdir .", []string{"f="}},
		{"file then directory", "write f abc \n sync f \n syncdir .", []string{"f=abc"}},
		{"directory then file", "write f abc \n syncdir . \n sync f", []string{"f=abc"}},
		{"content of the last sync", "write f abc \n sync f \n syncdir . \n write f x \n write f yz 3", []string{"f=abc"}},
		{"length is synced with content", "write f abc \n syncdir . \n sync f \n write f d 3 \n sync f", []string{"f=abcd"}},
		{"truncation not synced", "write f abc \n sync f \n syncdir . \n truncate f", []string{"f=abc"}},
		{"truncation synced", "write f abc \n sync f \n syncdir . \n truncate f \n sync f", []string{"f="}},
		{"truncated, rewritten shorter, synced", "write f abc \n sync f \n syncdir . \n truncate f \n write f z \n sync f", []string{"f=z"}},
		{"sync by another handle", "write f abc \n syncdir . \n rename f g \n open g \n sync g", []string{"f=abc"}},

		{"remove not synced", "write f abc \n sync f \n syncdir . \n remove f", []string{"f=abc"}},
		{"remove synced", "write f abc \n sync f \n syncdir . \n remove f \n syncdir .", nil},
		{"removed and created again, not synced", "write f old \n sync f \n syncdir . \n remove f \n write g new \n sync g \n rename g f", []string{"f=old"}},
		{"remove undone, write to the open file kept", "write f abc \n syncdir . \n remove f \n sync f", []string{"f=abc"}},

		{"rename not synced", "write f abc \n sync f \n syncdir . \n rename f g", []string{"f=abc"}},
		{"rename synced", "write f abc \n sync f \n syncdir . \n rename f g \n syncdir .", []string{"g=abc"}},
		{"replacement not synced", "write f old \n sync f \n write g new \n sync g \n syncdir . \n rename g f", []string{"f=old", "g=new"}},
		{"replacement synced", "write f old \n sync f \n write g new \n sync g \n syncdir . \n rename g f \n syncdir .", []string{"f=new"}},
		{"replacement by what was not synced", "write f old \n sync f \n syncdir . \n write g new \n rename g f \n syncdir .", []string{"f="}},
		{"rename there and back", "write f abc \n sync f \n syncdir . \n rename f g \n rename g f", []string{"f=abc"}},

		{"directory not synced in its parent", "mkdir d \n write d/f abc \n sync d/f \n syncdir d", nil},
		{"directory synced, its entries not", "mkdir d \n write d/f abc \n sync d/f \n syncdir .", []string{"d/"}},
		{"directory and entries", "mkdir d \n syncdir . \n write d/f abc \n sync d/f \n syncdir d", []string{"d/", "d/f=abc"}},
		{"grandparent does not sync the parent", "mkdir d \n mkdir d/e \n syncdir . \n syncdir d/e", []string{"d/"}},
		{"directory rename not synced", "mkdir d \n write d/f abc \n sync d/f \n syncdir d \n syncdir . \n rename d e", []string{"d/", "d/f=abc"}},
		{"directory rename synced", "mkdir d \n write d/f abc \n sync d/f \n syncdir d \n syncdir . \n rename d e \n syncdir .", []string{"e/", "e/f=abc"}},
		{"directory removed, not synced", "mkdir d \n write d/f abc \n sync d/f \n syncdir d \n syncdir . \n remove d/f \n remove d", []string{"d/", "d/f=abc"}},
		{"directory emptied, synced, removed, not synced", "mkdir d \n write d/f abc \n syncdir d \n syncdir . \n remove d/f \n syncdir d \n remove d", []string{"d/"}},

		{"moved, neither synced", "mkdir d \n write f abc \n sync f \n syncdir . \n rename f d/f", []string{"d/", "f=abc"}},
		{"moved, both synced", "mkdir d \n write f abc \n sync f \n syncdir . \n rename f d/f \n syncdir . \n syncdir d", []string{"d/", "d/f=abc"}},
		{"moved, source synced", "mkdir d \n write f abc \n sync f \n syncdir . \n rename f d/f \n syncdir .", []string{"d/"}},
		{"moved, target synced", "mkdir d \n write f abc \n sync f \n syncdir . \n rename f d/f \n syncdir d", []string{"d/", "d/f=abc", "f=abc"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := vfs.NewMem()
			runScript(t, m, c.script)
			after := m.Crash()
			wantTree(t, after, c.want...)
			wantTree(t, after.Crash(), c.want...) // what was found is durable
			wantTree(t, m.Crash(), c.want...)     // and the dead tree stays as it was
		})
	}
}

// TestCrashLeavesOneFileUnderBothNames: a half-synced move makes two names of
// one file, not two files.
func TestCrashLeavesOneFileUnderBothNames(t *testing.T) {
	m := vfs.NewMem()
	runScript(t, m, "mkdir d \n write f abc \n sync f \n syncdir . \n rename f d/f \n syncdir d")
	after := m.Crash()
	runScript(t, after, "write f X")
	wantTree(t, after, "d/", "d/f=Xbc", "f=Xbc")
	must(t, after.Rename("f", "d/f")) // rename(2): nothing to do
	wantTree(t, after, "d/", "d/f=Xbc", "f=Xbc")
}

func TestCrashedTreeIsDead(t *testing.T) {
	m := vfs.NewMem()
	f := create(t, m, "f", "abc")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	l, err := m.Lock("lock")
	must(t, err)
	after := m.Crash()
	eachNamed(m, "f", func(op string, err error) {
		t.Helper()
		wantErr(t, op, err, vfs.ErrCrashed)
	})
	_, err = f.ReadAt(make([]byte, 1), 0)
	wantErr(t, "ReadAt", err, vfs.ErrCrashed)
	_, err = f.WriteAt([]byte("x"), 0)
	wantErr(t, "WriteAt", err, vfs.ErrCrashed)
	_, err = f.WritevAt([][]byte{[]byte("x")}, 0)
	wantErr(t, "WritevAt", err, vfs.ErrCrashed)
	wantErr(t, "Truncate", f.Truncate(0), vfs.ErrCrashed)
	wantErr(t, "Sync", f.Sync(), vfs.ErrCrashed)
	_, err = f.Size()
	wantErr(t, "Size", err, vfs.ErrCrashed)
	wantErr(t, "Close", f.Close(), vfs.ErrCrashed)
	wantErr(t, "Close of the lock", l.Close(), vfs.ErrCrashed)
	wantTree(t, after, "f=abc")
	l, err = after.Lock("f") // nobody holds locks after a loss of power
	must(t, err)
	must(t, l.Close())
}

func TestClone(t *testing.T) {
	m := vfs.NewMem()
	runScript(t, m, "mkdir d \n write d/f abc \n sync d/f \n syncdir d \n syncdir . \n write d/f X \n write g new \n remove d/f")
	twin := m.Clone()
	wantTree(t, twin, "d/", "g=new")
	wantTree(t, twin.Clone().Crash(), "d/", "d/f=abc")
	must(t, twin.SyncDir("d"))
	must(t, twin.SyncDir("."))
	wantTree(t, twin.Crash(), "d/", "g=")
	runScript(t, m, "syncdir d \n sync g \n syncdir .")
	wantTree(t, m.Clone().Crash(), "d/", "g=new")
	wantTree(t, m, "d/", "g=new") // alive
	must(t, m.Remove("g"))
	m.Crash()
	_, err := m.Clone().Stat("d")
	wantErr(t, "Stat in the clone of a dead tree", err, vfs.ErrCrashed)
}

// fileModel is a file the plain way: every sync copies all of it.
type fileModel struct{ current, durable []byte }

func (m *fileModel) write(b []byte, off int) {
	m.current = append(m.current, make([]byte, max(0, off+len(b)-len(m.current)))...)
	copy(m.current[off:], b)
}

func (m *fileModel) truncate(size int) {
	m.current = slices.Concat(m.current, make([]byte, max(0, size-len(m.current))))[:size]
}

func (m *fileModel) sync() { m.durable = slices.Clone(m.current) }

// branch is one of several trees that share pages, with its model.
type branch struct {
	tree  *vfs.Mem
	file  vfs.File
	model fileModel
}

func (b *branch) step(t *testing.T, r *rand.Rand) {
	t.Helper()
	const sizeMax = 20_000
	switch r.IntN(6) {
	case 0, 1:
		p := make([]byte, 1+(r.IntN(9000)>>r.IntN(6)))
		for i := range p {
			p[i] = byte(r.Uint32()) | 1
		}
		off := r.IntN(sizeMax)
		if r.IntN(2) == 0 {
			off = len(b.model.current)
		}
		_, err := b.file.WriteAt(p, int64(off))
		must(t, err)
		b.model.write(p, off)
	case 2, 3:
		size := r.IntN(sizeMax)
		if r.IntN(3) == 0 {
			size &^= 4095
		}
		must(t, b.file.Truncate(int64(size)))
		b.model.truncate(size)
	default:
		must(t, b.file.Sync())
		b.model.sync()
	}
}

func (b *branch) check(t *testing.T, seed uint64) {
	t.Helper()
	if contentOf(t, b.file) != string(b.model.current) {
		t.Fatalf("seed %d: content differs from the model's", seed)
	}
	if get(t, b.tree.Clone().Crash(), "f") != string(b.model.durable) {
		t.Fatalf("seed %d: content after a crash differs from the model's", seed)
	}
}

// TestContentAgainstModel lets trees fork by Clone and fall back by Crash, and
// write on side by side: a page shared by mistake shows up in another branch.
func TestContentAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := vfs.NewMem()
		branches := []*branch{{tree: m, file: create(t, m, "f", "")}}
		must(t, m.SyncDir("."))
		for range 60 {
			i := r.IntN(len(branches))
			b := branches[i]
			switch k := r.IntN(12); {
			case k == 0 && len(branches) < 4:
				twin := b.tree.Clone()
				branches = append(branches, &branch{tree: twin, file: open(t, twin, "f", os.O_RDWR), model: fileModel{
					current: slices.Clone(b.model.current), durable: slices.Clone(b.model.durable),
				}})
			case k == 1:
				after := b.tree.Crash()
				branches[i] = &branch{tree: after, file: open(t, after, "f", os.O_RDWR), model: fileModel{
					current: slices.Clone(b.model.durable), durable: b.model.durable,
				}}
			default:
				b.step(t, r)
			}
			for _, b := range branches {
				b.check(t, seed)
			}
		}
	}
}

// TestCrashAfterRegrowth: what a truncation dropped does not come back where
// the file grew again before the sync.
func TestCrashAfterRegrowth(t *testing.T) {
	m := vfs.NewMem()
	f := create(t, m, "f", strings.Repeat("x", 30_000))
	must(t, m.SyncDir("."))
	must(t, f.Sync())
	must(t, f.Truncate(5))
	_, err := f.WriteAt([]byte("y"), 29_999)
	must(t, err)
	must(t, f.Sync())
	if want := "xxxxx" + strings.Repeat("\x00", 29_994) + "y"; get(t, m.Crash(), "f") != want {
		t.Fatal("truncated bytes came back")
	}
}

// TestCrashBesideWriters: what a writer was told is synced survives a crash
// that comes at any time.
func TestCrashBesideWriters(t *testing.T) {
	const writers, records = 4, 200
	m := vfs.NewMem()
	var acked [writers]int
	var wg sync.WaitGroup
	start := make(chan struct{})
	for w := range writers {
		f := create(t, m, fmt.Sprint(w), "")
		wg.Go(func() {
			<-start
			for i := range records {
				if _, err := f.WriteAt([]byte{byte(w + 1)}, int64(i)); err != nil {
					return
				}
				if f.Sync() != nil {
					return
				}
				acked[w] = i + 1
			}
		})
	}
	must(t, m.SyncDir("."))
	close(start)
	var after *vfs.Mem
	wg.Go(func() {
		for m.Ops() < writers*records/2 {
			if _, err := m.Stat("0"); err != nil { // give way
				return
			}
		}
		after = m.Crash()
	})
	wg.Wait()
	for w := range writers {
		got := get(t, after, fmt.Sprint(w))
		if len(got) < acked[w] || strings.Trim(got, string(rune(w+1))) != "" {
			t.Errorf("writer %d was told of %d bytes, %q are left", w, acked[w], got)
		}
	}
}

func TestOpsCounts(t *testing.T) {
	m := vfs.NewMem()
	runScript(t, m, "mkdir d \n write f abc \n sync f \n truncate f \n rename f g \n remove g \n syncdir .") // and one open
	want := int64(8)
	if got := m.Ops(); got != want {
		t.Fatalf("Ops() = %d, want %d", got, want)
	}
	_, err := m.Stat("none")
	wantAnyErr(t, "Stat", err)
	if got := m.Ops(); got != want+1 {
		t.Fatalf("Ops() = %d after a failed one, want %d", got, want+1)
	}
	if got := m.Crash().Ops(); got != 0 {
		t.Fatalf("Ops() = %d after a crash", got)
	}
}

func TestMemRefusesHugeFiles(t *testing.T) {
	f := create(t, vfs.NewMem(), "f", "abc")
	_, err := f.WriteAt([]byte("x"), 1<<62)
	wantAnyErr(t, "WriteAt", err)
	_, err = f.WritevAt([][]byte{[]byte("x")}, 1<<63-1)
	wantAnyErr(t, "WritevAt", err)
	wantAnyErr(t, "Truncate", f.Truncate(1<<50))
	if got := contentOf(t, f); got != "abc" {
		t.Fatalf("content is %q", got)
	}
	if f.OSFile() != nil {
		t.Fatal("a file in memory has a descriptor")
	}
	if _, err := f.ReadAt(make([]byte, 1), 1<<62); err != io.EOF {
		t.Fatalf("ReadAt far past the end: %v", err)
	}
}
