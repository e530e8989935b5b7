package groups

import (
	"sync"
	"time"
)

// SessionSlack is how much before its session timeout a silent member may be
// dropped: timers count in whole milliseconds.
const SessionSlack = 10 * time.Millisecond

// Slot is what one member of a group owns and commits for.
type Slot struct {
	Group     string
	Topic     string
	Partition int32
}

// History is what happened, as its witnesses tell it, in order of a monotonic
// clock. Its methods may be called from many goroutines.
type History struct {
	now func() time.Time

	mu       sync.Mutex
	tenants  []*Tenant
	rounds   map[string][]round
	commits  map[Slot][]*Commit
	reads    map[Slot][]read
	consumed map[Slot][]interval[int64]
	ends     map[topicPartition]int64
	// acked counts a group's acknowledged commits as they come.
	acked map[string]int
}

// topicPartition is a slot for all groups.
type topicPartition struct {
	topic     string
	partition int32
}

// interval is [from, to).
type interval[T int64 | time.Duration] struct{ from, to T }

// round is an assignment, as a member of the generation was told it.
type round struct {
	tenant     *Tenant
	generation int32
	asked      time.Time // when it asked to join; zero if that is unknown
	told       time.Time
	slots      []Slot
}

// Commit is one attempt.
type Commit struct {
	h        *History
	by       string
	slot     Slot
	offset   int64
	metadata string
	// generation is -1 without one.
	generation int32
	sent       time.Time
	// answered is zero as long as the outcome is unknown.
	answered time.Time
	code     int16
}

// read is one answer of OffsetFetch. offset is -1 for nothing committed.
type read struct {
	slot        Slot
	by          string
	offset      int64
	metadata    string
	named       bool // whether metadata was told
	sent, heard time.Time
}

// New is an empty history on a clock, time.Now for what really happens.
func New(now func() time.Time) *History {
	return &History{
		now: now, rounds: map[string][]round{}, commits: map[Slot][]*Commit{}, reads: map[Slot][]read{},
		consumed: map[Slot][]interval[int64]{}, ends: map[topicPartition]int64{}, acked: map[string]int{},
	}
}

// Now is the history's clock.
func (h *History) Now() time.Time { return h.now() }

// Commit notes that a commit is about to be sent. generation is -1 for a
// committer that is not a member, or where it is not known.
func (h *History) Commit(by string, slot Slot, generation int32, offset int64, metadata string) *Commit {
	return h.CommitAt(h.now(), by, slot, generation, offset, metadata)
}

// CommitAt is Commit, heard of later: sent is not after the sending.
func (h *History) CommitAt(sent time.Time, by string, slot Slot, generation int32, offset int64, metadata string) *Commit {
	c := &Commit{h: h, by: by, slot: slot, offset: offset, metadata: metadata, generation: generation, sent: sent}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commits[slot] = append(h.commits[slot], c)
	return c
}

// Answered notes the broker's error code for a commit, 0 if it was taken. A
// commit of which nothing is heard stays unknown, and so does one whose code
// leaves open whether it was stored: 7 (timed out), 15 and 16 (no coordinator
// any more).
func (c *Commit) Answered(code int16) {
	if code == 7 || code == 15 || code == 16 {
		return
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.answered, c.code = c.h.now(), code
	if code == 0 {
		c.h.acked[c.slot.Group]++
	}
}

func (c *Commit) acked() bool   { return !c.answered.IsZero() && c.code == 0 }
func (c *Commit) refused() bool { return !c.answered.IsZero() && c.code != 0 }

// Read notes what OffsetFetch answered to a request that was sent then.
func (h *History) Read(by string, slot Slot, sent time.Time, offset int64, metadata string) {
	h.read(read{slot: slot, by: by, sent: sent, offset: offset, metadata: metadata, named: true})
}

// ReadOffset notes a committed offset where its metadata is not known: a client
// began to consume there. 0 is where it begins if nothing is committed.
func (h *History) ReadOffset(by string, slot Slot, sent time.Time, offset int64) {
	if offset == 0 {
		offset = -1
	}
	h.read(read{slot: slot, by: by, sent: sent, offset: offset})
}

func (h *History) read(r read) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.heard = h.now()
	h.reads[r.slot] = append(h.reads[r.slot], r)
}

// Consumed notes that a member was given the records [from, to).
func (h *History) Consumed(slot Slot, from, to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	spans := h.consumed[slot]
	// Most often it goes on where the last one ended.
	if n := len(spans); n > 0 && spans[n-1].to == from {
		spans[n-1].to = to
		return
	}
	h.consumed[slot] = append(spans, interval[int64]{from, to})
}

// Ended notes a partition's end: every group must have been given all below.
func (h *History) Ended(topic string, partition int32, end int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends[topicPartition{topic, partition}] = end
}

// Counts are the sizes of what was checked: a check of little shows little.
type Counts struct {
	Tenants, Generations, Spells           int
	Acked, Refused, Unknown, Reads, Groups int
	Records                                int64
}

// Counts sums up.
func (h *History) Counts() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := Counts{Tenants: len(h.tenants), Groups: len(h.rounds)}
	for _, rounds := range h.rounds {
		seen := map[int32]bool{}
		for _, r := range rounds {
			seen[r.generation] = true
		}
		c.Generations += len(seen)
	}
	for _, t := range h.tenants {
		c.Spells += len(t.spells)
	}
	for _, commits := range h.commits {
		for _, commit := range commits {
			switch {
			case commit.acked():
				c.Acked++
			case commit.refused():
				c.Refused++
			default:
				c.Unknown++
			}
		}
	}
	for _, reads := range h.reads {
		c.Reads += len(reads)
	}
	for _, spans := range h.consumed {
		for _, s := range spans {
			c.Records += s.to - s.from
		}
	}
	return c
}

// Acked is how many commits of a group were acknowledged so far, for a driver
// that waits for progress.
func (h *History) Acked(group string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acked[group]
}
