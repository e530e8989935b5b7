package metadata

import (
	"maps"
	"slices"
	"strings"
)

// Diff is what differs from one image to a later one.
type Diff struct {
	Changed []*Topic // new ones included, as they are in the later image, sorted by name
	Removed []*Topic // as they were in the earlier image, sorted by name
	// BrokerConfigs are the brokers, or DefaultBroker, whose configs changed,
	// ascending.
	BrokerConfigs []int32
}

// changes is a Diff that an image keeps of the image it was made of. It names
// that one by its offset: a pointer would keep all images that ever were.
type changes struct {
	from int64
	Diff
}

// DiffOf compares two images. From an image to the one made of it by a single
// Apply it costs what changed, else what the images hold.
func DiffOf(prev, next *Image) Diff {
	if c := next.changes; c != nil && c.from == prev.offset && prev.offset >= 0 {
		return c.Diff
	}
	var d Diff
	for _, t := range next.Topics() {
		if before, ok := prev.TopicByID(t.ID); !ok || before != t {
			d.Changed = append(d.Changed, t)
		}
	}
	for _, t := range prev.Topics() {
		if _, ok := next.TopicByID(t.ID); !ok {
			d.Removed = append(d.Removed, t)
		}
	}
	d.BrokerConfigs = changedConfigs(prev, next)
	return d
}

func changedConfigs(prev, next *Image) []int32 {
	var ids []int32
	for id, c := range next.configs {
		if !maps.Equal(c, prev.configs[id]) {
			ids = append(ids, id)
		}
	}
	for id := range prev.configs {
		if _, ok := next.configs[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func byName(a, b *Topic) int { return strings.Compare(a.Name, b.Name) }

// changes lists what the edit did to the image it began with.
func (e *edit) changes(before *Image) *changes {
	c := &changes{from: before.offset}
	for _, t := range e.topics {
		c.Changed = append(c.Changed, t.Topic)
	}
	for _, id := range e.removed {
		// What came and went within one command never was in an image.
		if t, ok := before.TopicByID(id); ok {
			c.Removed = append(c.Removed, t)
		}
	}
	slices.SortFunc(c.Changed, byName)
	slices.SortFunc(c.Removed, byName)
	c.BrokerConfigs = changedConfigs(before, e.next)
	return c
}
