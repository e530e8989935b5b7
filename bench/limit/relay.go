package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"time"

	"moldau/logstore/record"
)

// ServeRelay takes Produce 8 on every connection of l until ctx is done, each topic's
// batches into a file of its own in dir, which the caller removes, and answers Fetch 11
// from there, what is small by a copy, else by sendfile: with whole batches from the
// offset that is asked for, as soon as there is one, or with none when the request has
// waited as long as it says. The answer to Metadata 4 is that the topic is there. A topic
// has one partition, and batches of one size and count of records. By synced, a batch is
// acknowledged from stable storage.
//
// What a connection holds is small: a program that holds very many must have that in
// common with a broker.
func ServeRelay(ctx context.Context, l net.Listener, dir string, synced bool) error {
	r := &relay{ctx: ctx, dir: dir, topics: map[string]*relayed{}, copies: sync.Pool{New: func() any { return new([]byte) }}}
	if synced {
		r.sync = (*File).Sync
	}
	err := serve(ctx, l, r.run)
	for _, t := range r.topics {
		err = errors.Join(err, t.file.Close())
	}
	return err
}

type relay struct {
	ctx  context.Context
	dir  string
	sync func(*File) error // before an acknowledgement; nil where the page cache is enough

	copies sync.Pool // of *[]byte, answers with what is sent by a copy

	mu     sync.Mutex
	topics map[string]*relayed // under mu
}

// relayed is a topic.
type relayed struct {
	file *File

	mu                  sync.Mutex
	bytes               int64         // in file, under mu
	batchBytes, records int64         // of each batch, under mu; 0 until there is one
	grown               chan struct{} // closed when there are more, under mu
}

func (r *relay) topic(name []byte) (*relayed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.topics[string(name)]; t != nil {
		return t, nil
	}
	file, err := CreateFile(filepath.Join(r.dir, fmt.Sprintf("relay-%d", len(r.topics))))
	if err != nil {
		return nil, err
	}
	t := &relayed{file: file, grown: make(chan struct{})}
	r.topics[string(name)] = t
	return t, nil
}

// connectionBytes are what a connection has for requests, until one is larger.
const connectionBytes = 512

func (r *relay) run(nc net.Conn) error {
	out, err := outletOf(nc)
	if err != nil {
		return err
	}
	in := newFramesOf(out, connectionBytes)
	var answer []byte
	for {
		frame, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			answer, err = r.answer(out, answer[:0], frame)
		}
		if err != nil {
			return err
		}
	}
}

// answer answers a request, by means of b.
func (r *relay) answer(out outlet, b, frame []byte) (_ []byte, err error) {
	switch keyOf(frame) {
	case keyFetch:
		return r.fetch(out, b, frame)
	case keyMetadata:
		b, err = appendTopic(b, frame)
	default:
		b, err = appendAck(b, frame, r.take)
	}
	if err != nil {
		return nil, err
	}
	return b, out.write(b, false)
}

// appendTopic appends the answer to a Metadata of one topic, without brokers and
// partitions.
func appendTopic(b, frame []byte) ([]byte, error) {
	be := binary.BigEndian
	f := &fields{b: frame}
	id, err := f.header(keyMetadata, 4)
	if err != nil {
		return nil, err
	}
	if f.int32() != 1 {
		return nil, errors.New("a Metadata that is not of one topic")
	}
	name := f.take(int(f.int16()))
	start := len(b)
	b = appendID(b, id)
	b = be.AppendUint32(b, 0)          // throttle time
	b = be.AppendUint32(b, 0)          // brokers
	b = be.AppendUint16(b, 0xffff)     // cluster id: null
	b = be.AppendUint32(b, ^uint32(0)) // controller: none
	b = be.AppendUint32(b, 1)
	b = be.AppendUint16(b, 0) // error
	b = appendName(b, name)
	b = append(b, 0)          // internal
	b = be.AppendUint32(b, 0) // partitions
	if f.bad {
		return nil, io.ErrUnexpectedEOF
	}
	return finish(b, start), nil
}

