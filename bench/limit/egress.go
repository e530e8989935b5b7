package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"moldau/zerocopy/nowait"
)

// Way is how bytes get from a file to a connection.
type Way int

const (
	Sendfile Way = iota // what is around the bytes, held back for them, then sendfile
	Copy                // pread among what is around the bytes, then one write
	Map                 // what is around the bytes, held back for them, then a write from a map of the file
	Pieces              // as Copy, but no more than pieceBytes at a time, for what is encrypted on its way
)

// pieceBytes stay in the processor's caches between being read and being sent.
const pieceBytes = 64 << 10

// ServeEgress answers Fetch 11 on every connection of l until ctx is done, with
// as many bytes for each partition as the request asks. They are the file's, from
// where the last answer of the connection ended, and from near its beginning again
// when it is at its end. The request's offsets are not looked at.
func ServeEgress(ctx context.Context, l net.Listener, file *os.File, way Way) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var mapped []byte
	if way == Map {
		if mapped, err = unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return os.NewSyscallError("mmap", err)
		}
	}
	served := serve(ctx, l, func(nc net.Conn) error {
		e, err := newEgress(nc, file, info.Size(), way)
		if err != nil {
			return err
		}
		e.mapped = mapped
		return e.run()
	})
	if mapped != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(mapped))
	}
	return errors.Join(served, err)
}

// egress is one connection.
type egress struct {
	in   *frames
	out  outlet
	file *os.File
	size int64 // of file
	at   int64 // in file
	way  Way

	answer []byte // what is around the bytes; by Copy, those too
	cuts   []cut  // but by Copy
	mapped []byte // the file, by Map
	piece  []byte // what is read, by Pieces; nil until then
}

// cut is a place in an answer where bytes of the file belong.
type cut struct {
	at    int // in answer
	bytes int
}

// firstAt is where the bytes of a file begin that are sent: batches begin at no
// page's beginning, and sections that do cost sendfile up to a quarter less.
const firstAt = 1000

func newEgress(nc net.Conn, file *os.File, size int64, way Way) (*egress, error) {
	out, err := outletOf(nc)
	if err != nil {
		return nil, err
	}
	return &egress{in: newFrames(out), out: out, file: file, size: size, at: firstAt, way: way}, nil
}

func (e *egress) run() error {
	for {
		frame, err := e.in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = e.prepare(frame)
		}
		if err == nil {
			err = e.send()
		}
		if err != nil {
			return err
		}
	}
}

// prepare renders the answer to a request.
func (e *egress) prepare(frame []byte) error {
	be := binary.BigEndian
	r := &fields{b: frame}
	id, err := r.header(keyFetch, 11)
	if err != nil {
		return err
	}
	r.take(fetchHead)
	e.cuts = e.cuts[:0]
	b := appendFetched(e.answer[:0], id)
	topics := r.int32()
	b = be.AppendUint32(b, uint32(topics))
	for ; topics > 0 && !r.bad; topics-- {
		b = appendName(b, r.take(int(r.int16())))
		partitions := r.int32()
		b = be.AppendUint32(b, uint32(partitions))
		for ; partitions > 0 && !r.bad; partitions-- {
			b = be.AppendUint32(b, uint32(r.int32()))
			r.take(4 + 8 + 8) // leader epoch, offset, log start
			if b, err = e.partition(b, int(r.int32())); err != nil {
				return err
			}
		}
	}
	if r.bad {
		return io.ErrUnexpectedEOF
	}
	extra := 0
	for _, c := range e.cuts {
		extra += c.bytes
	}
	be.PutUint32(b, uint32(len(b)-4+extra))
	e.answer = b
	return nil
}

// partition appends one partition's part, with its bytes or a cut for them.
func (e *egress) partition(b []byte, bytes int) ([]byte, error) {
	if bytes < 0 || int64(bytes) > e.size-firstAt {
		return nil, fmt.Errorf("a request for %d bytes of a file of %d", bytes, e.size)
	}
	b = appendFetchedPartition(b, bytes)
	if e.way != Copy {
		e.cuts = append(e.cuts, cut{len(b), bytes})
		return b, nil
	}
	from := len(b)
	b = grown(b, from+bytes)
	return b, readCached(e.file, b[from:], e.advance(bytes))
}

// fetchHead is the size of what a Fetch has before its topics: replica, wait, least,
// most, isolation, session, its epoch.
const fetchHead = 4 + 4 + 4 + 4 + 1 + 4 + 4

// appendFetched begins the answer to a Fetch.
func appendFetched(b []byte, id int32) []byte {
	return append(appendID(b, id), make([]byte, 4+2+4)...) // throttle time, error, session
}

// appendFetchedPartition appends what is before a partition's bytes, but for its number.
func appendFetchedPartition(b []byte, bytes int) []byte {
	be := binary.BigEndian
	b = be.AppendUint16(b, 0)          // error
	b = be.AppendUint64(b, 1<<62)      // high watermark
	b = be.AppendUint64(b, 1<<62)      // last stable
	b = be.AppendUint64(b, 0)          // log start
	b = be.AppendUint32(b, ^uint32(0)) // aborted transactions: null
	b = be.AppendUint32(b, ^uint32(0)) // preferred replica
	return be.AppendUint32(b, uint32(bytes))
}

// readCached reads from the page cache without telling the runtime, if it may.
func readCached(f *os.File, b []byte, at int64) error {
	if len(b) <= nowait.BytesMax {
		if n, err := nowait.Pread(f.Fd(), b, at); err == nil && n == len(b) {
			return nil
		}
	}
	_, err := f.ReadAt(b, at)
	return err
}

// advance is where the next bytes lie.
func (e *egress) advance(bytes int) int64 {
	if e.at+int64(bytes) > e.size {
		e.at = firstAt
	}
	at := e.at
	e.at += int64(bytes)
	return at
}

func (e *egress) send() error {
	from := 0
	for i, c := range e.cuts {
		// A last packet that is announced as not the last would stay in the kernel.
		if err := e.out.write(e.answer[from:c.at], c.bytes > 0 || i+1 < len(e.cuts)); err != nil {
			return err
		}
		if err := e.sendCut(c.bytes, i+1 < len(e.cuts) || c.at < len(e.answer)); err != nil {
			return err
		}
		from = c.at
	}
	return e.out.write(e.answer[from:], false)
}

// sendCut sends the next bytes of the file; more tells that they do not end the
// answer.
func (e *egress) sendCut(bytes int, more bool) error {
	at := e.advance(bytes)
	switch e.way {
	case Map:
		return e.out.write(e.mapped[at:at+int64(bytes)], more)
	case Pieces:
		return e.sendPieces(bytes, at)
	}
	return e.out.sendfile(e.file, at, bytes)
}

func (e *egress) sendPieces(bytes int, at int64) error {
	if e.piece == nil {
		e.piece = make([]byte, pieceBytes)
	}
	for bytes > 0 {
		b := e.piece[:min(bytes, pieceBytes)]
		if err := readCached(e.file, b, at); err != nil {
			return err
		}
		if err := e.out.write(b, false); err != nil {
			return err
		}
		bytes, at = bytes-len(b), at+int64(len(b))
	}
	return nil
}

// grown is b with n bytes, of which the first len(b) are kept.
func grown(b []byte, n int) []byte {
	if n <= cap(b) {
		return b[:n]
	}
	return append(make([]byte, 0, 2*n), b...)[:n]
}
