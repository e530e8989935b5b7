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

// ServeIngest answers Produce 8 on every connection of l until ctx is done. What
// a connection sends goes to a file of its own in dir, which the caller removes.
func ServeIngest(ctx context.Context, l net.Listener, dir string) error {
	var connections atomic.Int64
	return serve(ctx, l, func(nc net.Conn) error {
		f, err := CreateFile(filepath.Join(dir, fmt.Sprintf("ingest-%d", connections.Add(1))))
		if err != nil {
			return err
		}
		atOnce := func() error { return nil } // the page cache has it
		return errors.Join(ingest(nc, f, atOnce), f.Close())
	})
}

// ServeIngestSynced is ServeIngest from stable storage: all connections write to one
// file, and those who wait share its syncs.
func ServeIngestSynced(ctx context.Context, l net.Listener, file *File) error {
	syncs := &GroupSync{Sync: file.Sync}
	return serve(ctx, l, func(nc net.Conn) error { return ingest(nc, file, syncs.Wait) })
}

// ingest takes requests until the connection ends. Those that arrived together are
// acknowledged together, once settled returns.
func ingest(nc net.Conn, to *File, settled func() error) error {
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
		if acks, err = appendAck(acks, frame); err != nil {
			return err
		}
		if err := to.Append(frame); err != nil {
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
