package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"moldau/logstore/record"
)

// ServeIngest answers Produce 8 on every connection of l until ctx is done. What
// a connection sends goes to a file of its own in dir, which the caller removes.
func ServeIngest(ctx context.Context, l net.Listener, dir string) error {
	var connections atomic.Int64
	return serve(ctx, l, func(nc *net.TCPConn) error {
		f, err := createIngest(dir, connections.Add(1))
		if err != nil {
			return err
		}
		return errors.Join(ingest(nc, &ownFile{f: f}), f.Close())
	})
}

// ServeIngestSynced is ServeIngest from stable storage: all connections append to
// one file, and those who wait share its syncs. When none is left, the file is
// closed, and the next begins another.
func ServeIngestSynced(ctx context.Context, l net.Listener, dir string) error {
	s := &sharedFiles{dir: dir}
	return serve(ctx, l, func(nc *net.TCPConn) error {
		f, err := s.join()
		if err != nil {
			return err
		}
		return errors.Join(ingest(nc, f), s.leave())
	})
}

func createIngest(dir string, number int64) (*os.File, error) {
	return os.Create(filepath.Join(dir, fmt.Sprintf("ingest-%d", number)))
}

// sink is where requests go.
type sink interface {
	write(frame []byte) error
	// settle returns when all that was written may be acknowledged.
	settle() error
}

// ownFile is one connection's, in the page cache.
type ownFile struct {
	f  *os.File
	at int64
}

func (o *ownFile) write(frame []byte) error {
	_, err := o.f.WriteAt(frame, o.at)
	o.at += int64(len(frame))
	return err
}

func (o *ownFile) settle() error { return nil }

// sharedFile is that of all connections there are.
type sharedFile struct {
	f    *os.File
	end  atomic.Int64
	sync GroupSync
}

func (s *sharedFile) write(frame []byte) error {
	size := int64(len(frame))
	_, err := s.f.WriteAt(frame, s.end.Add(size)-size)
	return err
}

func (s *sharedFile) settle() error { return s.sync.Wait() }

// sharedFiles are those of connections that are there at the same time.
type sharedFiles struct {
	dir string

	mu      sync.Mutex
	made    int64       // under mu
	users   int         // under mu
	current *sharedFile // under mu; nil without users
}

func (s *sharedFiles) join() (*sharedFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		f, err := createIngest(s.dir, s.made+1)
		if err != nil {
			return nil, err
		}
		s.made++
		s.current = &sharedFile{f: f}
		s.current.sync.Sync = func() error { return os.NewSyscallError("fdatasync", unix.Fdatasync(int(f.Fd()))) }
	}
	s.users++
	return s.current, nil
}

func (s *sharedFiles) leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	f := s.current.f
	s.current = nil
	return f.Close()
}

// ingest takes requests until the connection ends. Those that arrived together are
// acknowledged together.
func ingest(nc *net.TCPConn, to sink) error {
	conn, err := newSocket(nc)
	if err != nil {
		return err
	}
	in := newFrames(conn)
	var acks []byte
	for {
		frame, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if acks, err = appendAck(acks, frame); err != nil {
			return err
		}
		if err := to.write(frame); err != nil {
			return err
		}
		if in.whole() {
			continue
		}
		if err := to.settle(); err != nil {
			return err
		}
		if err := conn.write(acks, false); err != nil {
			return err
		}
		acks = acks[:0]
	}
}

// appendAck checks a request's batches and appends the answer to it.
func appendAck(acks, frame []byte) ([]byte, error) {
	be := binary.BigEndian
	r := &fields{b: frame}
	id, err := r.header(0, 8)
	if err != nil {
		return nil, err
	}
	r.take(max(0, int(r.int16()))) // transactional id
	r.take(2 + 4)                  // acks, timeout
	start := len(acks)
	acks = be.AppendUint32(acks, 0)
	acks = be.AppendUint32(acks, uint32(id))
	topics := r.int32()
	acks = be.AppendUint32(acks, uint32(topics))
	for ; topics > 0 && !r.bad; topics-- {
		name := r.take(int(r.int16()))
		acks = be.AppendUint16(acks, uint16(len(name)))
		acks = append(acks, name...)
		partitions := r.int32()
		acks = be.AppendUint32(acks, uint32(partitions))
		for ; partitions > 0 && !r.bad; partitions-- {
			acks = be.AppendUint32(acks, uint32(r.int32()))
			batch := record.Batch(r.take(int(r.int32())))
			if len(batch) < record.HeaderBytes || batch.ComputeCRC() != batch.CRC() {
				return nil, record.ErrCRC
			}
			acks = be.AppendUint16(acks, 0)
			acks = be.AppendUint64(acks, 0)          // base offset
			acks = be.AppendUint64(acks, ^uint64(0)) // append time
			acks = be.AppendUint64(acks, 0)          // log start
			acks = be.AppendUint32(acks, 0)          // record errors
			acks = be.AppendUint16(acks, 0xffff)     // message
		}
	}
	if r.bad {
		return nil, io.ErrUnexpectedEOF
	}
	acks = be.AppendUint32(acks, 0) // throttle time
	be.PutUint32(acks[start:], uint32(len(acks)-start-4))
	return acks, nil
}
