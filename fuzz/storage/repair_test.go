package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/naive"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// FuzzRepair damages files of a store of two logs that was closed cleanly, or was not,
// takes some away, and repairs it. It holds that
//
//   - the repair succeeds, and after it the deep checker finds no fault;
//   - a second repair finds nothing to do, and changes no file;
//   - one that is interrupted, by a kill or by a power loss, and run again comes to what
//     one that is not does;
//   - every log opens, takes an append, and serves no batch that was not written;
//   - of a store that was closed cleanly every batch is served whose bytes are still in
//     their place, unless the damage forged another one: made a whole batch of another
//     place or offset, which no checksum tells;
//   - a record that is not served any more is in a receipt: in what was lost, or in what
//     the engine's own recovery cut. But nothing tells of a file that is gone, or ends
//     behind another batch: it may have been retired, or compacted.
func FuzzRepair(f *testing.F) { repairs.Fuzz(f) }

var repairs = target.New("FuzzRepair", programs(
	[]byte{0, 1, 0, 0, 0, 3, 0, 70, 0, 2},
	[]byte{1, 2, 2, 1, 200, 1, 0, 7, 3, 0, 0, 100, 2},
	[]byte{0, 3, 1, 16, 3, 4, 32, 0, 60, 5, 2, 1, 9, 1, 0, 5},
	[]byte{3, 3, 11, 2, 2, 9, 3, 1, 4, 1, 0, 250, 0, 5, 1, 0, 7, 0},
), func(t testing.TB, _, program []byte) target.Class {
	g := newDamagedStore(t, mutate.NewProgram(program[:min(len(program), 120)]))
	crashed := g.interrupted()
	first := g.repair()
	g.again()
	served := g.served()
	if crashed != nil {
		crashed.repair()
		crashed.again()
		same(t, crashed.served(), served)
	}
	switch g.check(first, served); {
	case len(first.Changes) == 0 && !first.Unclean:
		return target.Early
	case len(first.Lost()) == 0 && len(first.Recovered) == 0:
		return target.Accepted
	}
	return target.Deep
})

const repairedLogs = 2

// wholeStore is the store before any damage: made once.
var wholeStore = sync.OnceValues(func() (*vfs.Mem, error) {
	m, clock := vfs.NewMem(), newClock()
	o := options(m, clock)
	o.Log.SegmentBytes = 700
	s, err := logstore.Open("data", o)
	if err != nil {
		return nil, err
	}
	for i := range repairedLogs {
		l, err := s.OpenLog(journalLog(i))
		if err != nil {
			return nil, err
		}
		for n := range 16 {
			o := record.BuilderOptions{Codec: record.Codec(n % 5)}
			if n%3 == 0 {
				o.Producer = &record.Producer{ID: 7, BaseSequence: int32(n / 3)}
			}
			b := record.NewBuilder(o)
			for r := range 1 + n%3 {
				b.Append(clock.ms()+int64(n), []byte("key"), fmt.Appendf(nil, "%d of batch %d of log %d", r, n, i))
				if n%3 == 0 {
					break
				}
			}
			batch, err := b.Finish()
			if err == nil {
				_, err = l.AppendLeader(batch, int32(n/6))
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return m, nil
})

// tree reads all files below a directory.
func tree(m *vfs.Mem, dir string) (map[string][]byte, error) {
	entries, err := m.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			below, err := tree(m, name)
			if err != nil {
				return nil, err
			}
			maps.Copy(files, below)
			continue
		}
		f, err := m.OpenFile(name, 0, 0)
		if err != nil {
			return nil, err
		}
		size, err := f.Size()
		if err != nil {
			return nil, err
		}
		b := make([]byte, size)
		if size > 0 {
			_, err = f.ReadAt(b, 0)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		files[name] = b
	}
	return files, nil
}

// damagedStore is a store of which files were damaged, and what is still whole of it.
type damagedStore struct {
	t       testing.TB
	p       *mutate.Program
	mem     *vfs.Mem
	clean   bool
	written [repairedLogs][]naive.Batch
	intact  [repairedLogs]map[int64]bool // by base offset
	gone    [repairedLogs]map[int64]bool // and nothing tells of it
	forged  bool
}

func newDamagedStore(t testing.TB, p *mutate.Program) *damagedStore {
	store, err := wholeStore()
	must(t, err)
	whole, err := tree(store, "data")
	must(t, err)
	g := &damagedStore{t: t, p: p, clean: p.Byte()%4 > 0, mem: store.Clone()}
	files := maps.Clone(whole)
	names := slices.Sorted(maps.Keys(files))
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "/.lock") })
	data := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasSuffix(name, ".log") })
	copied := map[string]bool{}
	for range 1 + p.Below(4) {
		kind := p.Byte()
		name := data[int(kind/16)*len(data)/16]
		if kind%4 == 3 {
			name = names[p.Below(len(names))]
		}
		switch p.Byte() % 16 {
		case 0:
			delete(files, name)
		case 1:
			other := names[p.Below(len(names))]
			files[name] = bytes.Clone(files[other])
			copied[name] = true
		default:
			// What is damaged in a copy a repair may put right, for the place it is at.
			g.forged = g.forged || copied[name]
			files[name] = mutate.Rot(bytes.Clone(files[name]), p)
		}
	}
	if !g.clean {
		delete(files, "data/logs/.kafka_cleanshutdown")
	}
	for _, name := range data {
		is, there := files[name]
		g.compare(name, whole[name], is, !there)
	}
	_, g.clean = files["data/logs/.kafka_cleanshutdown"]
	for name, was := range whole {
		switch is, there := files[name]; {
		case !there:
			must(t, g.mem.Remove(name))
		case !bytes.Equal(is, was):
			write(t, g.mem, name, is)
		}
		must(t, g.mem.SyncDir(path.Dir(name)))
	}
	return g
}

