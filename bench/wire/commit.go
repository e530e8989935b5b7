package wire

import (
	"encoding/binary"
	"fmt"
)

// Commit is an OffsetCommit request of one partition that is sent again and
// again, each time with the next offset.
type Commit struct {
	frame    []byte
	offsetAt int
	// Offset is the last one that was sent.
	Offset int64
	// errorAt is the place of the error code in the answer, sizeBytes the answer's
	// size.
	errorAt, sizeBytes int
}

// NewCommit renders a request of a member of a generation.
func NewCommit(group, member string, generation int32, topic string, partition int32) *Commit {
	be := binary.BigEndian
	b := header(8, 7)
	b = appendString(b, group)
	b = be.AppendUint32(b, uint32(generation))
	b = appendString(b, member)
	b = be.AppendUint16(b, 0xffff) // no instance id
	b = be.AppendUint32(b, 1)
	b = appendString(b, topic)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(partition))
	c := &Commit{offsetAt: len(b)}
	b = be.AppendUint64(b, 0)
	b = be.AppendUint32(b, 0xffff_ffff) // leader epoch unknown
	b = be.AppendUint16(b, 0)           // metadata
	c.frame = finish(b)
	// Answer: throttle time, topics, name, partitions, then index and error.
	c.errorAt = 4 + 4 + 2 + len(topic) + 4 + 4
	c.sizeBytes = c.errorAt + 2
	return c
}

// Append appends the next request to out, so that several leave in one write.
func (c *Commit) Append(out []byte, id int32) []byte {
	c.Offset++
	correlate(c.frame, id)
	binary.BigEndian.PutUint64(c.frame[c.offsetAt:], uint64(c.Offset))
	return append(out, c.frame...)
}

// Receive reads an answer and checks that the commit was taken.
func (c *Commit) Receive(conn *Conn, id int32) error {
	b, err := conn.answer(id)
	if err != nil {
		return err
	}
	if len(b) != c.sizeBytes {
		return fmt.Errorf("an answer of %d bytes, must be %d", len(b), c.sizeBytes)
	}
	if code := binary.BigEndian.Uint16(b[c.errorAt:]); code != 0 {
		return &Refusal{Code: int16(code)}
	}
	return nil
}
