package group

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestModel has clients do anything at any time, lets the log lag behind, lose
// what is not durable and refuse, and holds the machine to what clients rely on:
//
//   - an offset that was acknowledged is what is read, until a later one is;
//   - who was told of a later generation than a committer's, or took its place,
//     can rely on it that the commit is refused;
//   - within a generation everyone has what its leader said, and nobody else
//     has it;
//   - everybody is answered, once, even if nobody else does anything any more;
//   - what is in the log is what the machine works by.
func TestModel(t *testing.T) {
	for range 4 { // as many times what rapid tries by default
		rapid.Check(t, runModel)
	}
}

func runModel(t *rapid.T) {
	m := newModel(t, func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) })
	actions := map[string]func(*rapid.T){"": func(*rapid.T) { m.check(); m.logIsTruth() }}
	for _, a := range m.actions() {
		for i := range a.weight {
			actions[fmt.Sprint(a.name, i)] = func(*rapid.T) { a.do() }
		}
	}
	t.Repeat(actions)
	m.end()
}

// action is something that happens to a group, so many times as often as others.
type action struct {
	name   string
	weight int
	do     func()
}

func (m *model) actions() []action {
	j := func() *fakeJournal { return m.w.journal }
	return []action{
		{"work", 3, m.work},
		{"join", 1, func() { m.join(m.client()) }},
		{"sync", 1, func() { m.sync(m.client()) }},
		{"heartbeat", 1, m.heartbeat},
		{"commit", 3, m.commit},
		{"leave", 1, m.leave},
		{"restart", 1, m.restart},
		{"wait", 1, func() { m.w.advance(int64(1 + m.below("ms", 8000))) }},
		{"hold", 1, func() { j().hold = true }},
		{"release", 1, func() { j().hold = false; j().release(len(j().underway)) }},
		{"one", 1, func() { j().release(1) }},
		{"refuse", 1, func() { j().refuse, m.lossy = errTest, true }},
		{"accept", 1, func() { j().refuse = nil }},
		{"crash", 1, m.crash},
	}
}

const modelPartitions = 6

// failing is what a model fails.
type failing interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

type model struct {
	t     failing
	below func(what string, n int) int // chooses one of n
	w     *world

	clients   []*modelClient
	acked     map[partition]int64 // acknowledged, by the log's order
	next      int64               // offset to commit
	announced int32               // latest generation that a client was told of
	leaders   map[int32]string    // that clients were told of, by generation

	open      map[int]string // questions without an answer
	lossy     bool           // the log was not told everything
	questions int
}

// modelClient is a process that wants to be in the group.
type modelClient struct {
	name, instance string
	id             string // "" before it knows
	generation     int32
	leads          []string // ids to assign to, nil where it does not lead
	joining        bool
	synced         bool
}

func newModel(t failing, below func(what string, n int) int) *model {
	m := &model{
		t: t, below: below, w: newWorld(Options{InitialDelayMs: int64(3000 * below("delay", 2)), Limits: Limits{MembersMax: 4}}),
		acked: map[partition]int64{}, leaders: map[int32]string{}, open: map[int]string{},
	}
	for i := range 5 {
		c := &modelClient{name: fmt.Sprint("client", i)}
		if i >= 3 {
			c.instance = fmt.Sprint("instance", i)
		}
		m.clients = append(m.clients, c)
	}
	return m
}

func (m *model) client() *modelClient { return m.clients[m.below("client", len(m.clients))] }

func (m *model) maybe(what string) bool { return m.below(what, 2) == 1 }

// ask notes a question, and returns what is called with its answer.
func (m *model) ask(format string, args ...any) (answered func() bool) {
	n := m.questions
	m.questions++
	m.open[n] = fmt.Sprintf(format, args...)
	world := m.w.machine // a crash answers nobody
	return func() bool {
		if m.w.machine != world {
			m.t.Fatalf("answered after a crash: %s", m.open[n])
		}
		if _, ok := m.open[n]; !ok {
			m.t.Fatalf("question %d is answered twice", n)
		}
		delete(m.open, n)
		return true
	}
}

// work has some clients do what well-behaved ones do, so that the group gets to
// work now and then.
func (m *model) work() {
	clients := m.clients[m.below("from", 4):]
	for range 1 + m.below("rounds", 4) {
		for _, c := range clients {
			switch err := m.w.machine.heartbeat("g", c.id, c.instance, c.generation); {
			case c.joining:
			case errors.Is(err, ErrUnknownMember), errors.Is(err, ErrFencedInstance):
				c.id = ""
				m.join(c)
			case err != nil:
				m.join(c)
			case !c.synced:
				m.sync(c)
			}
		}
		m.w.advance(3000)
	}
}

