package coordinator

import (
	"context"
	"fmt"

	"moldau/logstore"
	"moldau/logstore/record"
)

// Replay calls apply with every record of a partition that was there at the call
// and holds, in the order of the log, once all of them are below the high
// watermark. Those of a transaction hold if it was committed by then: not before,
// and never those of an aborted one. A record is valid during the call. It ends
// with apply's first error.
func Replay(ctx context.Context, log *logstore.Log, apply func(*record.Record) error) error {
	end := log.Offset(logstore.LogEnd)
	if err := log.Wait(ctx, logstore.HighWatermark, end); err != nil {
		return fmt.Errorf("%s: wait for what was appended to be committed: %w", log.Name(), err)
	}
	held, err := findHeld(ctx, log, end)
	if err != nil {
		return fmt.Errorf("replay %s: %w", log.Name(), err)
	}
	for b, err := range log.Batches(ctx, log.StartOffset(), logstore.HighWatermark) {
		if err != nil {
			return fmt.Errorf("replay %s: %w", log.Name(), err)
		}
		if b.BaseOffset() >= end {
			break
		}
		if b.Control() || held.has(b) {
			continue
		}
		for r, err := range b.Records(unpackedBytesMax) {
			if err == nil {
				err = apply(&r)
			}
			if err != nil {
				return fmt.Errorf("replay %s at offset %d: %w", log.Name(), r.Offset, err)
			}
		}
	}
	return nil
}

// unpackedBytesMax bounds what a batch may unpack to.
const unpackedBytesMax = 128 << 20

// heldBack is the transactions of each producer whose records do not hold, in the
// order of the log.
type heldBack map[int64][]logstore.AbortedTransaction

// findHeld finds the transactions that were aborted, or are not decided, at the
// offset end. Only above the last stable offset can one be undecided.
func findHeld(ctx context.Context, log *logstore.Log, end int64) (heldBack, error) {
	stable := log.Offset(logstore.LastStable)
	aborted, err := log.AbortedTransactions(nil, log.StartOffset(), end)
	if err != nil {
		return nil, err
	}
	held := heldBack{}
	for _, t := range aborted {
		held[t.ProducerID] = append(held[t.ProducerID], t)
	}
	open := map[int64]int64{} // first offsets, by producer
	for b, err := range log.Batches(ctx, stable, logstore.HighWatermark) {
		if err != nil {
			return nil, err
		}
		if b.BaseOffset() >= end {
			break
		}
		if _, ok := open[b.ProducerID()]; b.Control() {
			delete(open, b.ProducerID())
		} else if b.Transactional() && !ok {
			open[b.ProducerID()] = b.BaseOffset()
		}
	}
	for id, first := range open {
		held[id] = append(held[id], logstore.AbortedTransaction{ProducerID: id, First: first, Last: end})
	}
	return held, nil
}

// has is asked for one batch after the other: what lies behind them is dropped.
func (h heldBack) has(b record.Batch) bool {
	if !b.Transactional() {
		return false
	}
	held := h[b.ProducerID()]
	for len(held) > 0 && held[0].Last <= b.BaseOffset() {
		held = held[1:]
	}
	h[b.ProducerID()] = held
	return len(held) > 0 && held[0].First <= b.BaseOffset()
}
