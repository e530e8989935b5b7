package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sync"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
	"moldau/logstore"
	"moldau/logstore/journal"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// FuzzJournal opens a store after a crash: three logs, of which some records are in
// their own files and all in a journal whose bytes a program damages. It holds that
//
//   - the store opens, and each log is a prefix of what was written, byte for byte, that
//     has all of its own file that was synced and of the commits before the damage;
//   - a log that lacks what was acknowledged, which the damage tells by a whole commit
//     behind it, takes no appends; and none refuses them for an undamaged journal;
//   - what an open found, and was not truncated then, is what the next one finds, after
//     a clean close and after a loss of power, and the checker finds no fault in it.
func FuzzJournal(f *testing.F) { journals.Fuzz(f) }

var journals = target.New("FuzzJournal", programs(
	[]byte{5, 7, 1, 3, 0, 5, 2, 7, 0, 1, 1, 0, 0, 0, 0, 0},
	[]byte{7, 7, 0, 7, 1, 7, 0, 7, 1, 7, 0, 7, 1, 7, 0, 3, 1, 0, 0, 1, 0, 2, 70, 0, 3},
	[]byte{3, 1, 0, 2, 0, 4, 1, 6, 0, 2, 1, 2, 0, 2, 3, 7, 16, 9, 1},
	[]byte{6, 5, 1, 5, 0, 5, 1, 5, 0, 5, 1, 5, 0, 3, 2, 1, 2, 1, 3, 1, 1, 4, 0, 2},
), func(t testing.TB, _, program []byte) target.Class {
	j := newJournalImage(t, mutate.NewProgram(program[:min(len(program), 200)]))
	first, all := j.damage()
	found, then := j.open(first == all)
	j.check(found, first, all)
	j.again(then)
	switch {
	case len(j.commits) == 0 || j.commits[0].end > first:
		return target.Early
	case first < all:
		return target.Deep
	}
	return target.Accepted
})

const (
	journalDir       = "data/moldau/journal"
	journalLogs      = 3
	journalFileBytes = 16 << 10
	journalOwn       = 2 // batches that each log has synced in its own file
)

func journalLog(i int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "t", Partition: int32(i)}
}

// journalBase is the store before the journal: made once, and cloned.
var journalBase = sync.OnceValues(func() (*vfs.Mem, error) {
	m := vfs.NewMem()
	s, err := logstore.Open("data", journalOptions(m))
	if err != nil {
		return nil, err
	}
	for i := range journalLogs {
		l, err := s.OpenLog(journalLog(i))
		for n := 0; n < journalOwn && err == nil; n++ {
			var b record.Batch
			if b, err = journalBatch(i, int64(n)); err == nil {
				_, err = l.AppendLeader(b, 0)
			}
		}
		if err == nil {
			err = l.Wait(context.Background(), logstore.HighWatermark, journalOwn)
		}
		if err != nil {
			return nil, err
		}
	}
	left := m.Crash()
	_ = s.Close() // reaches nothing
	return left, nil
})

func journalOptions(m vfs.FS) logstore.Options {
	o := options(m, newClock())
	o.JournalFileBytes, o.JournalBytes = journalFileBytes, 4*journalFileBytes
	return o
}

// journalBatch is the batch of one record that a log has at an offset.
func journalBatch(log int, offset int64) (record.Batch, error) {
	b := record.NewBuilder(record.BuilderOptions{BaseOffset: offset})
	b.Append(1_700_000_000_000+offset, nil, fmt.Appendf(nil, "%d of log %d", offset, log))
	batch, err := b.Finish()
	return bytes.Clone(batch), err
}

// journalImage is a store with a journal, and what it has to come to.
type journalImage struct {
	t       testing.TB
	p       *mutate.Program
	mem     *vfs.Mem
	ends    [journalLogs]int64 // of all that was acknowledged
	clean   bool               // the last close was
	commits []journalCommit
	told    [journalLogs]int64 // where logs end with the last commit that is whole: no more is known to be acknowledged
}

// journalCommit is where a commit lies, in all files one behind the other, and where the
// logs end with it.
type journalCommit struct {
	begin, end int64
	ends       [journalLogs]int64
}

// journalFound is a log after an open.
type journalFound struct {
	end    int64
	closed bool // to appends
}

