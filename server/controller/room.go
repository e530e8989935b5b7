package controller

import (
	"math"

	"moldau/server/metadata"
)

// room is how many partitions one command may add. Each takes memory and files for
// as long as it lives, so that without a bound one client could take all there is.
type room struct{ left, limit int }

func (c *Controller) roomFor(img *metadata.Image) *room {
	if c.o.PartitionsMax <= 0 {
		return &room{left: math.MaxInt}
	}
	return &room{left: c.o.PartitionsMax - img.PartitionCount(), limit: c.o.PartitionsMax}
}

// take is asked for the partitions of one topic at a time: what does not fit is
// refused, and what is smaller may fit yet.
func (r *room) take(partitions int) error {
	if partitions > r.left {
		return Refuse(ErrPolicy, "Unable to perform this operation: it adds %d partition(s), and of at most %d of this broker %d are left.",
			partitions, r.limit, max(r.left, 0))
	}
	r.left -= partitions
	return nil
}
