package wire

import (
	"encoding/binary"
	"fmt"
)

// Produce is a Produce request that is sent again and again.
type Produce struct {
	frame []byte
	topic int // place of the topic's name
	// partitionsAt are the places of the partitions' numbers.
	partitionsAt []int
	// errorsAt are the places of the error codes in its answer.
	errorsAt []int
	// Bytes and Records are those of the batches in one request.
	Bytes, Records int
}

// NewProduce renders a request with the batch for each of the partitions.
func NewProduce(topic string, partitions []int32, batch []byte, records int) *Produce {
	be := binary.BigEndian
	b := header(0, 8)
	b = be.AppendUint16(b, 0xffff) // no transactional id
	b = be.AppendUint16(b, 0xffff) // acks=all
	b = be.AppendUint32(b, 30_000)
	b = be.AppendUint32(b, 1)
	p := &Produce{Bytes: len(partitions) * len(batch), Records: len(partitions) * records, topic: len(b) + 2}
	b = appendString(b, topic)
	b = be.AppendUint32(b, uint32(len(partitions)))
	// Answer: topics, name, partitions, then index, error, offset, time, start,
	// record errors (none), message (null) of each.
	at := 4 + 2 + len(topic) + 4
	for _, partition := range partitions {
		p.partitionsAt = append(p.partitionsAt, len(b))
		b = be.AppendUint32(b, uint32(partition))
		b = be.AppendUint32(b, uint32(len(batch)))
		b = append(b, batch...)
		p.errorsAt = append(p.errorsAt, at+4)
		at += 4 + 2 + 8 + 8 + 8 + 4 + 2
	}
	p.frame = finish(b)
	return p
}

// Clone gives another connection its own frame.
func (p *Produce) Clone() *Produce {
	c := *p
	c.frame = append([]byte(nil), p.frame...)
	return &c
}

// Retarget has the request go to another topic, whose name is as long, and to
// consecutive partitions from first. A request of its own for each of very many
// partitions would be out of the processor's caches when its turn comes.
func (p *Produce) Retarget(topic string, first int32) {
	copy(p.frame[p.topic:], topic)
	for i, at := range p.partitionsAt {
		binary.BigEndian.PutUint32(p.frame[at:], uint32(first)+uint32(i))
	}
}

// Send writes the request.
func (p *Produce) Send(c *Conn, id int32) error {
	correlate(p.frame, id)
	_, err := c.Write(p.frame)
	return err
}

// Receive reads the answer and checks that every batch was taken.
func (p *Produce) Receive(c *Conn, id int32) error {
	b, err := c.answer(id)
	if err != nil {
		return err
	}
	for _, at := range p.errorsAt {
		if at+2 > len(b) {
			return fmt.Errorf("an answer of %d bytes", len(b))
		}
		if code := binary.BigEndian.Uint16(b[at:]); code != 0 {
			return &Refusal{Code: int16(code)}
		}
	}
	return nil
}

// Refusal is the broker's error code.
type Refusal struct{ Code int16 }

func (r *Refusal) Error() string { return fmt.Sprintf("the broker answers error %d", r.Code) }
