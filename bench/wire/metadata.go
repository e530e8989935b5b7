package wire

import "encoding/binary"

// AutoCreate asks for a topic's metadata with leave to create it and returns
// the topic's error code. It is what a producer does before its first batch.
func AutoCreate(c *Conn, topic string, id int32) (int16, error) {
	be := binary.BigEndian
	b := header(3, 4)
	b = be.AppendUint32(b, 1)
	b = appendString(b, topic)
	b = append(b, 1)
	b = finish(b)
	correlate(b, id)
	if _, err := c.Write(b); err != nil {
		return 0, err
	}
	remaining, err := c.answerStart(id)
	if err != nil {
		return 0, err
	}
	r := &answerReader{c: c, remaining: remaining}
	r.skip(4) // throttle time
	for range r.int32() {
		r.skip(4)              // node
		r.skip(int(r.int16())) // host
		r.skip(4)              // port
		r.skip(max(0, int(r.int16())))
	}
	r.skip(max(0, int(r.int16()))) // cluster id
	r.skip(4)                      // controller
	r.skip(4)                      // topics: the one
	code := r.int16()
	r.skip(max(0, r.remaining))
	return code, r.err
}
