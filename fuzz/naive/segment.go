package naive

import "math"

// Segment is what counts of a segment's bytes.
type Segment struct {
	Base    int64 // offset that the file is named by
	Batches []Batch
	End     int64 // offset behind the last batch
	Bytes   int64 // of the batches
}

// ReadSegment reads batches from the first byte to the first that does not count.
func ReadSegment(b []byte, base int64) Segment {
	s := Segment{Base: base, End: base}
	for {
		batch, err := First(b[s.Bytes:])
		if err != nil || batch.Check() != nil {
			return s
		}
		if batch.Base < s.End || batch.Last < batch.Base || batch.Last-base >= math.MaxInt32 {
			return s
		}
		batch.Position = s.Bytes
		s.Batches = append(s.Batches, batch)
		s.End = batch.Last + 1
		s.Bytes += int64(len(batch.Bytes))
	}
}

// Epoch is where a leader epoch began.
type Epoch struct {
	Epoch int32
	Start int64
}

// Epochs are those of the batches, as whoever appends them notes them: an epoch that
// comes again, or goes back, makes those that contradict it untrue.
func (s *Segment) Epochs() (all []Epoch) {
	for _, b := range s.Batches {
		all = Assign(all, b.LeaderEpoch, b.Base)
	}
	return all
}

// Assign notes that an epoch begins at an offset.
func Assign(all []Epoch, epoch int32, start int64) []Epoch {
	if epoch < 0 || len(all) > 0 && all[len(all)-1].Epoch == epoch {
		return all
	}
	kept := []Epoch{}
	for _, e := range all {
		if e.Epoch < epoch && e.Start < start {
			kept = append(kept, e)
		}
	}
	return append(kept, Epoch{epoch, start})
}

// Index is what the indexes beside a segment hold, as files.
func (s *Segment) Index(intervalBytes int64) (offsets, times []byte) {
	since, entryMax := int64(0), int64(-1) // timestamp of the last time entry
	max, maxAt := int64(-1), s.Base
	time := func() {
		if max > entryMax {
			times = order.AppendUint64(times, uint64(max))
			times = order.AppendUint32(times, uint32(maxAt-s.Base))
			entryMax = max
		}
	}
	for _, b := range s.Batches {
		if b.MaxTimestamp > max {
			max, maxAt = b.MaxTimestamp, b.Last
		}
		if since > intervalBytes {
			offsets = order.AppendUint32(offsets, uint32(b.Last-s.Base))
			offsets = order.AppendUint32(offsets, uint32(b.Position))
			time()
			since = 0
		}
		since += int64(len(b.Bytes))
	}
	time() // at the end of a segment, or of the log's use
	return offsets, times
}
