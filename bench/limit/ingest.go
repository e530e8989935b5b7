package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"

	"moldau/logstore/record"
)

// ServeIngest answers Produce 8, and OffsetCommit 7, on every connection of l until ctx
// is done. What a connection sends goes to a file of its own in dir, which the caller
// removes.
func ServeIngest(ctx context.Context, l net.Listener, dir string) error {
	var connections atomic.Int64
	return serve(ctx, l, func(nc net.Conn) error {
		f, err := CreateFile(filepath.Join(dir, fmt.Sprintf("ingest-%d", connections.Add(1))))
		if err != nil {
			return err
		}
		return errors.Join(ingest(nc, wholeTo(f), atOnce), f.Close())
	})
}

func atOnce() error { return nil } // the page cache has it

// ServeIngestSynced is ServeIngest from stable storage: all connections write to one
// file, and those who wait share its syncs.
func ServeIngestSynced(ctx context.Context, l net.Listener, file *File) error {
	syncs := &GroupSync{Sync: file.Sync}
	return serve(ctx, l, func(nc net.Conn) error { return ingest(nc, wholeTo(file), syncs.Wait) })
}

// keeper checks a request, writes what it brings, and appends the answer to b.
type keeper func(b, frame []byte) ([]byte, error)

// wholeTo writes requests as they came to a file.
func wholeTo(f *File) keeper {
	return func(b, frame []byte) ([]byte, error) {
		b, err := appendAnswer(b, frame)
		if err != nil {
			return nil, err
		}
		return b, f.Append(frame)
	}
}

// ingest takes requests until the connection ends. Those that arrived together are
// acknowledged together, once settled returns.
func ingest(nc net.Conn, keep keeper, settled func() error) error {
	conn, err := outletOf(nc)
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
		if acks, err = keep(acks, frame); err != nil {
			return err
		}
		if in.whole() || conn.more() {
			continue
		}
		if err := settled(); err != nil {
			return err
		}
		if err := conn.write(acks, false); err != nil {
			return err
		}
		acks = acks[:0]
	}
}

// appendAnswer checks a request that brings something and appends the answer to it.
func appendAnswer(b, frame []byte) ([]byte, error) {
	if keyOf(frame) == keyOffsetCommit {
		return appendCommitted(b, frame)
	}
	return appendAck(b, frame, nil)
}

// taker is given what is produced to a partition.
type taker func(topic []byte, partition int32, batch record.Batch) error

// appendAck checks a request's batches, gives each to take unless that is nil, and
// appends the answer to it.
func appendAck(acks, frame []byte, take taker) ([]byte, error) {
	be := binary.BigEndian
	r := &fields{b: frame}
	id, err := r.header(keyProduce, 8)
	if err != nil {
		return nil, err
	}
	r.take(max(0, int(r.int16()))) // transactional id
	r.take(2 + 4)                  // acks, timeout
	start := len(acks)
	acks = appendID(acks, id)
	topics := r.int32()
	acks = be.AppendUint32(acks, uint32(topics))
	for ; topics > 0 && !r.bad; topics-- {
		name := r.take(int(r.int16()))
		acks = appendName(acks, name)
		partitions := r.int32()
		acks = be.AppendUint32(acks, uint32(partitions))
		for ; partitions > 0 && !r.bad; partitions-- {
			partition := r.int32()
			acks = be.AppendUint32(acks, uint32(partition))
			batch := record.Batch(r.take(int(r.int32())))
			if len(batch) < record.HeaderBytes || batch.ComputeCRC() != batch.CRC() {
				return nil, record.ErrCRC
			}
			if take != nil {
				if err := take(name, partition, batch); err != nil {
					return nil, err
				}
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
	return finish(acks, start), nil
}

// appendCommitted appends the answer to an OffsetCommit: all are taken.
func appendCommitted(b, frame []byte) ([]byte, error) {
	be := binary.BigEndian
	r := &fields{b: frame}
	id, err := r.header(keyOffsetCommit, 7)
	if err != nil {
		return nil, err
	}
	r.take(int(r.int16()))         // group
	r.take(4)                      // generation
	r.take(int(r.int16()))         // member
	r.take(max(0, int(r.int16()))) // instance
	start := len(b)
	b = appendID(b, id)
	b = be.AppendUint32(b, 0) // throttle time
	topics := r.int32()
	b = be.AppendUint32(b, uint32(topics))
	for ; topics > 0 && !r.bad; topics-- {
		b = appendName(b, r.take(int(r.int16())))
		partitions := r.int32()
		b = be.AppendUint32(b, uint32(partitions))
		for ; partitions > 0 && !r.bad; partitions-- {
			b = be.AppendUint32(b, uint32(r.int32()))
			r.take(8 + 4)                  // offset, leader epoch
			r.take(max(0, int(r.int16()))) // metadata
			b = be.AppendUint16(b, 0)
		}
	}
	if r.bad {
		return nil, io.ErrUnexpectedEOF
	}
	return finish(b, start), nil
}
