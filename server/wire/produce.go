package wire

import (
	"fmt"
	"slices"
)

// Versions of Produce that [ParseProduce] knows, and what changed among them.
const (
	produceVersionMin      = 3
	produceVersionMax      = 13
	produceVersionFlexible = 9
	produceVersionTopicID  = 13
)

// producePartitionsMax bounds the partitions of one request. They take more
// memory parsed than on the wire; a producer that reached this many would have
// needed ten thousand times Kafka's default of one partition a batch.
const producePartitionsMax = 1 << 17

// ProduceRequest is a Produce request, parsed in place.
type ProduceRequest struct {
	TransactionalID *string
	Acks            int16
	TimeoutMs       int32
	Topics          []ProduceTopic

	// Backs the Partitions of all Topics, which would be an allocation each.
	partitions []ProducePartition
}

// ProduceTopic is the part of one topic.
type ProduceTopic struct {
	Name       string   // up to 12; a copy, may be kept
	ID         [16]byte // 13+
	Partitions []ProducePartition
}

// ProducePartition is the part of one partition.
type ProducePartition struct {
	Partition int32
	Records   []byte // lies in the body; nil where the client sent null
}

// ParseProduce parses the body of a Produce request, versions 3 to 13. Record
// bytes are not copied: they lie in body, and may be changed there. Errors wrap
// [ErrMalformed].
func ParseProduce(version int16, body []byte) (*ProduceRequest, error) {
	p := new(ProduceRequest)
	if err := p.Parse(version, body); err != nil {
		return nil, err
	}
	return p, nil
}

// Parse is [ParseProduce] into a request whose memory is used again: what an
// earlier Parse returned is overwritten, but for strings. A topic named like the
// one that was at its place costs no allocation.
func (p *ProduceRequest) Parse(version int16, body []byte) error {
	if version < produceVersionMin || version > produceVersionMax {
		return fmt.Errorf("%w: Produce version %d is not parsed", ErrMalformed, version)
	}
	flexible := version >= produceVersionFlexible
	c := cursor{b: body}
	p.TransactionalID = nil
	if n := c.length(flexible, false); n >= 0 {
		id := string(c.take(n))
		p.TransactionalID = &id
	}
	p.Acks = c.int16()
	p.TimeoutMs = c.int32()
	err := p.parseTopics(&c, version)
	if flexible {
		c.skipTags()
	}
	if c.bad {
		return fmt.Errorf("%w: Produce ends before its fields do", ErrMalformed)
	}
	return err
}

// LetGo gives up the records, and so the body, and what else may be large: for who is kept
// and does not need it.
func (p *ProduceRequest) LetGo() {
	p.TransactionalID = nil
	clear(p.partitions)
	for i := range p.Topics {
		p.Topics[i].Partitions = nil // of an array that grew, perhaps
	}
}

// parseTopics leaves c bad where the bytes did not suffice.
func (p *ProduceRequest) parseTopics(c *cursor, version int16) error {
	flexible := version >= produceVersionFlexible
	topicBytesMin, partitionBytesMin := 2+4, 4+4
	if flexible {
		topicBytesMin, partitionBytesMin = 1+1+1, 4+1+1
	}
	if version >= produceVersionTopicID {
		topicBytesMin = 16 + 1 + 1
	}

	p.Topics, p.partitions = p.Topics[:0], p.partitions[:0]
	n := c.count(flexible, topicBytesMin)
	if n < 0 || n > producePartitionsMax {
		return fmt.Errorf("%w: Produce of %d topics", ErrMalformed, n)
	}
	p.Topics = slices.Grow(p.Topics, n)
	for i := range n {
		// Within the capacity, where an earlier request left its names.
		p.Topics = p.Topics[:i+1]
		t := &p.Topics[i]
		if version >= produceVersionTopicID {
			t.Name = ""
			copy(t.ID[:], c.take(len(t.ID)))
		} else {
			t.ID = [16]byte{}
			name := c.take(c.length(flexible, false))
			if string(name) != t.Name {
				t.Name = string(name)
			}
		}
		if err := p.parsePartitions(c, t, flexible, partitionBytesMin); err != nil {
			return err
		}
		if flexible {
			c.skipTags()
		}
	}
	return nil
}

func (p *ProduceRequest) parsePartitions(c *cursor, t *ProduceTopic, flexible bool, bytesMin int) error {
	n := c.count(flexible, bytesMin)
	if n < 0 || n > producePartitionsMax-len(p.partitions) {
		return fmt.Errorf("%w: Produce of %d more partitions", ErrMalformed, n)
	}
	// Growing may move the array; topics before keep their part of the old one.
	p.partitions = slices.Grow(p.partitions, n)
	first := len(p.partitions)
	for range n {
		partition := ProducePartition{Partition: c.int32()}
		if length := c.length(flexible, true); length >= 0 {
			partition.Records = c.take(length)
		}
		if flexible {
			c.skipTags()
		}
		p.partitions = append(p.partitions, partition)
	}
	t.Partitions = p.partitions[first:len(p.partitions):len(p.partitions)]
	return nil
}