// compare notes which batches of a segment are intact, and whether the damage forged
// any.
func (g *damagedStore) compare(name string, was, is []byte, gone bool) {
	var log int
	var base int64
	_, err := fmt.Sscanf(name, "data/logs/t-%d/%d.log", &log, &base)
	must(g.t, err)
	if g.intact[log] == nil {
		g.intact[log], g.gone[log] = map[int64]bool{}, map[int64]bool{}
	}
	at, whole := 0, false // the file ends behind a batch
	for _, b := range naive.ReadSegment(was, base).Batches {
		g.written[log] = append(g.written[log], b)
		end := at + len(b.Bytes)
		g.intact[log][b.Base] = end <= len(is) && bytes.Equal(is[at:end], b.Bytes)
		whole = whole || at == len(is)
		g.gone[log][b.Base] = gone || whole && at >= len(is)
		at = end
	}
	// A whole batch that was not at this place, with this offset.
	for at := range is {
		b, err := naive.First(is[at:])
		if err != nil || b.Check() != nil {
			continue
		}
		end := at + len(b.Bytes)
		if end > len(was) || !bytes.Equal(was[at:at+8], is[at:at+8]) || !bytes.Equal(was[at+21:end], is[at+21:end]) {
			g.forged = true
		}
	}
}

func (g *damagedStore) repair() *logstore.Receipt {
	o := logstore.RepairOptions{Clock: newClock(), Version: "fuzz", IndexIntervalBytes: intervalBytes}
	r, err := logstore.Repair(g.mem, "data", o)
	must(g.t, err)
	return r
}

// interrupted is a copy of the store in which a repair was begun, and crashed at one
// of its changes; nil where it has fewer.
func (g *damagedStore) interrupted() *damagedStore {
	crashed := *g
	var left atomic.Int64 // a start opens logs side by side
	left.Store(int64(g.p.Below(160)))
	power := g.p.Byte()%2 == 0
	mem := g.mem.Clone()
	fault := vfs.NewFault(mem)
	fault.SetHook(func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpOpen, vfs.OpRead, vfs.OpStat, vfs.OpReadDir, vfs.OpClose:
			return nil
		}
		if left.Add(-1) < 0 {
			return vfs.ErrCrashed
		}
		return nil
	})
	o := logstore.RepairOptions{Clock: newClock(), Version: "fuzz", IndexIntervalBytes: intervalBytes}
	if _, err := logstore.Repair(fault, "data", o); err == nil {
		return nil
	}
	if !fault.Crashed() {
		g.t.Fatal("a repair failed, and nothing crashed")
	}
	if crashed.mem = mem.Clone(); power {
		crashed.mem = mem.Crash()
	}
	return &crashed
}