// take keeps a batch, and wakes up who waits for it.
func (r *relay) take(topic []byte, _ int32, batch record.Batch) error {
	t, err := r.topic(topic)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	bytes, records := int64(len(batch)), int64(batch.Count())
	if t.batchBytes == 0 && records > 0 {
		t.batchBytes, t.records = bytes, records
	}
	if bytes != t.batchBytes || records != t.records {
		return fmt.Errorf("a batch of %d bytes and %d records behind others of %d and %d", bytes, records, t.batchBytes, t.records)
	}
	if err := t.file.Append(batch); err != nil {
		return err
	}
	if r.sync != nil {
		if err := r.sync(t.file); err != nil {
			return err
		}
	}
	t.bytes += bytes
	close(t.grown)
	t.grown = make(chan struct{})
	return nil
}

// from is where whole batches lie from an offset on, of bytesMax at most but one in any
// case. There may be none; then grown tells when there are more.
func (t *relayed) from(offset, bytesMax int64) (at, bytes int64, grown <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.batchBytes == 0 {
		return 0, 0, t.grown
	}
	at = offset / t.records * t.batchBytes
	bytes = min(t.bytes-at, max(1, bytesMax/t.batchBytes)*t.batchBytes)
	return at, max(0, bytes), t.grown
}

func (r *relay) fetch(out outlet, b, frame []byte) ([]byte, error) {
	be := binary.BigEndian
	f := &fields{b: frame}
	id, err := f.header(keyFetch, 11)
	if err != nil {
		return nil, err
	}
	f.take(4) // replica
	wait := time.Duration(f.int32()) * time.Millisecond
	f.take(fetchHead - 4 - 4)
	topics := f.int32()
	name := f.take(int(f.int16()))
	partitions, partition := f.int32(), f.int32()
	f.take(4) // leader epoch
	offset := f.int64()
	f.take(8) // log start
	bytesMax := f.int32()
	if f.bad || topics != 1 || partitions != 1 || offset < 0 {
		return nil, fmt.Errorf("a Fetch of %d topics, %d partitions, from %d", topics, partitions, offset)
	}
	t, err := r.topic(name)
	if err != nil {
		return nil, err
	}
	at, bytes := r.await(t, offset, int64(bytesMax), wait)
	start := len(b)
	b = appendFetched(b, id)
	b = be.AppendUint32(b, 1)
	b = appendName(b, name)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(partition))
	b = appendFetchedPartition(b, int(bytes))
	be.PutUint32(b[start:], uint32(len(b)-start-4)+uint32(bytes))
	if bytes > copiedBytesMax {
		if err := out.write(b, true); err != nil {
			return nil, err
		}
		return b, out.sendfile(t.file.f, at, int(bytes))
	}
	if bytes == 0 {
		return b, out.write(b, false)
	}
	whole := r.copies.Get().(*[]byte) // who waits keeps no more than b
	defer r.copies.Put(whole)
	*whole = append((*whole)[:0], b...)
	*whole = grown(*whole, len(b)+int(bytes))
	if err := readCached(t.file.f, (*whole)[len(b):], at); err != nil {
		return nil, err
	}
	return b, out.write(*whole, false)
}

// copiedBytesMax is up to which size a copy is no dearer than sendfile.
const copiedBytesMax = 64 << 10

// await is [relayed.from] once there is something, or it took too long.
func (r *relay) await(t *relayed, offset, bytesMax int64, wait time.Duration) (at, bytes int64) {
	at, bytes, grown := t.from(offset, bytesMax)
	if bytes > 0 {
		return at, bytes
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	for bytes == 0 {
		select {
		case <-grown:
			at, bytes, grown = t.from(offset, bytesMax)
		case <-late.C:
			return at, 0
		case <-r.ctx.Done():
			return at, 0
		}
	}
	return at, bytes
}
