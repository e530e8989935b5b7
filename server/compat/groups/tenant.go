package groups

import "time"

// Tenant is one incarnation of a member.
type Tenant struct {
	h        *History
	group    string
	name     string
	instance string // empty for a dynamic member
	session  time.Duration
	joined   time.Time

	// All below under h.mu.

	// cover is when the broker cannot have thought it dead, in order, merged.
	cover []interval[time.Duration]
	// spells are in the order in which they began.
	spells []*spell
	// open are those that have not ended.
	open map[Slot]*spell
	// dropped are the moments at which the group did not know it although its
	// session had not passed.
	dropped []time.Time
}

// spell is the time in which a tenant owns a slot.
type spell struct {
	slot       Slot
	generation int32
	from       time.Time
	to         time.Time // zero while open
}

// Joins notes a tenant that is about to ask to join for the first time.
func (h *History) Joins(group, name, instance string, session time.Duration) *Tenant {
	t := &Tenant{h: h, group: group, name: name, instance: instance, session: session, open: map[Slot]*spell{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	t.joined = h.now()
	h.tenants = append(h.tenants, t)
	return t
}

// Alive notes that the broker took a request that was sent then and is answered
// now: a heartbeat, a sync, a commit.
func (t *Tenant) Alive(sent time.Time) {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	t.covered(sent, sent.Add(t.session-SessionSlack))
}

// Waited notes that the broker took a JoinGroup which was sent and answered
// then: nobody is dropped while it waits.
func (t *Tenant) Waited(sent, answered time.Time) {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	if least := sent.Add(t.session - SessionSlack); answered.Before(least) {
		answered = least
	}
	t.covered(sent, answered)
}

func (t *Tenant) covered(from, to time.Time) {
	c := interval[time.Duration]{from.Sub(t.joined), to.Sub(t.joined)}
	if n := len(t.cover); n > 0 && c.from <= t.cover[n-1].to {
		t.cover[n-1].to = max(t.cover[n-1].to, c.to)
		return
	}
	t.cover = append(t.cover, c)
}

// Assigned notes what SyncGroup just answered, all of it. asked is when the
// tenant sent the JoinGroup of this generation, zero if that is not known; a
// generation that is not known is -1.
// What it does not own yet it owns from now on.
func (t *Tenant) Assigned(generation int32, asked time.Time, slots []Slot) {
	h := t.h
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if generation >= 0 {
		h.rounds[t.group] = append(h.rounds[t.group], round{t, generation, asked, now, slots})
	}
	for _, slot := range slots {
		if t.open[slot] == nil {
			s := &spell{slot: slot, generation: generation, from: now}
			t.open[slot] = s
			t.spells = append(t.spells, s)
		}
	}
}

// Revoked notes that the tenant begins to give slots up.
func (t *Tenant) Revoked(slots []Slot) { t.RevokedAt(t.h.now(), slots) }

// RevokedAt is Revoked, heard of later: at is not after the beginning.
func (t *Tenant) RevokedAt(at time.Time, slots []Slot) {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	for _, slot := range slots {
		if s := t.open[slot]; s != nil {
			s.to = at
			delete(t.open, slot)
		}
	}
}

// Lost notes that the tenant heard that it is fenced, or ends and gives
// everything up before it leaves.
func (t *Tenant) Lost() { t.Revoked(t.Owned()) }

// Dropped notes that a tenant which was in a generation is told that the group
// does not know it.
func (t *Tenant) Dropped() {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	now := t.h.now()
	if n := len(t.cover); n > 0 && now.Before(t.joined.Add(t.cover[n-1].to)) {
		t.dropped = append(t.dropped, now)
	}
}

// Owned is what the tenant owns, as far as it knows.
func (t *Tenant) Owned() []Slot {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	slots := make([]Slot, 0, len(t.open))
	for slot := range t.open {
		slots = append(slots, slot)
	}
	return slots
}

// holder is who a partition belongs to: a static member that comes back is the
// same holder.
func (t *Tenant) holder() string {
	if t.instance != "" {
		return "instance " + t.instance
	}
	return t.name
}