func newJournalImage(t testing.TB, p *mutate.Program) *journalImage {
	base, err := journalBase()
	must(t, err)
	g := &journalImage{t: t, p: p, mem: base.Clone()}
	for i := range g.ends {
		g.ends[i] = journalOwn
	}
	j, err := journal.Open(g.mem, journalDir, 100, 100, journal.Options{FileBytes: journalFileBytes})
	must(t, err)
	for range 1 + p.Below(9) {
		g.commit(j)
	}
	must(t, j.Close())
	for i := range g.ends { // what else reached the disk of the logs' own files
		if p.One(3) {
			g.survive(i, journalOwn+int64(p.Below(int(g.ends[i])-journalOwn+1)))
		}
	}
	return g
}

// commit adds a commit of some logs' next batches.
func (g *journalImage) commit(j *journal.Journal) {
	logs, n := 1+g.p.Below(1<<journalLogs-1), int64(1+g.p.Below(2))
	for i := range g.ends {
		if logs>>i&1 == 0 {
			continue
		}
		var batches []byte
		first := g.ends[i]
		for range n {
			b, err := journalBatch(i, g.ends[i])
			must(g.t, err)
			batches = append(batches, b...)
			g.ends[i]++
		}
		into, ok := j.Add(journal.Header{Kind: journal.Batches, Log: journalLog(i).String(), Incarnation: uint64(i + 1), EndBefore: first, First: first, Last: g.ends[i] - 1}, len(batches))
		if !ok {
			g.t.Fatal("a commit does not fit")
		}
		copy(into, batches)
	}
	if g.p.One(4) { // of a log that was deleted before the name was given away again
		b, err := journalBatch(journalLogs, g.ends[0])
		must(g.t, err)
		into, _ := j.Add(journal.Header{Kind: journal.Batches, Log: journalLog(0).String(), Incarnation: 99, EndBefore: g.ends[0], First: g.ends[0], Last: g.ends[0]}, len(b))
		copy(into, b)
	}
	must(g.t, j.Commit())
	c := journalCommit{ends: g.ends}
	for slot, b := range g.files() {
		if used := int64(len(bytes.TrimRight(b, "\x00"))); used > 0 {
			c.end = int64(slot)*journalFileBytes + used
		}
	}
	c.begin = c.end / 4096 * 4096
	g.commits = append(g.commits, c)
}

// files are the journal's, by slot.
func (g *journalImage) files() (all [][]byte) {
	for slot := 0; ; slot++ {
		b := read(g.t, g.mem, journalFile(slot))
		if b == nil {
			return all
		}
		all = append(all, b)
	}
}

func journalFile(slot int) string { return path.Join(journalDir, fmt.Sprintf("%08d.journal", slot)) }

// survive has a log's own file hold all below an offset, and perhaps a part of a batch
// more.
func (g *journalImage) survive(i int, end int64) {
	name := path.Join("data/logs", journalLog(i).String(), "00000000000000000000.log")
	b := read(g.t, g.mem, name)
	for at := int64(journalOwn); at < end; at++ {
		batch, err := journalBatch(i, at)
		must(g.t, err)
		b = append(b, batch...)
	}
	if end < g.ends[i] && g.p.One(2) {
		batch, err := journalBatch(i, end)
		must(g.t, err)
		b = append(b, batch[:g.p.Below(len(batch))]...)
	}
	g.store(name, b)
}

// store puts content in place of a file's, durably.
func (g *journalImage) store(name string, b []byte) {
	f, err := g.mem.OpenFile(name, os.O_RDWR|os.O_TRUNC, 0o644)
	must(g.t, err)
	_, err = f.WriteAt(b, 0)
	must(g.t, err)
	must(g.t, f.Sync())
	must(g.t, f.Close())
}

// damage changes the journal, and tells where its first byte was changed and where the
// journal ends, in all files one behind the other.
func (g *journalImage) damage() (first, all int64) {
	all = g.commits[len(g.commits)-1].end
	first = all
	before := g.files()
	for range g.p.Below(4) {
		files := g.files()
		slot := g.p.Below(len(files))
		b := files[slot]
		used := len(bytes.TrimRight(b, "\x00"))
		switch kind := g.p.Byte() % 8; {
		case kind < 5:
			rest := b[used:]
			if b = mutate.Rot(b[:used:used], g.p); kind < 4 && len(b) <= used {
				b = append(append(b, make([]byte, used-len(b))...), rest...)
			}
		case kind < 7: // a block in the place of another, or of one of another file
			from := b
			if kind == 6 {
				from = files[g.p.Below(len(files))]
			}
			at, to := g.p.Below(4)*4096, g.p.Below(4)*4096
			block := bytes.Clone(from[min(at, len(from)):min(at+4096, len(from))])
			copy(b[min(to, len(b)):], block)
		default:
			b = b[:g.p.Below(len(b)+1)]
		}
		g.store(journalFile(slot), b[:min(len(b), journalFileBytes)])
	}
	after := g.files()
	for _, c := range g.commits {
		if g.whole(before, after, c) {
			g.told = c.ends
		}
	}
	for slot, b := range before {
		for at := range b {
			if at >= len(after[slot]) || after[slot][at] != b[at] {
				return min(first, int64(slot*journalFileBytes+at)), all
			}
		}
	}
	return first, all
}

