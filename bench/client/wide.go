package client

import (
	"fmt"

	"moldau/bench/wire"
)

// WideTopic is the name of one of many topics, all as long.
func WideTopic(prefix string, i int) string { return fmt.Sprintf("%s-%06d", prefix, i) }

// wide goes around the partitions of all topics, so many a request, with one frame
// that is changed for each.
type wide struct {
	l       Load
	request *wire.Produce
	groups  int // requests that go to one topic before the next
}

func newWide(l Load, request *wire.Produce) *wide {
	return &wide{l, request, l.Partitions / l.PerRequest}
}

// pick is a connection's next request.
func (w *wide) pick(id int32) *wire.Produce {
	at := int(id) % (w.groups * w.l.Topics)
	w.request.Retarget(WideTopic(w.l.Topic, at/w.groups), int32(at%w.groups*w.l.PerRequest))
	return w.request
}
