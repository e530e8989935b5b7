package api

import "moldau/server/replica"

// partition finds a partition by its topic's name.
func (b *Broker) partition(topic string, n int32) (*replica.Partition, bool) {
	t, ok := b.Replicas.Topic(topic)
	if !ok {
		return nil, false
	}
	return t.Partition(n)
}
