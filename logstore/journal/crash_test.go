package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"

	"moldau/logstore/journal"
	"moldau/logstore/vfs"
)

// script is what a store does with its journal: commits, cuts with what is
// carried over them, and an end without one. acked is what it was told is
// durable and has not released, added the rest of what a scan may find.
type script struct {
	from         uint64 // what the caller keeps elsewhere, durably
	acked, added []string
}

func (s *script) run(fsys vfs.FS, generation, sequence uint64, rounds int) error {
	j, err := journal.Open(fsys, dir, generation, sequence, small)
	if err != nil {
		return err
	}
	defer j.Close()
	for i := range rounds {
		var payloads []string
		for k := range i%3 + 1 {
			payload := fmt.Sprintf("%d.%d.%d ", generation, i, k) + long(i*700%5000)
			log := "a-0"
			if i%4 == 0 {
				log = "b-0"
			}
			p, ok := j.Add(batches(log, int64(i)), len(payload))
			if !ok {
				break
			}
			copy(p, payload)
			payloads = append(payloads, log+payload)
		}
		s.added = payloads
		if err := s.commit(j); err != nil {
			return err
		}
		if i%3 == 2 {
			if err := j.Prepare(); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit makes room for what was added.
func (s *script) commit(j *journal.Journal) error {
	err := j.Commit()
	if errors.Is(err, journal.ErrFull) {
		upto := j.Generation() - 1
		s.from = upto + 1
		s.acked = nil // the caller's own files have it
		j.Release(upto)
		err = j.Commit()
	}
	if err == nil {
		s.acked = append(s.acked, s.added...)
		s.added = nil
	}
	return err
}

// check compares what a scan finds with what must be there.
func (s *script) check(t *testing.T, fsys vfs.FS) journal.Report {
	t.Helper()
	found, report := scan(t, fsys, s.from)
	var got []string
	sequence := uint64(0)
	for _, e := range found {
		if e.sequence < sequence {
			t.Fatalf("sequence %d comes after %d", e.sequence, sequence)
		}
		sequence = e.sequence
		got = append(got, e.header.Log+e.payload)
	}
	// What was released and is still there may come before, what was not
	// acknowledged after.
	if len(s.acked) > 0 {
		i := slices.Index(got, s.acked[0])
		if i < 0 || len(got)-i < len(s.acked) || !slices.Equal(got[i:i+len(s.acked)], s.acked) {
			t.Fatalf("found %.10q, acknowledged was %.10q", got, s.acked)
		}
		for _, rest := range got[i+len(s.acked):] {
			if !slices.Contains(s.added, rest) {
				t.Fatalf("found %.30q, which was never added", rest)
			}
		}
	}
	if report.Rot != nil {
		t.Fatalf("a crash is taken for damage: %+v", report.Rot)
	}
	return report
}

func TestCrashAtEveryOperation(t *testing.T) {
	const rounds = 24
	counted := vfs.NewFault(vfs.NewMem())
	must(t, new(script).run(counted, 1, 1, rounds))
	ops := counted.Ops()
	if ops < 70 {
		t.Fatalf("the script does %d operations only", ops)
	}
	for at := int64(1); at <= ops; at++ {
		for _, short := range []bool{false, true} {
			m := vfs.NewMem()
			fault := vfs.NewFault(m)
			fault.SetHook(stopAt(at, short))
			s := new(script)
			if err := s.run(fault, 1, 1, rounds); err != nil {
				wantErr(t, err, vfs.ErrCrashed)
			}
			// As after kill -9, in which all that was written is there, and as after a
			// loss of power; then a second life on what is left, and its end.
			for _, left := range []*vfs.Mem{m.Clone(), m.Crash()} {
				first := *s
				report := first.check(t, left)
				second := script{from: report.Generation + 1}
				must(t, second.run(left, report.Generation+1, report.Sequence+1, 5))
				second.check(t, left.Crash())
			}
			if t.Failed() {
				t.Fatalf("stopped at operation %d of %d", at, ops)
			}
		}
	}
}

// stopAt crashes at an operation, a write half done if short.
func stopAt(at int64, short bool) func(vfs.Op) error {
	return func(op vfs.Op) error {
		switch {
		case op.Seq < at:
			return nil
		case short && op.Kind == vfs.OpWrite:
			return vfs.ShortWrite(int(op.Length/2), vfs.ErrCrashed)
		}
		return vfs.ErrCrashed
	}
}

// Errors that are no crash leave what was acknowledged, and a Commit never
// succeeds after one that failed.
func TestErrorAtEveryOperation(t *testing.T) {
	const rounds = 24
	counted := vfs.NewFault(vfs.NewMem())
	must(t, new(script).run(counted, 1, 1, rounds))
	for at := int64(1); at <= counted.Ops(); at++ {
		m := vfs.NewMem()
		fault := vfs.NewFault(m)
		fault.SetHook(func(op vfs.Op) error {
			if op.Seq == at {
				return syscall.EIO
			}
			return nil
		})
		s := new(script)
		if err := s.run(fault, 1, 1, rounds); err != nil {
			wantErr(t, err, syscall.EIO)
		}
		s.check(t, m.Crash())
	}
}

func TestPrepareBesideCommit(t *testing.T) {
	m := vfs.NewMem()
	j := open(t, m, 1, 1, journal.Options{FileBytes: 4 * block, BytesMax: 400 * block})
	var group sync.WaitGroup
	stop := make(chan struct{})
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := j.Prepare(); err != nil || j.Bytes() < 0 || j.Generation() > 100 {
					t.Error(err, j.Bytes(), j.Generation())
				}
			}
		}
	})
	for i := range int64(200) {
		commit(t, j, i, "x")
		if i == 100 {
			j.Release(j.Generation() - 1)
		}
	}
	close(stop)
	group.Wait()
	found, report := scan(t, m.Crash(), 34)
	if len(found) != 101 || report.Rot != nil || report.Torn {
		t.Fatalf("found %d, %+v", len(found), report)
	}
}

// A commit is one write and one sync, the first of a file too.
func TestOneWriteAndOneSync(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	j := open(t, fault, 1, 1, small)
	for i := range int64(6) {
		must(t, j.Prepare())
		var kinds []vfs.OpKind
		fault.SetHook(func(op vfs.Op) error {
			kinds = append(kinds, op.Kind)
			return nil
		})
		commit(t, j, i, "x", "y")
		want := []vfs.OpKind{vfs.OpWrite, vfs.OpSync}
		switch i {
		case 0:
			want = []vfs.OpKind{vfs.OpOpen, vfs.OpWrite, vfs.OpSync}
		case 3:
			want = []vfs.OpKind{vfs.OpClose, vfs.OpOpen, vfs.OpWrite, vfs.OpSync}
		}
		if !slices.Equal(kinds, want) {
			t.Fatalf("commit %d did %v, must do %v", i, kinds, want)
		}
		fault.SetHook(nil)
	}
}