func (m *model) join(c *modelClient) {
	r := &JoinRequest{
		Group: "g", MemberID: c.id, Instance: c.instance, ClientID: c.name, ClientHost: "/h", SessionMs: 10_000,
		RebalanceMs: int32(1+m.below("patience", 40)) * 1000, ProtocolType: "consumer",
		Protocols:  []Protocol{{"range", subscription("t")}, {"sticky", subscription("t")}},
		IDRequired: m.maybe("idRequired"), MaySkip: m.maybe("maySkip"),
	}
	if m.maybe("reversed") {
		slices.Reverse(r.Protocols)
	}
	answered := m.ask("join of %s", c.name)
	c.joining, c.synced, c.leads = true, false, nil
	m.w.machine.join(r, func(j *JoinResponse) {
		answered()
		c.joining = false
		switch {
		case errors.Is(j.Err, ErrMemberIDRequired):
			c.id = j.MemberID
		case errors.Is(j.Err, ErrUnknownMember), errors.Is(j.Err, ErrFencedInstance), errors.Is(j.Err, ErrFull):
			c.id = ""
		case j.Err == nil:
			c.id, c.generation = j.MemberID, j.Generation
			m.joined(c, j)
			for _, x := range j.Members {
				if !j.SkipAssignment {
					c.leads = append(c.leads, x.ID)
				}
			}
		}
	})
}

// joined notes that a client was told of a generation.
func (m *model) joined(c *modelClient, j *JoinResponse) {
	if j.Generation < m.announced {
		m.t.Fatalf("%s joined generation %d, others were told of %d", c.name, j.Generation, m.announced)
	}
	m.announced = j.Generation
	// A leader that comes again after a restart, as another member, may be the same.
	leader, told := m.leaders[j.Generation]
	if told && leader != j.Leader && !j.SkipAssignment && len(j.Members) > 0 {
		m.t.Fatalf("generation %d is led by %s, others were told by %s", j.Generation, j.Leader, leader)
	}
	if len(j.Members) > 0 != (j.MemberID == j.Leader) {
		m.t.Fatalf("%s is told of %d members, the leader is %s", j.MemberID, len(j.Members), j.Leader)
	}
	m.leaders[j.Generation] = j.Leader
}

func (m *model) sync(c *modelClient) {
	r := &SyncRequest{Group: "g", MemberID: c.id, Instance: c.instance, Generation: c.generation, Assignments: map[string][]byte{}}
	for i, id := range c.leads {
		share := ""
		for p := i; p < modelPartitions; p += len(c.leads) {
			share += fmt.Sprint(p, " ")
		}
		// Each decision is another one.
		r.Assignments[id] = []byte(fmt.Sprintf("%s#%d", share, m.questions))
	}
	answered := m.ask("sync of %s", c.name)
	generation := c.generation
	m.w.machine.sync(r, func(s *SyncResponse) {
		answered()
		if s.Err != nil {
			return
		}
		c.synced = true
		g := m.w.machine.groups["g"]
		if g.generation != generation || g.state != Stable {
			m.t.Fatalf("%s has a share of generation %d, the group is %s in %d", c.name, generation, g.state, g.generation)
		}
		m.sharesAreDisjoint(g)
		if mb := g.byID[r.MemberID]; mb == nil || string(mb.assignment) != string(s.Assignment) {
			m.t.Fatalf("%s was told %q", c.name, s.Assignment)
		}
	})
}

// sharesAreDisjoint checks that all shares are of one decision, and none of a
// partition twice.
func (m *model) sharesAreDisjoint(g *group) {
	owners, decision := map[string]string{}, ""
	for _, mb := range g.members {
		share, by, ok := strings.Cut(string(mb.assignment), "#")
		if !ok {
			continue // not assigned anything
		}
		if decision != "" && by != decision {
			m.t.Fatalf("shares of two decisions in generation %d", g.generation)
		}
		decision = by
		for p := range strings.FieldsSeq(share) {
			if o, taken := owners[p]; taken {
				m.t.Fatalf("partition %s is %s's and %s's", p, o, mb.id)
			}
			owners[p] = mb.id
		}
	}
}

func (m *model) heartbeat() {
	c := m.client()
	err := m.w.machine.heartbeat("g", c.id, c.instance, c.generation)
	if errors.Is(err, ErrUnknownMember) || errors.Is(err, ErrFencedInstance) {
		c.id = ""
	}
	if err == nil && c.generation < m.announced {
		m.t.Fatalf("%s is alive in generation %d, others were told of %d", c.name, c.generation, m.announced)
	}
}

