package group

import (
	"os"
	"testing"

	"moldau/fuzz/mutate"
	"moldau/fuzz/target"
)

func TestMain(m *testing.M) {
	code := m.Run()
	target.Flush()
	os.Exit(code)
}

func TestSoak(t *testing.T) { target.Soak(t, []*target.Target{groups, offsetsRecords}) }

// FuzzGroup has clients of one group join, sync, heartbeat, commit, leave and start
// anew as a program says, while time passes and the log lags, refuses, and loses what
// is not durable. It holds the machine to the model of TestModel, and that is:
//
//   - A generation has one leader, and it alone is told of the members. Generations do
//     not go back while the group is there.
//   - Shares are of one decision of the generation's leader, and no partition is in two.
//   - A commit or heartbeat of an older generation than a client was told of is refused.
//   - A committed offset that was acknowledged is what is read, also after a crash.
//   - Everybody is answered once, even if nobody does anything any more, and nobody who
//     is silent stays a member.
//   - What the machine works by is what a machine has that is loaded from the log.
func FuzzGroup(f *testing.F) { groups.Fuzz(f) }

var groups = target.New("FuzzGroup", func() ([]target.Seed, error) {
	return []target.Seed{
		{Program: []byte{1, 0, 0, 3, 9, 1, 0, 0, 8, 0, 0, 0, 0, 3, 6, 0, 0, 6, 1, 2, 15, 0, 0, 1, 3}},
		{Program: []byte{0, 0, 1, 2, 20, 0, 0, 0, 20, 1, 1, 1, 9, 10, 3, 0, 11, 6, 2, 1, 3, 2, 1, 0, 0, 7, 0, 8, 1, 0, 0, 2, 9, 31, 64}},
		{Program: []byte{1, 2, 3, 3, 5, 0, 1, 0, 5, 1, 0, 1, 13, 0, 3, 1, 6, 0, 2, 14, 11, 0, 0, 3, 15, 1, 0, 0, 3}},
	}, nil
}, func(t testing.TB, _, program []byte) target.Class {
	p := mutate.NewProgram(program[:min(len(program), 300)])
	c := choices{p: p}
	m := newModel(t, c.below)
	var actions []func()
	for _, a := range m.actions() {
		for range a.weight {
			actions = append(actions, a.do)
		}
	}
	if begun := p.Byte(); begun%8 > 0 { // most begin with a group that is, or was, at work
		c.seed = 1 + uint32(begun)
		for range 2 + begun%3 {
			m.work()
		}
		c.seed = 0
	}
	worked := m.working()
	for steps := 0; p.More() && steps < 60; steps++ {
		actions[p.Below(len(actions))]()
		m.check()
		if steps%4 == 3 {
			m.logIsTruth()
		}
		worked = worked || m.working()
	}
	m.end()
	switch {
	case worked && len(m.acked) > 0:
		return target.Accepted
	case worked:
		return target.Deep
	}
	return target.Early
})

func (m *model) working() bool {
	g := m.w.machine.groups["g"]
	return g != nil && g.state == Stable
}

// choices are a program's: a bit for one of two, so that programs stay short.
type choices struct {
	p    *mutate.Program
	seed uint32 // of what is chosen while no instruction is read, 0 for never

	bits, left byte
}

func (c *choices) below(_ string, n int) int {
	switch {
	case c.seed != 0:
		c.seed = c.seed*1664525 + 1013904223
		return int(c.seed>>16) % n
	case n == 2:
		if c.left == 0 {
			c.bits, c.left = c.p.Byte(), 8
		}
		bit := c.bits & 1
		c.bits, c.left = c.bits>>1, c.left-1
		return int(bit)
	}
	return c.p.Below(n)
}
