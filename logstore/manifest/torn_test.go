package manifest_test

import (
	"bytes"
	"errors"
	"testing"

	"moldau/logstore/manifest"
)

// frames are the positions at which the frames of a file begin, and its end.
func frames(b []byte) []int {
	var at []int
	for p := 24; p < len(b); p += 8 + int(uint32(b[p])<<24|uint32(b[p+1])<<16|uint32(b[p+2])<<8|uint32(b[p+3])) {
		at = append(at, p)
	}
	return append(at, len(b))
}

// grown is a file with changes, each of them synced or none, and the states that
// end with each change, the snapshot's first.
func grown(t *testing.T, synced bool) (b []byte, states []*manifest.State) {
	m := newMem(t)
	h := &history{t: t}
	must(t, h.create(m, &manifest.State{Rows: map[string]*manifest.Row{"a-0": row("a-0", 1), "a-1": row("a-1", 2)}, NextIncarnation: 3}))
	states = append(states, h.now())
	for _, step := range []func() error{
		h.opened,
		func() error { return h.notes(dirtied("a-0", 1, 500)) },
		func() error { return h.put(row("b-0", 3)) },
		func() error { return h.startJournal(9) },
		func() error { return h.drop("a-1") },
		func() error { return h.closedBy(manifest.Marker{Inode: 1, ModTimeNs: 2}) },
	} {
		must(t, step())
		states = append(states, h.now())
		if synced {
			must(t, h.sync())
		}
	}
	return contentOf(t, m), states
}

const snapshotFrames = 3 // of grown

// goOn opens what was read, and checks that what was torn is gone for good.
func goOn(t *testing.T, content []byte, s *manifest.State, end int) {
	t.Helper()
	m := memWith(t, content)
	read(t, memWith(t, content[:end]))
	f, err := manifest.Open(m, dir, s)
	must(t, err)
	if got := contentOf(t, m.Clone().Crash()); !bytes.Equal(got, content[:end]) {
		t.Fatalf("after the open and a crash there are %d bytes, want %d", len(got), end)
	}
	want := clone(s)
	put(want, row("new-0", 77))
	lsn, err := f.Put(row("new-0", 77))
	must(t, err)
	must(t, f.Sync(lsn))
	wantState(t, "what went on", read(t, m.Crash()), want)
}

func TestTornAtEveryLength(t *testing.T) {
	for _, synced := range []bool{true, false} {
		b, states := grown(t, synced)
		at := frames(b)
		for end := range len(b) {
			s, torn, err := manifest.Read(memWith(t, b[:end]), dir)
			if end < at[snapshotFrames] {
				wantCorrupt(t, err, 0, end)
				continue
			}
			must(t, err)
			whole := 0
			for at[snapshotFrames+whole+1] <= end {
				whole++
			}
			good := at[snapshotFrames+whole]
			if torn != (end > good) {
				t.Fatalf("of %d bytes, of which %d are whole: torn is %v", end, good, torn)
			}
			wantState(t, "torn", s, states[whole])
			goOn(t, b[:end], s, good)
		}
	}
}

// TestTornByWhatFollows: a file may have got its length and not its bytes.
func TestTornByWhatFollows(t *testing.T) {
	b, states := grown(t, true)
	for _, tail := range [][]byte{{0}, make([]byte, 5000), bytes.Repeat([]byte{0xff}, 40), []byte("0123456789"), b[:24]} {
		content := append(bytes.Clone(b), tail...)
		s, torn, err := manifest.Read(memWith(t, content), dir)
		must(t, err)
		if !torn {
			t.Fatalf("%d bytes behind are not torn", len(tail))
		}
		wantState(t, "torn", s, states[len(states)-1])
		goOn(t, content, s, len(b))
	}
}

func wantCorrupt(t *testing.T, err error, from, upto int) {
	t.Helper()
	var c *manifest.CorruptError
	if !errors.As(err, &c) || c.File != name || c.Offset < int64(from) || c.Offset > int64(upto) || c.Unwrap() == nil {
		t.Fatalf("got %v, want corruption of bytes %d to %d", err, from, upto)
	}
}