func (m *model) commit() {
	c := m.client()
	p := partition{"t", int32(m.below("partition", modelPartitions))}
	m.next++
	offset, stale := m.next, c.generation < m.announced || c.id == ""
	answered := m.ask("commit of %s", c.name)
	r := &CommitRequest{Group: "g", MemberID: c.id, Instance: c.instance, Generation: c.generation,
		Offsets: []CommitOffset{{Topic: p.topic, Partition: p.number, Offset: offset, LeaderEpoch: -1, RetentionMs: -1}}}
	m.w.machine.commit(r, func(err error) {
		answered()
		if err != nil {
			return
		}
		if stale {
			m.t.Fatalf("commit of %s in generation %d was accepted, others were told of %d", c.name, r.Generation, m.announced)
		}
		m.acked[p] = offset
	})
}

func (m *model) leave() {
	c := m.client()
	if _, err := m.w.machine.leave("g", []Leaving{{c.id, c.instance}}); err != nil {
		m.t.Fatal(err)
	}
	c.id = ""
}

// restart is of a client's process: it forgets its id.
func (m *model) restart() { m.client().id = "" }

// crash loses what is not durable, and all questions with it.
func (m *model) crash() {
	if m.maybe("compacted") {
		m.w.compact()
	}
	m.w.crash()
	clear(m.open)
	clear(m.leaders)
	m.announced, m.lossy = 0, m.w.journal.refuse != nil
	for _, c := range m.clients {
		c.joining = false
	}
	g := m.w.machine.groups["g"]
	if g == nil {
		return
	}
	m.announced = g.generation
	if g.state != Stable && g.state != Empty {
		m.t.Fatalf("a group is %s after a crash", g.state)
	}
	m.sharesAreDisjoint(g)
}

func (m *model) check() {
	if m.w.machine.groups["g"] == nil {
		clear(m.leaders)
		m.announced = 0 // nothing was ever written of it, and nobody is its member
	}
	for p, want := range m.acked {
		if got := m.w.machine.offset("g", p.topic, p.number); got.Offset != want {
			m.t.Fatalf("%v is at %d, acknowledged is %d", p, got.Offset, want)
		}
	}
	var bytes int64
	for _, g := range m.w.machine.groups {
		sum := int64(groupOverheadBytes + len(g.id))
		joining := 0
		for _, mb := range g.members {
			sum += mb.bytes()
			if mb.joining != nil {
				joining++
			}
		}
		for id := range g.pending {
			sum += pendingBytes(id)
		}
		for p, c := range g.offsets {
			sum += offsetBytes(p, c)
		}
		if sum != g.bytes || joining != g.joining {
			m.t.Fatalf("group takes %d bytes and %d join, counted are %d and %d", sum, joining, g.bytes, g.joining)
		}
		bytes += g.bytes
		if len(m.w.machine.timers) > 2*len(m.w.machine.groups)+len(g.members)+len(g.pending) {
			m.t.Fatalf("%d timers for %d members", len(m.w.machine.timers), len(g.members))
		}
	}
	if bytes != m.w.usage.bytes.Load() || int(m.w.usage.groups.Load()) != len(m.w.machine.groups) {
		m.t.Fatalf("usage is %d bytes of %d groups, counted are %d of %d",
			bytes, len(m.w.machine.groups), m.w.usage.bytes.Load(), m.w.usage.groups.Load())
	}
}

// logIsTruth compares the machine with one that is loaded from the log, as far
// as what the log keeps goes.
func (m *model) logIsTruth() {
	g := m.w.machine.groups["g"]
	if g == nil || len(m.w.journal.underway) > 0 || g.state != Stable && (g.state != Empty || m.lossy || !g.recorded) {
		return
	}
	second := newWorld(Options{})
	second.load(m.w.journal.durable, m.w.machine.now)
	want, _ := m.w.machine.describe("g")
	got, _ := second.machine.describe("g")
	w, r := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)
	if w != r || g.generation != second.machine.groups["g"].generation {
		m.t.Fatalf("works by\n%s\nin the log is\n%s", w, r)
	}
}

// end leaves the group alone: nobody waits for ever, and nobody stays a member
// who is not heard of.
func (m *model) end() {
	m.w.journal.refuse, m.w.journal.hold = nil, false
	m.w.journal.release(len(m.w.journal.underway))
	m.w.advance(20 * 60_000)
	for _, question := range m.open {
		m.t.Fatalf("never answered: %s", question)
	}
	if g := m.w.machine.groups["g"]; g != nil && (len(g.members) > 0 || len(g.pending) > 0 || g.state != Empty) {
		m.t.Fatalf("group is %s with %d members and %d pending", g.state, len(g.members), len(g.pending))
	}
	m.check()
	m.logIsTruth()
}
