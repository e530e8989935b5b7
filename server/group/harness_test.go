package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"moldau/logstore/record"
	"moldau/server/coordinator"
)

// startMs is when tests begin.
const startMs = 1_700_000_000_000

// fakeJournal is a log of which the test says what becomes durable, and when.
type fakeJournal struct {
	hold   bool  // what is proposed waits for release
	refuse error // what Propose returns

	durable  [][]coordinator.Record // changes, in order
	underway []func(error)
	waiting  [][]coordinator.Record
}

func (j *fakeJournal) Propose(records []coordinator.Record, apply func(error)) error {
	if j.refuse != nil {
		return j.refuse
	}
	j.underway, j.waiting = append(j.underway, apply), append(j.waiting, records)
	if !j.hold {
		j.release(len(j.underway))
	}
	return nil
}

// release makes the first n changes durable.
func (j *fakeJournal) release(n int) {
	for ; n > 0 && len(j.underway) > 0; n-- {
		apply := j.underway[0]
		j.durable = append(j.durable, j.waiting[0])
		j.underway, j.waiting = j.underway[1:], j.waiting[1:]
		apply(nil)
	}
}

// fail has all that is under way fail, and whatever comes.
func (j *fakeJournal) fail() {
	j.refuse = fmt.Errorf("test: %w", coordinator.ErrFailed)
	for len(j.underway) > 0 {
		apply := j.underway[0]
		j.underway, j.waiting = j.underway[1:], j.waiting[1:]
		apply(j.refuse)
	}
}

// world is a machine with its journal and its clock, and clients that have
// names, so that scripts need not know ids.
type world struct {
	o       Options
	usage   usage
	machine *machine
	journal *fakeJournal
	ids     uint64
	out     strings.Builder
	topics  map[string][16]byte // ids of topics
	strict  bool                // others than those are not there

	members map[string]string // client's name -> member id
	names   map[string]string // the other way round
}

func newWorld(o Options) *world {
	w := &world{members: map[string]string{}, names: map[string]string{}}
	w.o = o
	w.o.Rand = func(b []byte) { w.ids++; binary.BigEndian.PutUint64(b[8:], w.ids) }
	w.o.Logger = slog.New(slog.DiscardHandler)
	w.o = w.o.withDefaults()
	w.topics = map[string][16]byte{}
	w.o.TopicID = func(name string) ([16]byte, bool) { id, ok := w.topics[name]; return id, ok || !w.strict }
	w.load(nil, moment{startMs, startMs})
	return w
}

// load starts a machine from what is durable.
func (w *world) load(durable [][]coordinator.Record, now moment) {
	w.usage.groups.Store(0)
	w.usage.bytes.Store(0)
	w.machine = newMachine(&w.o, &w.usage, now)
	w.journal = &fakeJournal{durable: durable}
	w.machine.journal = w.journal
	for i, change := range durable {
		for _, r := range change {
			w.machine.replay(&record.Record{Offset: int64(i), Key: r.Key, Value: r.Value})
		}
	}
	w.machine.loaded()
}

// crash starts anew with what is durable; whoever waits is told nothing.
func (w *world) crash() { w.load(w.journal.durable, w.machine.now) }

// compact leaves of what is durable the newest record of each key, as compaction
// does, and of those without value the last few only.
func (w *world) compact() {
	newest := map[string][2]int{}
	for i, change := range w.journal.durable {
		for n, r := range change {
			newest[string(r.Key)] = [2]int{i, n}
		}
	}
	for i, change := range w.journal.durable {
		var kept []coordinator.Record
		for n, r := range change {
			if newest[string(r.Key)] == [2]int{i, n} && (r.Value != nil || i > len(w.journal.durable)/2) {
				kept = append(kept, r)
			}
		}
		w.journal.durable[i] = kept
	}
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

// took returns what was printed.
func (w *world) took() string {
	defer w.out.Reset()
	return w.out.String()
}

// advance lets time pass, and what is due happen when it is.
func (w *world) advance(ms int64) {
	end := w.machine.now.ms + ms
	to := func(ms int64) {
		w.machine.now.wallMs += ms - w.machine.now.ms
		w.machine.now.ms = ms
	}
	for {
		next := w.machine.deadline()
		if next > end {
			break
		}
		to(max(next, w.machine.now.ms))
		w.machine.tick()
	}
	to(end)
}

// know links a client's name with its member id.
func (w *world) know(name, id string) {
	w.members[name] = id
	if _, ok := w.names[id]; !ok {
		w.names[id] = name
	}
}

// nameOf is what a script calls a member.
func (w *world) nameOf(id string) string {
	if n, ok := w.names[id]; ok {
		return n
	}
	return id
}

func (w *world) joinAnswer(name string) func(*JoinResponse) {
	return func(r *JoinResponse) {
		if r.Err == nil || errors.Is(r.Err, ErrMemberIDRequired) {
			w.know(name, r.MemberID)
		}
		if r.Err != nil {
			w.printf("%s: join: %v", name, r.Err)
			return
		}
		line := fmt.Sprintf("%s: joined generation %d of %s/%s, leader %s", name, r.Generation, r.ProtocolType, r.Protocol, w.nameOf(r.Leader))
		var members []string
		for _, m := range r.Members {
			members = append(members, fmt.Sprintf("%s(%s)", w.nameOf(m.ID), strings.Trim(strconv.Quote(string(m.Metadata)), `"`)))
		}
		if len(members) > 0 {
			line += ", members " + strings.Join(members, " ")
		}
		if r.SkipAssignment {
			line += ", need not assign"
		}
		w.printf("%s", line)
	}
}

func (w *world) syncAnswer(name string) func(*SyncResponse) {
	return func(r *SyncResponse) {
		if r.Err != nil {
			w.printf("%s: sync: %v", name, r.Err)
			return
		}
		w.printf("%s: has %q of %s/%s", name, r.Assignment, r.ProtocolType, r.Protocol)
	}
}

// describeAll prints every group that can be seen.
func (w *world) describeAll() {
	var ids []string
	w.machine.list(func(l Listing) { ids = append(ids, l.ID) })
	slices.Sort(ids)
	for _, id := range ids {
		d, err := w.machine.describe(id)
		if err != nil {
			w.printf("%s: %v", id, err)
			continue
		}
		w.printf("%s: %s generation %d type %q protocol %q", id, d.State, w.machine.groups[id].generation, d.ProtocolType, d.Protocol)
		for _, m := range d.Members {
			w.printf("  %s instance %q metadata %q assignment %q", w.nameOf(m.ID), m.Instance, m.Metadata, m.Assignment)
		}
		all := w.machine.allOffsets(id)
		sortOffsets(all)
		for _, o := range all {
			w.printf("  %s-%d at %d epoch %d %q", o.Topic, o.Partition, o.Offset, o.LeaderEpoch, o.Metadata)
		}
	}
	if len(ids) == 0 {
		w.printf("none")
	}
}
