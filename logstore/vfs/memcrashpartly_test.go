package vfs_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"moldau/logstore/vfs"

	"pgregory.net/rapid"
)

// Rapid draws the same in every run. -rapid.seed=N explores.
func init() { _ = flag.Set("rapid.seed", "1") }

func seeded(seed uint64) func(n int64) int64 { return rand.New(rand.NewPCG(seed, 5)).Int64N }

// outcomes are the trees that many crashes leave.
func outcomes(t *testing.T, m *vfs.Mem, crashes int) []string {
	t.Helper()
	found := map[string]bool{}
	for seed := range crashes {
		after := m.Clone().CrashPartly(seeded(uint64(seed)))
		is := strings.Join(tree(t, after), " ")
		if again := strings.Join(tree(t, after.Crash()), " "); again != is {
			t.Fatalf("what was found is not durable: %q, then %q", is, again)
		}
		found[is] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// The whole of what a crash may leave, and no more. Where a file has content it
// was synced, or one byte of it was changed: nothing is torn.
func TestCrashPartly(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"all synced", "write f abc \n sync f \n syncdir .", []string{"f=abc"}},
		{"creations, in any order", "open f \n open g", []string{"", "f=", "f= g=", "g="}},
		{"appended", "write f abc \n sync f \n syncdir . \n write f d 3", []string{"f=abc", "f=abc\x00", "f=abcd"}},
		{"overwritten", "write f abc \n sync f \n syncdir . \n write f X 1", []string{"f=aXc", "f=abc"}},
		{"created and filled", "write f a", []string{"", "f=", "f=\x00", "f=a"}},
		{"cut", "write f abc \n sync f \n syncdir . \n truncate f", []string{"f=", "f=abc"}},
		{"cut and written again", "write f a \n sync f \n syncdir . \n truncate f \n write f z", []string{"f=", "f=\x00", "f=a", "f=z"}},
		{"removed", "write f abc \n sync f \n syncdir . \n remove f", []string{"", "f=abc"}},
		{"created and removed", "open f \n remove f", []string{"", "f="}},
		{"renamed", "open f \n syncdir . \n rename f g", []string{"f=", "g="}},
		{"renamed twice", "open f \n syncdir . \n rename f g \n rename g h", []string{"f=", "g=", "h="}},
		{"renamed there and back", "open f \n syncdir . \n rename f g \n rename g f", []string{"f=", "g="}},
		{"created and renamed", "open f \n rename f g", []string{"", "f=", "g="}},
		{
			"replaced", "write f old \n sync f \n syncdir . \n write g new \n sync g \n rename g f",
			[]string{"f=new", "f=old", "f=old g=new"},
		},
		{
			"removed, and another renamed there", "write f old \n sync f \n syncdir . \n remove f \n write g new \n sync g \n rename g f",
			[]string{"", "f=new", "f=old", "f=old g=new", "g=new"},
		},
		{"two renames", "open a \n open b \n syncdir . \n rename a c \n rename b d", []string{"a= b=", "a= d=", "b= c=", "c= d="}},
		{
			"moved to another directory", "mkdir d \n open f \n syncdir . \n rename f d/f",
			[]string{"d/", "d/ d/f=", "d/ d/f= f=", "d/ f="},
		},
		{"directory", "mkdir d \n open d/f", []string{"", "d/", "d/ d/f="}},
		{"directory removed", "mkdir d \n open d/f \n syncdir d \n syncdir . \n remove d/f \n remove d", []string{"", "d/", "d/ d/f="}},
		{"directory renamed", "mkdir d \n open d/f \n syncdir d \n syncdir . \n rename d e", []string{"d/ d/f=", "e/ e/f="}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := vfs.NewMem()
			runScript(t, m, c.script)
			if got := outcomes(t, m, 600); !slices.Equal(got, c.want) {
				t.Fatalf("crashes leave\n%q, want\n%q", got, c.want)
			}
			all := tree(t, m)
			wantTree(t, m.Clone().CrashPartly(least), tree(t, m.Clone().Crash())...)
			wantTree(t, m.Clone().CrashPartly(greatest), all...)
			wantTree(t, m.Clone().CrashPartly(greatest).Crash(), all...)
			m.CrashPartly(least)
			_, err := m.Stat(".")
			wantErr(t, "Stat", err, vfs.ErrCrashed)
		})
	}
}

