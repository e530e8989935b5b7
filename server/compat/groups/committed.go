package groups

import (
	"slices"
	"time"
)

// floor is an offset below which nothing may be read after a moment.
type floor struct {
	at     time.Time
	offset int64
	what   string
}

// committed compares every read of a slot with what was sent and answered.
func (c *checker) committed(slot Slot) {
	commits := c.h.commits[slot]
	reads := slices.Clone(c.h.reads[slot])
	slices.SortFunc(reads, func(a, b read) int { return a.sent.Compare(b.sent) })
	floors := floorsOf(commits, reads)
	var highest floor
	highest.offset = -1
	next := 0
	for _, r := range reads {
		for next < len(floors) && floors[next].at.Before(r.sent) {
			if floors[next].offset > highest.offset {
				highest = floors[next]
			}
			next++
		}
		if r.offset < highest.offset {
			c.fault(Back, "%v: %s reads %d at %s, %s %d at %s", slot, r.by, r.offset, c.at(r.heard), highest.what, highest.offset, c.at(highest.at))
			continue
		}
		c.source(slot, r, commits)
	}
}

// floorsOf are acknowledged commits and reads in the order of their answers.
func floorsOf(commits []*Commit, reads []read) []floor {
	var floors []floor
	for _, commit := range commits {
		if commit.acked() {
			floors = append(floors, floor{commit.answered, commit.offset, commit.by + " was acknowledged"})
		}
	}
	for _, r := range reads {
		floors = append(floors, floor{r.heard, r.offset, r.by + " was told"})
	}
	slices.SortFunc(floors, func(a, b floor) int { return a.at.Compare(b.at) })
	return floors
}

// source looks for the commit that a read tells of.
func (c *checker) source(slot Slot, r read, commits []*Commit) {
	if r.offset < 0 {
		return
	}
	highest, refused := int64(-1), false
	for _, commit := range commits {
		if !commit.sent.Before(r.heard) {
			continue
		}
		highest = max(highest, commit.offset)
		if commit.offset != r.offset || r.named && commit.metadata != r.metadata {
			continue
		}
		// Refused when it was read: its answer was there before the read was sent.
		if commit.refused() && commit.answered.Before(r.sent) {
			refused = true
			continue
		}
		return
	}
	switch {
	case r.offset > highest:
		c.fault(Beyond, "%v: %s reads %d at %s, the highest that was sent is %d", slot, r.by, r.offset, c.at(r.heard), highest)
	case refused:
		c.fault(Refused, "%v: %s reads %d %.60q at %s, whose commit was refused", slot, r.by, r.offset, r.metadata, c.at(r.heard))
	default:
		c.fault(Foreign, "%v: %s reads %d %.60q at %s, which nobody committed", slot, r.by, r.offset, r.metadata, c.at(r.heard))
	}
}

// stale looks for commits that were taken although their generation was over
// when they were sent.
func (c *checker) stale(slot Slot) {
	rounds := c.h.rounds[slot.Group] // in the order in which they were told
	var told []floor
	for _, r := range rounds {
		told = append(told, floor{at: r.told, offset: int64(r.generation)})
	}
	next, highest := 0, int64(-1)
	for _, commit := range c.h.commits[slot] { // in the order in which they were sent
		for next < len(told) && told[next].at.Before(commit.sent) {
			highest = max(highest, told[next].offset)
			next++
		}
		if commit.acked() && commit.generation >= 0 && int64(commit.generation) < highest {
			c.fault(Stale, "%v: %s commits %d at %s in generation %d and is acknowledged, generation %d had begun",
				slot, commit.by, commit.offset, c.at(commit.sent), commit.generation, highest)
		}
	}
}
