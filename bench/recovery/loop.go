package recovery

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"moldau/logstore/record"
)

// looping is a task: to read tails and check their batches.
type looping struct {
	shape
	Tails   []tail
	Workers int // each takes a log at a time
}

// looped is what that took.
type looped struct {
	Ms      float64
	Bytes   int64
	Batches int64
}

const (
	pieceBytes    = 1 << 20
	batchBytesMax = 2 << 20
)

func loop(t looping) (looped, error) {
	var running sync.WaitGroup
	var next atomic.Int64
	results, errs := make([]looped, t.Workers), make([]error, t.Workers)
	began := time.Now()
	for w := range t.Workers {
		running.Go(func() {
			r := &reader{buffer: make([]byte, batchBytesMax+pieceBytes)}
			for errs[w] == nil {
				log := int(next.Add(1)) - 1
				if log >= len(t.Tails) {
					break
				}
				errs[w] = r.log(t, log)
			}
			results[w] = r.looped
		})
	}
	running.Wait()
	sum := looped{Ms: milliseconds(time.Since(began))}
	for _, r := range results {
		sum.Bytes += r.Bytes
		sum.Batches += r.Batches
	}
	return sum, errors.Join(errs...)
}

// reader reads in pieces and checks what is in them.
type reader struct {
	buffer []byte
	looped
}

// log reads what lies in a log's tail, segment by segment.
func (r *reader) log(t looping, log int) error {
	names, err := t.segments(log)
	if err != nil {
		return err
	}
	tail, at := t.Tails[log], int64(0) // of the segment, in the log
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if from, to := max(tail.From-at, 0), min(tail.To-at, info.Size()); from < to {
			if err := r.file(name, from, to); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		at += info.Size()
	}
	return nil
}

func (r *reader) file(name string, from, to int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	left := 0 // bytes of a batch that was not whole yet
	for from < to {
		n, err := f.ReadAt(r.buffer[left:left+int(min(pieceBytes, to-from))], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		from += int64(n)
		if left, err = r.batches(r.buffer[:left+n]); err != nil {
			return err
		}
	}
	if left != 0 {
		return fmt.Errorf("%d bytes of a batch: %w", left, io.ErrUnexpectedEOF)
	}
	return nil
}

// batches checks whole batches and moves what is left to the buffer's front.
func (r *reader) batches(b []byte) (left int, err error) {
	for len(b) > 0 {
		batch, rest, err := record.Next(b)
		if errors.Is(err, record.ErrShort) && len(b) <= batchBytesMax {
			break
		}
		if err == nil && batch.ComputeCRC() != batch.CRC() {
			err = record.ErrCRC
		}
		if err != nil {
			return 0, err
		}
		r.Bytes += int64(len(batch))
		r.Batches++
		b = rest
	}
	return copy(r.buffer, b), nil
}
