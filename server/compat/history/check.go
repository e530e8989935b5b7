package history

import (
	"fmt"
	"sort"
)

// The kinds of fault.
const (
	Lost       = "lost"       // acknowledged, and not in the log
	Doubled    = "doubled"    // twice in the log
	Reordered  = "reordered"  // behind a record that was sent after it
	Moved      = "moved"      // not at the offset that was acknowledged
	Foreign    = "foreign"    // nobody sent these bytes, or not to this partition
	Hole       = "hole"       // offsets do not follow one another
	Skipped    = "skipped"    // neither there nor failed, though later ones are
	GivenUp    = "given up"   // an idempotent producer with time to retry failed a record
	Unanswered = "unanswered" // neither acknowledged nor failed in the end
	Vanished   = "vanished"   // a consumer was given it, and it is there no more
)

// Fault is one broken promise.
type Fault struct {
	Kind   string
	Detail string
}

func (f Fault) String() string { return f.Kind + ": " + f.Detail }

// Check finds every broken promise.
func (h *History) Check() []Fault {
	c := checker{h: h, at: map[Record]int64{}}
	for _, partition := range sortedKeys(h.logs) {
		c.log(partition)
	}
	for key, t := range h.streams {
		c.answers(key, t)
	}
	for _, partition := range sortedKeys(h.seen) {
		c.vanished(partition)
	}
	sort.SliceStable(c.faults, func(i, j int) bool { return c.faults[i].String() < c.faults[j].String() })
	return c.faults
}

type checker struct {
	h      *History
	at     map[Record]int64 // where each record is, first time
	faults []Fault
}

func (c *checker) fault(kind, format string, args ...any) {
	c.faults = append(c.faults, Fault{kind, fmt.Sprintf(format, args...)})
}

// log walks a partition as it was read.
func (c *checker) log(partition int32) {
	last := map[string]int64{} // per producer, the highest sequence so far
	next := int64(0)
	for _, s := range c.h.logs[partition] {
		if s.Offset != next {
			c.fault(Hole, "partition %d: offset %d where %d is next", partition, s.Offset, next)
		}
		next = s.Offset + 1
		r, ok := Parse(s.Value)
		t := c.h.streams[stream{r.Producer, r.Partition}]
		if !ok || r.Partition != partition || t == nil || r.Sequence >= t.sent {
			c.fault(Foreign, "partition %d offset %d: %.60q", partition, s.Offset, s.Value)
			continue
		}
		if first, twice := c.at[r]; twice {
			c.fault(Doubled, "%s partition %d sequence %d at offsets %d and %d", r.Producer, partition, r.Sequence, first, s.Offset)
			continue
		}
		c.at[r] = s.Offset
		if before, any := last[r.Producer]; any && r.Sequence < before {
			c.fault(Reordered, "%s partition %d sequence %d at offset %d behind sequence %d", r.Producer, partition, r.Sequence, s.Offset, before)
			continue
		}
		last[r.Producer] = r.Sequence
	}
}

// answers compares what a producer was told with what is there.
func (c *checker) answers(key stream, t *told) {
	highest := int64(-1) // the last sequence that is in the log
	for sequence := t.sent - 1; sequence >= 0 && highest < 0; sequence-- {
		if _, there := c.at[Record{key.producer, key.partition, sequence}]; there {
			highest = sequence
		}
	}
	for sequence := range t.sent {
		at, there := c.at[Record{key.producer, key.partition, sequence}]
		offset, acked := t.acked[sequence]
		reason, failed := t.failed[sequence]
		what := fmt.Sprintf("%s partition %d sequence %d", key.producer, key.partition, sequence)
		switch {
		case acked && !there:
			c.fault(Lost, "%s, acknowledged at offset %d", what, offset)
		case acked && offset >= 0 && at != offset:
			c.fault(Moved, "%s, acknowledged at offset %d, is at %d", what, offset, at)
		case failed:
			c.fault(GivenUp, "%s: %s", what, reason)
		case !acked && !there && sequence < highest:
			c.fault(Skipped, "%s, though sequence %d is there", what, highest)
		case !acked:
			c.fault(Unanswered, "%s", what)
		}
	}
	for sequence, offset := range t.acked {
		if sequence >= t.sent {
			c.fault(Foreign, "%s partition %d: acknowledgement of sequence %d at %d, which was not sent", key.producer, key.partition, sequence, offset)
		}
	}
}

// vanished looks for what a consumer was given.
func (c *checker) vanished(partition int32) {
	log := c.h.logs[partition]
	for offset, value := range c.h.seen[partition] {
		i := sort.Search(len(log), func(i int) bool { return log[i].Offset >= offset })
		if i == len(log) || log[i].Offset != offset || string(log[i].Value) != value {
			c.fault(Vanished, "partition %d offset %d: a consumer was given %.60q", partition, offset, value)
		}
	}
}

func sortedKeys[V any](m map[int32]V) []int32 {
	keys := make([]int32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return keys
}