// whole tells whether a commit, and the header of its file, are as they were written.
func (g *journalImage) whole(before, after [][]byte, c journalCommit) bool {
	slot := c.begin / journalFileBytes
	same := func(from, to int64) bool {
		return to <= int64(len(after[slot])) && bytes.Equal(before[slot][from:to], after[slot][from:to])
	}
	return same(0, 32) && same(c.begin%journalFileBytes, (c.end-1)%journalFileBytes+1)
}

// open opens the store, holds each log to what was written, and leaves it. Before that
// it may truncate a log: then is what is left of what was found.
func (g *journalImage) open(truncating bool) (found, then [journalLogs]journalFound) {
	s, err := logstore.Open("data", journalOptions(g.mem))
	must(g.t, err)
	for i := range found {
		l, err := s.Log(journalLog(i))
		must(g.t, err)
		found[i] = journalFound{l.Offset(logstore.LogEnd), l.Err() != nil}
		next := int64(0)
		for b, err := range l.Batches(context.Background(), 0, logstore.LogEnd) {
			must(g.t, err)
			want, err := journalBatch(i, next)
			must(g.t, err)
			if !bytes.Equal(b, want) && !sameButEpoch(b, want) {
				g.t.Fatalf("log %d has at offset %d\n%x\nwant\n%x", i, next, []byte(b), []byte(want))
			}
			next = b.LastOffset() + 1
		}
		if next != found[i].end || next > g.ends[i] {
			g.t.Fatalf("log %d has %d batches and ends at %d, written were %d", i, next, found[i].end, g.ends[i])
		}
	}
	then = found
	if i := g.p.Below(2 * journalLogs); truncating && i < journalLogs {
		l, err := s.Log(journalLog(i))
		must(g.t, err)
		to := int64(g.p.Below(int(found[i].end)))
		must(g.t, l.TruncateTo(to))
		then[i].end, g.ends[i] = to, to
	}
	g.leave(s, then)
	return found, then
}

// sameButEpoch compares batches of which one was stamped by an append.
func sameButEpoch(a, b record.Batch) bool {
	c := bytes.Clone(b)
	record.Batch(c).SetLeaderEpoch(a.LeaderEpoch())
	return bytes.Equal(a, c)
}

// leave closes the store, or loses power.
func (g *journalImage) leave(s *logstore.Store, found [journalLogs]journalFound) {
	g.clean = false
	if g.p.One(3) {
		left := g.mem.Crash()
		_ = s.Close()
		g.mem = left
		return
	}
	err := s.Close()
	if closed := slices.ContainsFunc(found[:], func(f journalFound) bool { return f.closed }); err != nil && !(closed && (errors.As(err, new(*logstore.CorruptionError)) || errors.Is(err, logstore.ErrPoisoned))) {
		g.t.Fatal(err)
	} else {
		g.clean = !closed
	}
}

func (g *journalImage) check(found [journalLogs]journalFound, first, all int64) {
	least := [journalLogs]int64{journalOwn, journalOwn, journalOwn}
	for _, c := range g.commits {
		if c.end <= first {
			least = c.ends
		}
	}
	for i, f := range found {
		switch {
		case f.end < least[i]:
			g.t.Fatalf("log %d ends at %d, %d were in the journal before byte %d, where its damage begins", i, f.end, least[i], first)
		case f.closed && first == all:
			g.t.Fatalf("log %d takes no appends, and the journal is undamaged", i)
		case f.end < g.told[i] && !f.closed:
			g.t.Fatalf("log %d ends at %d, acknowledged were %d, and takes appends", i, f.end, g.told[i])
		}
	}
}

// again opens what an open has left.
func (g *journalImage) again(found [journalLogs]journalFound) {
	for range 1 + g.p.Below(2) {
		if again, _ := g.open(false); again != found {
			g.t.Fatalf("opened once: %+v, again: %+v", found, again)
		}
	}
	if g.clean {
		sound(g.t, g.mem, false)
	}
}
