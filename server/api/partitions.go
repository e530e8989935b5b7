package api

import (
	"fmt"

	"moldau/server/replica"
)

// partition finds a partition by its topic's name.
func (b *Broker) partition(topic string, n int32) (*replica.Partition, bool) {
	t, ok := b.Replicas.Topic(topic)
	if !ok {
		return nil, false
	}
	return t.Partition(n)
}

// usable is why a topic that was created cannot be used: a log of it could not
// be made. The cluster has decided that the topic exists, so it is not undone:
// the broker goes on trying, and whoever asks again will be told that it exists.
func (b *Broker) usable(topic string) error {
	t, ok := b.Replicas.Topic(topic)
	if !ok {
		return nil // deleted meanwhile, or on other brokers only
	}
	for p := range t.Partitions {
		if err := p.Offline(); err != nil {
			return fmt.Errorf("topic %s exists, but not every partition can be used yet: %w", topic, err)
		}
	}
	return nil
}