// TestEveryFlippedBit: with every change synced, all but the last is known to
// have been durable by the one behind it.
func TestEveryFlippedBit(t *testing.T) {
	b, states := grown(t, true)
	at := frames(b)
	last := at[len(at)-2]
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			s, torn, err := manifest.Read(memWith(t, b), dir)
			if i < last {
				wantCorrupt(t, err, i-8-300, i)
				if s != nil {
					t.Fatal("a state of a corrupt file")
				}
			} else {
				must(t, err)
				if !torn {
					t.Fatalf("bit %d of byte %d is not missed", bit, i)
				}
				wantState(t, "without the last change", s, states[len(states)-2])
			}
			b[i] ^= 1 << bit
		}
	}
}

// TestPagesInAnyOrder: of what was not synced, a crash may leave any part. A
// good frame behind a bad one is no proof of rot then, and does not count.
func TestPagesInAnyOrder(t *testing.T) {
	b, states := grown(t, false)
	at := frames(b)
	for i := range len(at) - 1 {
		content := bytes.Clone(b)
		clear(content[at[i]:at[i+1]])
		s, torn, err := manifest.Read(memWith(t, content), dir)
		if i < snapshotFrames {
			wantCorrupt(t, err, at[i], at[i])
			continue
		}
		must(t, err)
		if !torn {
			t.Fatalf("frame %d is gone and not missed", i)
		}
		wantState(t, "up to the hole", s, states[i-snapshotFrames])
		goOn(t, content, s, at[i])
	}
}

// TestRotBelowASync: the first change behind a sync tells that all before it was
// durable, however much of what follows is lost.
func TestRotBelowASync(t *testing.T) {
	m := newMem(t)
	h := &history{t: t}
	must(t, h.create(m, &manifest.State{}))
	must(t, h.notes(dirtied("a-0", 1, 1), dirtied("a-0", 1, 2)))
	must(t, h.sync())
	must(t, h.notes(dirtied("a-0", 1, 3), dirtied("a-0", 1, 4), dirtied("a-0", 1, 5)))
	b := contentOf(t, m)
	at := frames(b)
	for i := 1; i < len(at)-1; i++ {
		for j := i; j < len(at)-1; j++ {
			content := bytes.Clone(b)
			clear(content[at[i]:at[i+1]])
			clear(content[at[j]:at[j+1]])
			_, torn, err := manifest.Read(memWith(t, content), dir)
			if i < 3 {
				wantCorrupt(t, err, at[i], at[i])
			} else if err != nil || !torn {
				t.Fatalf("without frames %d and %d: torn %v, %v", i, j, torn, err)
			}
		}
	}
}

// TestRotIsFoundAfterARewrite: changes that were carried over are not moved away
// from what they say.
func TestRotIsFoundAfterARewrite(t *testing.T) {
	m := newMem(t)
	h := &history{t: t}
	must(t, h.create(m, &manifest.State{}))
	must(t, h.put(row("a-0", 1)))
	must(t, h.rewrite(func() error {
		return errors.Join(h.notes(dirtied("a-0", 1, 2), dirtied("a-0", 1, 3)), h.sync(), h.notes(dirtied("a-0", 1, 4), dirtied("a-0", 1, 5)))
	}))
	want := h.now()
	b := contentOf(t, m)
	at := frames(b)
	wantState(t, "read", read(t, m), want)
	for i := 2; i < 4; i++ {
		content := bytes.Clone(b)
		content[at[i]+10] ^= 1
		_, _, err := manifest.Read(memWith(t, content), dir)
		wantCorrupt(t, err, at[i], at[i])
	}
}

// TestLagPastTheStart: what was not synced before a rewrite may have been longer
// than the snapshot that took its place.
func TestLagPastTheStart(t *testing.T) {
	m := newMem(t)
	h := &history{t: t}
	must(t, h.create(m, &manifest.State{}))
	for i := range int64(50) {
		must(t, h.notes(dirtied("a-0", 1, i)))
	}
	must(t, h.rewrite(func() error { return h.notes(dirtied("a-0", 1, 50)) }))
	wantState(t, "read", read(t, m.Crash()), h.now())
}
