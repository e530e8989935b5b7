package groups

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// The kinds of fault.
const (
	Shared    = "shared"    // two tenants owned a partition at the same time
	Dropped   = "dropped"   // a group forgot a member whose session had not passed
	Doubled   = "doubled"   // one generation gave a partition to two members
	Backwards = "backwards" // a generation below one that was told before
	Back      = "back"      // a committed offset below what was acknowledged or read before
	Beyond    = "beyond"    // a committed offset above all that were sent
	Refused   = "refused"   // a committed offset that the broker refused
	Foreign   = "foreign"   // a committed offset or its metadata that nobody sent
	Stale     = "stale"     // a commit was taken from a generation that was over
	Unread    = "unread"    // records that no member of a group was given
)

// Fault is one broken promise.
type Fault struct {
	Kind   string
	Detail string
}

func (f Fault) String() string { return f.Kind + ": " + f.Detail }

// Check finds every broken promise. Nobody may write into the history any more.
func (h *History) Check() []Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &checker{h: h, start: h.earliest()}
	c.ownership()
	c.generations()
	slots := map[Slot]bool{}
	for slot := range h.commits {
		slots[slot] = true
	}
	for slot := range h.reads {
		slots[slot] = true
	}
	for slot := range slots {
		c.committed(slot)
		c.stale(slot)
	}
	c.unread()
	sort.SliceStable(c.faults, func(i, j int) bool { return c.faults[i].String() < c.faults[j].String() })
	return c.faults
}

type checker struct {
	h      *History
	start  time.Time
	faults []Fault
}

func (c *checker) fault(kind, format string, args ...any) {
	c.faults = append(c.faults, Fault{kind, fmt.Sprintf(format, args...)})
}

// at renders a moment as seconds since the history began.
func (c *checker) at(t time.Time) string { return fmt.Sprintf("%.3fs", t.Sub(c.start).Seconds()) }

func (h *History) earliest() time.Time {
	start := h.now()
	for _, t := range h.tenants {
		if t.joined.Before(start) {
			start = t.joined
		}
	}
	return start
}

func (s Slot) String() string { return fmt.Sprintf("group %s %s-%d", s.Group, s.Topic, s.Partition) }

// unread looks for records below the ends that a group was not given. Only the
// topics that a group ever owned a partition of are asked for.
func (c *checker) unread() {
	subscribed := map[[2]string]bool{}
	for _, t := range c.h.tenants {
		for _, s := range t.spells {
			subscribed[[2]string{s.slot.Group, s.slot.Topic}] = true
		}
	}
	for key := range subscribed {
		for tp, end := range c.h.ends {
			if tp.topic != key[1] {
				continue
			}
			slot := Slot{key[0], tp.topic, tp.partition}
			if gaps := gaps(c.h.consumed[slot], end); len(gaps) > 0 {
				c.fault(Unread, "%v: offsets %s of %d", slot, strings.Join(gaps, ", "), end)
			}
		}
	}
}

// gaps are what spans leave out of [0, end), the first few of them.
func gaps(spans []interval[int64], end int64) (out []string) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b interval[int64]) int { return int(a.from - b.from) })
	next := int64(0)
	for _, s := range append(spans, interval[int64]{end, end}) {
		if from := min(s.from, end); from > next {
			out = append(out, fmt.Sprintf("%d-%d", next, from-1))
		}
		next = max(next, s.to)
	}
	const shown = 3
	if len(out) > shown {
		out = append(out[:shown], "...")
	}
	return out
}