// TestCrashPartlyLosesSectorsInAnyOrder: the last of three appended sectors may
// be found without those before it.
func TestCrashPartlyLosesSectorsInAnyOrder(t *testing.T) {
	const sector = 512
	m := vfs.NewMem()
	f := create(t, m, "f", strings.Repeat("a", sector))
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	_, err := f.WriteAt(bytes.Repeat([]byte("b"), 3*sector), sector)
	must(t, err)
	found := map[string]int{}
	torn, crashes := 0, 3000
	for seed := range crashes {
		content := get(t, m.Clone().CrashPartly(seeded(uint64(seed))), "f")
		shape := ""
		for part := range slices.Chunk([]byte(content), sector) {
			first, last := part[0], part[len(part)-1]
			if bytes.Count(part, []byte{first}) < len(part) {
				torn++
				first = 't'
			} else if first != last {
				t.Fatalf("a torn sector counts as whole")
			}
			shape += string(rune(first))
		}
		found[shape]++
	}
	for _, want := range []string{"a", "abbb", "a\x00\x00b", "ab\x00b", "ab", "a\x00\x00\x00", "atbb", "a\x00tb"} {
		if found[want] == 0 {
			t.Errorf("no crash left %q", want)
		}
	}
	for shape := range found {
		if shape[0] != 'a' {
			t.Errorf("a synced sector was touched: %q", shape)
		}
	}
	if torn == 0 || torn > crashes/5 {
		t.Errorf("%d sectors are torn in %d crashes", torn, crashes)
	}
}

func TestCrashPartlyIsDeterministic(t *testing.T) {
	m := vfs.NewMem()
	for d := range 5 {
		must(t, m.Mkdir(fmt.Sprint(d), 0o755))
		for i := range 20 {
			put(t, m, fmt.Sprintf("%d/%d", d, i), strings.Repeat("x", 700*i))
		}
	}
	different := 0
	for seed := range uint64(20) {
		a, b := m.Clone(), m.Clone().Clone()
		left := tree(t, a.CrashPartly(seeded(seed)))
		wantTree(t, b.CrashPartly(seeded(seed)), left...)
		wantTree(t, a.CrashPartly(seeded(seed)), left...) // the dead tree stays as it was
		if !slices.Equal(left, tree(t, m.Clone().CrashPartly(seeded(seed+100)))) {
			different++
		}
	}
	if different < 15 {
		t.Fatalf("%d of 20 seeds made a difference", different)
	}
}

// lossyFile is a file the plain way, with all that happened to it since its sync.
type lossyFile struct {
	fileModel
	sizes   []int // since the sync, the one then first
	touched []bool
}

func (m *lossyFile) sync() {
	m.fileModel.sync()
	m.sizes, m.touched = []int{len(m.current)}, nil
}

func (m *lossyFile) touch(from, to int) {
	m.touched = append(m.touched, make([]bool, max(0, to-len(m.touched)))...)
	for i := from; i < to; i++ {
		m.touched[i] = true
	}
}

func (m *lossyFile) write(b []byte, off int) {
	m.touch(min(off, len(m.current)), off+len(b))
	m.fileModel.write(b, off)
	m.sizes = append(m.sizes, len(m.current))
}

func (m *lossyFile) truncate(size int) {
	m.touch(min(size, len(m.current)), max(size, len(m.current)))
	m.fileModel.truncate(size)
	m.sizes = append(m.sizes, size)
}

