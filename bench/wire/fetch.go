package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Fetch is a Fetch request that is sent again and again, each time from where
// the last answer ended. The topic holds nothing but batches of one size.
type Fetch struct {
	frame      []byte
	topic      string
	partitions []position
	batchBytes int64
	records    int64 // of a batch
	// OnBatches, unless nil, is told of every partition's whole batches when the
	// answer has been read.
	OnBatches func(partition int32, batches int64)
	arrived   []int64 // whole batches of the last answer, by partition
}

// position is where a partition's offset stands in the frame.
type position struct {
	partition int32
	at        int
	offset    int64
	end       int64
}

// NewFetch renders a request of at most partitionBytesMax for each partition;
// ends are the partitions' end offsets, after which it starts over.
func NewFetch(topic string, ends []int64, partitionBytesMax int32, batchBytes, records int) *Fetch {
	be := binary.BigEndian
	f := &Fetch{topic: topic, batchBytes: int64(batchBytes), records: int64(records)}
	b := header(1, 11)
	b = be.AppendUint32(b, 0xffff_ffff) // a consumer
	b = be.AppendUint32(b, 500)         // wait ms
	b = be.AppendUint32(b, 1)           // min bytes
	b = be.AppendUint32(b, 1<<30)       // max bytes
	b = append(b, 0)                    // read uncommitted
	b = be.AppendUint32(b, 0)           // session
	b = be.AppendUint32(b, 0xffff_ffff) // session epoch: none
	b = be.AppendUint32(b, 1)
	b = appendString(b, topic)
	b = be.AppendUint32(b, uint32(len(ends)))
	for partition, end := range ends {
		b = be.AppendUint32(b, uint32(partition))
		b = be.AppendUint32(b, 0xffff_ffff) // leader epoch unknown
		f.partitions = append(f.partitions, position{partition: int32(partition), at: len(b), end: end})
		b = be.AppendUint64(b, 0)
		b = be.AppendUint64(b, ^uint64(0)) // log start
		b = be.AppendUint32(b, uint32(partitionBytesMax))
	}
	b = be.AppendUint32(b, 0) // forgotten topics
	b = be.AppendUint16(b, 0) // rack
	f.frame = finish(b)
	f.arrived = make([]int64, len(ends))
	return f
}

// Send writes the request.
func (f *Fetch) Send(c *Conn, id int32) error {
	correlate(f.frame, id)
	for _, p := range f.partitions {
		binary.BigEndian.PutUint64(f.frame[p.at:], uint64(p.offset))
	}
	_, err := c.Write(f.frame)
	return err
}

// Receive reads the answer, throws the records away and moves on. It returns
// the bytes and the count of whole batches' records.
func (f *Fetch) Receive(c *Conn, id int32) (bytes, records int64, err error) {
	remaining, err := c.answerStart(id)
	if err != nil {
		return 0, 0, err
	}
	r := &answerReader{c: c, remaining: remaining}
	r.skip(4) // throttle time
	if code := r.int16(); code != 0 {
		return 0, 0, &Refusal{Code: code}
	}
	r.skip(4) // session
	topics := r.int32()
	r.skip(2 + len(f.topic))
	partitions := r.int32()
	if r.err == nil && (topics != 1 || int(partitions) != len(f.partitions)) {
		return 0, 0, fmt.Errorf("answer of %d topics, %d partitions", topics, partitions)
	}
	for range f.partitions {
		n, whole := f.partition(r)
		bytes += n
		records += whole * f.records
	}
	if r.err == nil && r.remaining != 0 {
		r.err = fmt.Errorf("%d bytes left over in an answer", r.remaining)
	}
	if f.OnBatches != nil && r.err == nil {
		for partition, batches := range f.arrived {
			if batches > 0 {
				f.OnBatches(int32(partition), batches)
			}
		}
	}
	return bytes, records, r.err
}

// partition reads one partition's part.
func (f *Fetch) partition(r *answerReader) (bytes, batches int64) {
	partition, code := r.int32(), r.int16()
	r.skip(8 + 8 + 8) // high watermark, last stable, log start
	if aborted := r.int32(); aborted > 0 {
		r.skip(int(aborted) * 16)
	}
	r.skip(4) // preferred replica
	bytes = int64(r.int32())
	r.skip(int(bytes))
	if code != 0 && r.err == nil {
		r.err = &Refusal{Code: code}
	}
	if r.err != nil {
		return 0, 0
	}
	batches = bytes / f.batchBytes
	f.arrived[partition] = batches
	p := &f.partitions[partition]
	if p.offset += batches * f.records; p.offset >= p.end {
		p.offset = 0
	}
	return bytes, batches
}

// answerReader reads an answer piece by piece and remembers the first error.
type answerReader struct {
	c         *Conn
	remaining int
	err       error
	b         [4]byte
}

func (r *answerReader) read(n int) []byte {
	if r.remaining -= n; r.remaining < 0 && r.err == nil {
		r.err = io.ErrUnexpectedEOF
	}
	if r.err == nil {
		_, r.err = io.ReadFull(r.c.in, r.b[:n])
	}
	if r.err != nil {
		clear(r.b[:])
	}
	return r.b[:n]
}

func (r *answerReader) int16() int16 { return int16(binary.BigEndian.Uint16(r.read(2))) }
func (r *answerReader) int32() int32 { return int32(binary.BigEndian.Uint32(r.read(4))) }

func (r *answerReader) skip(n int) {
	if r.remaining -= n; r.remaining < 0 && r.err == nil {
		r.err = io.ErrUnexpectedEOF
	}
	if r.err == nil {
		_, r.err = r.c.in.Discard(n)
	}
}
