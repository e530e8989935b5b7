package controller

import (
	"context"

	"moldau/server/metadata"
)

// NewPartitions asks for more partitions of a topic.
type NewPartitions struct {
	Topic string
	Total int32 // of all, old and new
	// Assignment places the added partitions, nil leaves that to the controller.
	Assignment [][]int32
}

// CreatePartitions adds partitions to topics: ErrUnknownTopic,
// ErrInvalidPartitions, ErrInvalidReplicaAssignment, ErrInvalidRequest,
// ErrPolicy, ErrTimeout, ErrUnavailable. They are usable on return.
func (c *Controller) CreatePartitions(ctx context.Context, topics []NewPartitions, validateOnly bool) []TopicResult {
	return c.runTopics(ctx, len(topics), validateOnly,
		func(i int) TopicResult { return TopicResult{Name: topics[i].Topic} },
		func(img *metadata.Image) topicDecision { return c.decidePartitions(img, topics) })
}

func (c *Controller) decidePartitions(img *metadata.Image, topics []NewPartitions) topicDecision {
	d := topicDecision{results: make([]TopicResult, len(topics))}
	times := map[string]int{}
	var added int64
	room := c.roomFor(img)
	for i := range topics {
		times[topics[i].Topic]++
		if t, ok := img.Topic(topics[i].Topic); ok {
			added += max(int64(topics[i].Total)-int64(len(t.Partitions)), 0)
		}
	}
	for i := range topics {
		ask, r := &topics[i], &d.results[i]
		r.Name = ask.Topic
		switch {
		case times[ask.Topic] > 1:
			r.Err = Refuse(ErrInvalidRequest, "Duplicate topic name.")
			continue
		case added > partitionsPerRequestMax:
			r.Err = Refuse(ErrPolicy, "Excessively large number of partitions per request.")
			continue
		}
		t, ok := img.Topic(ask.Topic)
		if !ok {
			r.Err = Refuse(ErrUnknownTopic, "This server does not host this topic-partition.")
			continue
		}
		partitions, err := morePartitions(img, t, ask)
		if err == nil {
			err = room.take(len(partitions))
		}
		if r.Err = err; err != nil {
			continue
		}
		r.ID = t.ID
		d.records = append(d.records, &metadata.PartitionsRecord{TopicID: t.ID, First: int32(len(t.Partitions)), Partitions: partitions})
	}
	return d
}

func morePartitions(img *metadata.Image, t *metadata.Topic, ask *NewPartitions) ([]metadata.Partition, error) {
	has := int32(len(t.Partitions))
	switch {
	case ask.Total == has:
		return nil, Refuse(ErrInvalidPartitions, "Topic already has %d partition(s).", has)
	case ask.Total < has:
		return nil, Refuse(ErrInvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, has, ask.Total)
	}
	n, factor := ask.Total-has, len(t.Partitions[0].Replicas)
	if ask.Assignment == nil {
		return place(img, has, n, int16(factor))
	}
	if len(ask.Assignment) != int(n) {
		return nil, Refuse(ErrInvalidReplicaAssignment,
			"Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", n, len(ask.Assignment))
	}
	partitions := make([]metadata.Partition, n)
	for i, replicas := range ask.Assignment {
		var err error
		if partitions[i], err = placeByHand(img, replicas, factor); err != nil {
			return nil, err
		}
	}
	return partitions, nil
}