// legal tells what is wrong with a content that a crash left.
func (m *lossyFile) legal(found []byte) error {
	sizeOK := len(found) == m.sizes[0]
	for i, size := range m.sizes[1:] {
		sizeOK = sizeOK || len(found) == size || m.sizes[i] < len(found) && len(found) < size
	}
	if !sizeOK {
		return fmt.Errorf("length %d, after %d", len(found), m.sizes)
	}
	at := func(b []byte, i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	for i, b := range found {
		old, now := at(m.durable, i), at(m.current, i)
		if i >= len(m.touched) || !m.touched[i] {
			if b != old {
				return fmt.Errorf("byte %d is %d, nobody changed the %d there", i, b, old)
			}
		} else if b != old && b != now && (b != 0 || i < slices.Min(m.sizes)) {
			return fmt.Errorf("byte %d is %d, not %d or %d", i, b, old, now)
		}
	}
	return nil
}

// TestCrashPartlyLeavesLegalContent checks each byte of what crashes leave.
func TestCrashPartlyLeavesLegalContent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := vfs.NewMem()
		f := create(t, m, "f", "")
		must(t, f.Sync())
		must(t, m.SyncDir("."))
		model := lossyFile{}
		model.sync()
		next := byte(0)
		offset := rapid.OneOf(rapid.IntRange(0, 20_000), rapid.SampledFrom([]int{0, 511, 512, 4095, 4096, 8192}))
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				size := offset.Draw(rt, "size")
				must(t, f.Truncate(int64(size)))
				model.truncate(size)
			case 1:
				must(t, f.Sync())
				model.sync()
			default:
				off := len(model.current)
				if rapid.Bool().Draw(rt, "anywhere") {
					off = offset.Draw(rt, "offset")
				}
				next++
				b := bytes.Repeat([]byte{next}, rapid.IntRange(1, 5000).Draw(rt, "length"))
				_, err := f.WriteAt(b, int64(off))
				must(t, err)
				model.write(b, off)
			}
			for range 3 {
				seed := rapid.Uint64().Draw(rt, "crash")
				after := m.Clone().CrashPartly(seeded(seed))
				left := get(t, after, "f")
				if err := model.legal([]byte(left)); err != nil {
					rt.Fatalf("crash %d: %v", seed, err)
				}
				must(t, open(t, after, "f", os.O_RDWR).Truncate(int64(len(left)+5000)))
				if get(t, after, "f") != left+strings.Repeat("\x00", 5000) {
					rt.Fatalf("crash %d: bytes past the end came back", seed)
				}
			}
			if get(t, m.Clone().CrashPartly(least), "f") != string(model.durable) {
				rt.Fatal("not all is lost")
			}
			if get(t, m.Clone().CrashPartly(greatest).Crash(), "f") != string(model.current) {
				rt.Fatal("something is lost")
			}
		}
	})
}

// names is what a directory holds: inodes by name.
type names map[string]uint64

func namesIn(t *testing.T, m *vfs.Mem) names {
	t.Helper()
	entries, err := m.ReadDir(".")
	must(t, err)
	all := names{}
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		all[e.Name()] = vfs.Inode(info)
	}
	return all
}

// namesAfter tries each subset of changes on what was durable, but for those in
// which a change is found and an earlier one of the same name is not.
func namesAfter(durable names, changes [][2]string, inodes []uint64) []names {
	var all []names
subsets:
	for found := range 1 << len(changes) {
		left, lost := maps.Clone(durable), ""
		for i, c := range changes {
			if found&(1<<i) == 0 {
				lost += c[0] + c[1]
				continue
			}
			if strings.ContainsAny(lost, c[0]+c[1]) {
				continue subsets
			}
			delete(left, c[0])
			if c[1] != "" {
				left[c[1]] = inodes[i]
			}
		}
		all = append(all, left)
	}
	return all
}

// TestCrashPartlyLeavesLegalNames checks what crashes leave of a directory
// against all that they may.
func TestCrashPartlyLeavesLegalNames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := vfs.NewMem()
		durable := names{}
		var changes [][2]string // removed and added name, of one letter each
		var inodes []uint64
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			now, from, to := namesIn(t, m), name.Draw(rt, "name"), name.Draw(rt, "other name")
			switch kind := rapid.IntRange(0, 5).Draw(rt, "step"); {
			case kind == 0 || len(changes) == 7:
				must(t, m.SyncDir("."))
				durable, changes, inodes = now, nil, nil
			case now[from] == 0:
				must(t, open(t, m, from, os.O_RDWR|os.O_CREATE).Close())
				changes, inodes = append(changes, [2]string{"", from}), append(inodes, namesIn(t, m)[from])
			case kind == 1:
				must(t, m.Remove(from))
				changes, inodes = append(changes, [2]string{from, ""}), append(inodes, 0)
			case from != to:
				must(t, m.Rename(from, to))
				changes, inodes = append(changes, [2]string{from, to}), append(inodes, now[from])
			}
		}
		legal := namesAfter(durable, changes, inodes)
		for range 20 {
			seed := rapid.Uint64().Draw(rt, "crash")
			left := namesIn(t, m.Clone().CrashPartly(seeded(seed)))
			if !slices.ContainsFunc(legal, func(n names) bool { return maps.Equal(n, left) }) {
				rt.Fatalf("crash %d left %v of %v and %v", seed, left, durable, changes)
			}
		}
	})
}
