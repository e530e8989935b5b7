package groups

import (
	"slices"
	"time"
)

// held is a spell, or the part of it that the broker must respect.
type held struct {
	tenant   *Tenant
	spell    *spell
	from, to time.Time
}

// ownership looks for two tenants that own a slot at the same time.
func (c *checker) ownership() {
	takenOver := c.takeovers()
	slots := map[Slot][]held{}
	for _, t := range c.h.tenants {
		for _, at := range t.dropped {
			if over := takenOver[t]; over.IsZero() || at.Before(over) {
				c.fault(Dropped, "group %s: %s is told at %s that the group does not know it", t.group, t.name, c.at(at))
			}
		}
		for _, s := range t.spells {
			for _, h := range t.cut(s, takenOver[t]) {
				slots[s.slot] = append(slots[s.slot], h)
			}
		}
	}
	for slot, all := range slots {
		slices.SortFunc(all, func(a, b held) int { return a.from.Compare(b.from) })
		// longest is the one of those so far that lasts longest: whoever begins
		// before its end shares with it.
		longest := all[0]
		for _, h := range all[1:] {
			if h.tenant != longest.tenant && h.from.Before(longest.to) {
				c.fault(Shared, "%v: %s owns it from %s to %s (generation %d), %s from %s to %s (generation %d)", slot,
					longest.tenant.name, c.at(longest.from), c.at(longest.to), longest.spell.generation,
					h.tenant.name, c.at(h.from), c.at(h.to), h.spell.generation)
			}
			if h.to.After(longest.to) {
				longest = h
			}
		}
	}
}

// takeovers tells when another tenant asked for a tenant's instance id: from
// then on it may be fenced at any moment.
func (c *checker) takeovers() map[*Tenant]time.Time {
	takenOver := map[*Tenant]time.Time{}
	last := map[[2]string]*Tenant{}
	for _, t := range c.h.tenants {
		if t.instance == "" {
			continue
		}
		key := [2]string{t.group, t.instance}
		if before := last[key]; before != nil {
			takenOver[before] = t.joined
		}
		last[key] = t
	}
	return takenOver
}

// cut leaves of a spell what lies in the tenant's cover and before over, zero
// for never.
func (t *Tenant) cut(s *spell, over time.Time) (parts []held) {
	end := s.to
	if end.IsZero() || !over.IsZero() && over.Before(end) {
		end = over
	}
	for _, cover := range t.cover {
		from, to := t.joined.Add(cover.from), t.joined.Add(cover.to)
		if from.Before(s.from) {
			from = s.from
		}
		if !end.IsZero() && end.Before(to) {
			to = end
		}
		if from.Before(to) {
			parts = append(parts, held{t, s, from, to})
		}
	}
	return parts
}

// generations looks for generations that assign a partition twice, and for
// those that are below what somebody was told before.
func (c *checker) generations() {
	type given struct {
		slot       Slot
		generation int32
	}
	for group, rounds := range c.h.rounds {
		holders := map[given]string{}
		for _, r := range rounds {
			for _, slot := range r.slots {
				key := given{slot, r.generation}
				if holder := holders[key]; holder != "" && holder != r.tenant.holder() {
					c.fault(Doubled, "%v: generation %d gives it to %s and to %s", slot, r.generation, holder, r.tenant.holder())
				}
				holders[key] = r.tenant.holder()
			}
		}
		c.backwards(group, rounds)
	}
}

// backwards compares each round with the highest generation that was told
// before it was asked for. Rounds are in the order in which they were told.
func (c *checker) backwards(group string, rounds []round) {
	byAsked := slices.DeleteFunc(slices.Clone(rounds), func(r round) bool { return r.asked.IsZero() })
	slices.SortFunc(byAsked, func(a, b round) int { return a.asked.Compare(b.asked) })
	next, highest := 0, int32(-1)
	for _, r := range byAsked {
		for next < len(rounds) && rounds[next].told.Before(r.asked) {
			highest = max(highest, rounds[next].generation)
			next++
		}
		if r.generation < highest {
			c.fault(Backwards, "group %s: %s asked to join at %s and is told generation %d, %d was told before",
				group, r.tenant.name, c.at(r.asked), r.generation, highest)
		}
	}
}