// same wants two repairs to have come to the same batches at the same offsets.
func same(t testing.TB, crashed, whole [repairedLogs][]record.Batch) {
	for i := range whole {
		if !slices.EqualFunc(crashed[i], whole[i], func(a, b record.Batch) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("log %d serves other batches once the repair was interrupted, and run again: %d, and %d without", i, len(crashed[i]), len(whole[i]))
		}
	}
}

// again repairs once more.
func (g *damagedStore) again() {
	sound(g.t, g.mem, true)
	before, err := tree(g.mem, "data")
	must(g.t, err)
	if r := g.repair(); len(r.Changes) > 0 || r.Unclean {
		g.t.Fatalf("a second repair finds %+v", r)
	}
	after, err := tree(g.mem, "data")
	must(g.t, err)
	for name := range after {
		if b, there := before[name]; !there || !bytes.Equal(b, after[name]) {
			g.t.Fatalf("a second repair changes %s", name)
		}
	}
	if len(after) != len(before) {
		g.t.Fatalf("a second repair takes %d files away", len(before)-len(after))
	}
}

// served opens the store and returns its batches.
func (g *damagedStore) served() (all [repairedLogs][]record.Batch) {
	s, err := logstore.Open("data", options(g.mem, newClock()))
	must(g.t, err)
	for i := range all {
		l, err := s.Log(journalLog(i))
		must(g.t, err)
		must(g.t, l.Err())
		for b, err := range l.Batches(context.Background(), l.StartOffset(), logstore.LogEnd) {
			must(g.t, err)
			all[i] = append(all[i], bytes.Clone(b))
		}
		_, err = l.Append(context.Background(), record.Record{Value: []byte("after")})
		must(g.t, err)
	}
	must(g.t, s.Close())
	sound(g.t, g.mem, true)
	return all
}

// check holds what is served to what was written.
func (g *damagedStore) check(r *logstore.Receipt, served [repairedLogs][]record.Batch) {
	for i, batches := range served {
		there := map[int64]bool{}
		for _, b := range batches {
			n := slices.IndexFunc(g.written[i], func(w naive.Batch) bool { return bytes.Equal(w.Bytes[21:], b[21:]) })
			if n < 0 && b.Count() == 0 {
				continue // it keeps the log's end
			}
			if n < 0 && !g.forged || n >= 0 && g.written[i][n].Base != b.BaseOffset() && !g.forged {
				g.t.Fatalf("log %d serves at offset %d %x, which was not written", i, b.BaseOffset(), []byte(b))
			}
			there[b.BaseOffset()] = true
		}
		for _, w := range g.written[i] {
			if there[w.Base] || g.forged {
				continue
			}
			if g.clean && g.intact[i][w.Base] {
				g.t.Fatalf("log %d has lost the batch at offset %d, which was intact: %+v", i, w.Base, r.Lost())
			}
			if !g.gone[i][w.Base] && !told(r, i, w) {
				g.t.Fatalf("log %d has lost the batch at offset %d, and no receipt tells: %+v, %+v", i, w.Base, r.Lost(), r.Recovered)
			}
		}
	}
}

// told tells whether a receipt has it that a batch is lost.
func told(r *logstore.Receipt, log int, b naive.Batch) bool {
	name := journalLog(log).String()
	for _, l := range r.Lost() {
		if l.Log == name && l.First <= b.Base && b.Last <= l.Last {
			return true
		}
	}
	return slices.ContainsFunc(r.Recovered, func(l logstore.RecoveredLog) bool { return l.Log == name && l.BytesCut > 0 && l.End <= b.Base })
}
