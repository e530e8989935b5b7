package groups

import (
	"fmt"
	"slices"
	"time"
)

// script is a small world: a clock that only the script moves, and a group with
// a topic of four partitions.
type script struct {
	*History
	clock time.Time
	n     int // commits so far, for their metadata
}

const scriptSession = 6 * time.Second

func newScript() *script {
	s := &script{clock: time.Unix(1000, 0)}
	s.History = New(func() time.Time { return s.clock })
	return s
}

// pass lets time pass.
func (s *script) pass(d time.Duration) { s.clock = s.clock.Add(d) }

func slots(partitions ...int32) (out []Slot) {
	for _, p := range partitions {
		out = append(out, Slot{"g", "t", p})
	}
	return out
}

// join is a member that asks to join, waits and is given partitions.
func (s *script) join(name, instance string, generation int32, partitions ...int32) *Tenant {
	t := s.Joins("g", name, instance, scriptSession)
	s.rejoin(t, generation, partitions...)
	return t
}

func (s *script) rejoin(t *Tenant, generation int32, partitions ...int32) {
	asked := s.clock
	s.pass(10 * time.Millisecond)
	t.Waited(asked, s.clock)
	t.Assigned(generation, asked, slots(partitions...))
	s.pass(time.Millisecond)
}

// beat lets time pass in which members are heard of.
func (s *script) beat(d time.Duration, tenants ...*Tenant) {
	for until := s.clock.Add(d); s.clock.Before(until); {
		sent := s.clock
		s.pass(time.Second)
		for _, t := range tenants {
			t.Alive(sent)
		}
	}
}

// commit is a commit with its answer, or without one for a negative code.
func (s *script) commit(by string, generation, partition int32, offset int64, code int16) string {
	s.n++
	metadata := fmt.Sprint(by, "#", s.n)
	c := s.Commit(by, slots(partition)[0], generation, offset, metadata)
	s.pass(time.Millisecond)
	if code >= 0 {
		c.Answered(code)
	}
	s.pass(time.Millisecond)
	return metadata
}

func (s *script) fetch(by string, partition int32, offset int64, metadata string) {
	sent := s.clock
	s.pass(time.Millisecond)
	s.Read(by, slots(partition)[0], sent, offset, metadata)
	s.pass(time.Millisecond)
}

// work consumes and commits up to an offset and reads that back.
func (s *script) work(t *Tenant, generation, partition int32, from, to int64) {
	s.Consumed(slots(partition)[0], from, to)
	s.fetch("observer", partition, to, s.commit(t.name, generation, partition, to, 0))
}

// scene is what a plant may go on from: a and b share the group in generation 2,
// a owns 0 and 1, b owns 2 and 3, everything up to 20 is read and committed.
type scene struct {
	*script
	a, b *Tenant
}

func newScene() *scene {
	s := &scene{script: newScript()}
	for p := range int32(4) {
		s.fetch("observer", p, -1, "")
	}
	s.a = s.join("a", "", 1, 0, 1, 2, 3)
	for p := range int32(4) {
		s.work(s.a, 1, p, 0, 10)
	}
	s.a.Lost()
	s.pass(time.Millisecond)
	s.b = s.join("b", "", 2, 2, 3)
	s.rejoin(s.a, 2, 0, 1)
	for p := range int32(4) {
		s.work([]*Tenant{s.a, s.a, s.b, s.b}[p], 2, p, 10, 20)
		s.Ended("t", p, 20)
	}
	return s
}

// plant is one way for a broker to break its promise, or not to.
type plant struct {
	name string
	want string // the kind that must be reported; "" for a sound history
	act  func(s *scene)
}

// Misjudged plays each plant and returns what the checker got wrong: nothing,
// or the check is worth nothing. judged is how many it tried.
func Misjudged() (wrong []string, judged int) {
	plants := slices.Concat(ownershipPlants, commitPlants)
	for _, p := range plants {
		s := newScene()
		p.act(s)
		s.pass(time.Second)
		faults := s.Check()
		other := slices.ContainsFunc(faults, func(f Fault) bool { return f.Kind != p.want })
		if other || p.want != "" && len(faults) == 0 {
			wrong = append(wrong, fmt.Sprintf("%s: must be %q, is %v", p.name, p.want, faults))
		}
	}
	return wrong, len(plants)
}
