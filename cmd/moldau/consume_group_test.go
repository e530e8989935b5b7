package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

func TestConsumeInAGroup(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 2)
	count := func(want int, args string) {
		t.Helper()
		out := s.done(append([]string{"consume", "orders"}, strings.Fields(args)...)...)
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%s: %d records, want %d", args, got, want)
		}
	}
	committed := func(group, want string) {
		t.Helper()
		if d := s.describe(group); d.State != "Empty" || len(d.Members) > 0 {
			t.Errorf("the group was not left: %+v", d)
		}
		if got := s.offsets(group); got != want {
			t.Errorf("committed is %s, want %s", got, want)
		}
	}
	count(20, "-g g -o beginning -e")
	committed("g", "orders-0=10 orders-1=10")
	count(0, "-g g -o beginning -e") // goes on where it was
	s.done("group", "reset", "g", "--topic", "orders", "--to", "8")
	count(3, "-g g -n 3")
	count(1, "-g g -o beginning -e")
	committed("g", "orders-0=10 orders-1=10")

	// Where nothing is committed, --offset says where to begin.
	count(6, "-g h -o 7 -e")
	committed("h", "orders-0=10 orders-1=10")
	count(4, "-g i -o @1700000008000 -e")
	s.done("group", "reset", "j", "--topic", "orders:0", "--to", "4")
	count(6, "-g j -e")
	committed("j", "orders-0=10 orders-1=10")
	// Whoever begins at the end does not miss what comes between two runs.
	count(0, "-g l -e")
	committed("l", "orders-0=10 orders-1=10")
	s.want(exitDone, "more\n", "produce", "orders", "-p", "0")
	count(1, "-g l -e")
	if _, errOut := s.want(exitFailed, "", "consume", "orders", "-g", "k", "-o", "11", "-e"); !strings.Contains(errOut, "is outside of 0 to 10") {
		t.Errorf("error is %s", errOut)
	}
	if _, errOut := s.want(exitFailed, "", "consume", "nope", "-g", "k", "-e"); !strings.Contains(errOut, "UNKNOWN_TOPIC_OR_PARTITION") {
		t.Errorf("error is %s", errOut)
	}
}

func TestInterruptedGroupConsumeCommitsAndLeaves(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 1)
	ctx, cancel := context.WithCancel(t.Context())
	out := &firstWrite{seen: cancel}
	var errOut bytes.Buffer
	if code := run(ctx, []string{"consume", "orders", "-b", s.addr, "-g", "g", "-o", "beginning"}, nil, out, &errOut); code != exitDone {
		t.Errorf("exit %d: %s", code, &errOut)
	}
	d := s.describe("g")
	if printed := int64(strings.Count(out.String(), "\n")); printed == 0 || d.State != "Empty" || *d.Partitions[0].Committed != printed {
		t.Errorf("%d records were printed, and the group is %+v", printed, d)
	}
}

// brokenPipe takes some bytes and no more.
type brokenPipe struct{ left int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return len(b), nil
}

func TestNothingIsCommittedThatTheOutputDidNotTake(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 1)
	s.done("group", "reset", "g", "--topic", "orders", "--to", "2")
	var errOut bytes.Buffer
	code := run(t.Context(), []string{"consume", "orders", "-b", s.addr, "-g", "g", "-e"}, nil, &brokenPipe{left: 20}, &errOut)
	if code != exitFailed || !strings.Contains(errOut.String(), "broken pipe") {
		t.Errorf("exit %d: %s", code, &errOut)
	}
	if got := s.offsets("g"); got != "orders-0=2" {
		t.Errorf("committed is %s", got)
	}
	if d := s.describe("g"); d.State != "Empty" {
		t.Errorf("the group is %s", d.State)
	}
}

// A member is done when what it holds is at its end, and holds nothing before
// the others gave it up.
func TestGroupConsumeSharesWithOtherMembers(t *testing.T) {
	s := newGroupSession(t)
	s.fill("orders", 2)
	s.join("g", "orders")
	out := s.done("consume", "orders", "-g", "g", "-o", "beginning", "-e")
	if got := strings.Count(out, "\n"); got != 10 {
		t.Errorf("%d records, want those of one partition", got)
	}
	d := s.describe("g")
	committed := 0
	for _, p := range d.Partitions {
		if p.Committed != nil && *p.Committed == 10 {
			committed++
		}
	}
	if committed != 1 || len(d.Members) != 1 || d.Members[0].Client != "member" {
		t.Errorf("the group is left as %+v", d)
	}
}
