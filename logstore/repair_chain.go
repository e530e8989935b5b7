package logstore

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"moldau/logstore/vfs"
)

// chain keeps the batches that a segment at base can hold together: offsets rise
// through the file and stay below limit. One whose base offset was damaged, which
// no CRC covers, would shut out many behind it if the first were always believed:
// so it is the chain with most neighbours that touch, and of those the one with
// most bytes.
func (s *segmentScan) chain(base, limit int64) {
	fits := func(b *salvaged) bool {
		return b.base >= base && b.last >= b.base && b.last < limit && b.last-base <= math.MaxInt32
	}
	next, rising := base, true
	for i := range s.batches {
		b := &s.batches[i]
		b.kept = fits(b)
		rising = rising && b.kept && b.base >= next
		next = b.last + 1
	}
	if !rising {
		s.heaviest(base, limit)
	}
}

// touchWeight is more than all bytes of a segment.
const touchWeight = int64(1) << 32

// heaviest is chain among the batches marked so far: the best chain that ends
// with each batch is the best of those that end before its base, found in a
// tree of prefix maxima over their last offsets.
func (s *segmentScan) heaviest(base, limit int64) {
	var lasts []int64
	for i := range s.batches {
		if s.batches[i].kept {
			lasts = append(lasts, s.batches[i].last)
		}
	}
	slices.Sort(lasts)
	lasts = slices.Compact(lasts)
	weights := make([]int64, len(s.batches))
	before := make([]int, len(s.batches)) // the batch before it in its chain, -1 none
	tree := make([]int, len(lasts)+1)     // of batch numbers + 1
	best := -1
	for i := range s.batches {
		b := &s.batches[i]
		if !b.kept {
			continue
		}
		b.kept = false
		before[i], weights[i] = -1, b.bytes
		if i == 0 && b.base == base {
			weights[i] += touchWeight
		}
		for n := sort.Search(len(lasts), func(n int) bool { return lasts[n] >= b.base }); n > 0; n &= n - 1 {
			if j := tree[n] - 1; j >= 0 && weights[j]+b.bytes > weights[i] {
				before[i], weights[i] = j, weights[j]+b.bytes
			}
		}
		if i > 0 && weights[i-1] > 0 && s.touches(i-1) && weights[i-1]+b.bytes+touchWeight > weights[i] {
			before[i], weights[i] = i-1, weights[i-1]+b.bytes+touchWeight
		}
		slot, _ := slices.BinarySearch(lasts, b.last)
		for n := slot + 1; n <= len(lasts); n += n & -n {
			if j := tree[n] - 1; j < 0 || weights[i] > weights[j] {
				tree[n] = i + 1
			}
		}
		if i == len(s.batches)-1 && b.last+1 == limit {
			weights[i] += touchWeight
		}
		if best < 0 || weights[i] > weights[best] {
			best = i
		}
	}
	for i := best; i >= 0; i = before[i] {
		s.batches[i].kept = true
	}
}

// touches tells that batch i and the next touch, in the file and by offset.
func (s *segmentScan) touches(i int) bool {
	return !s.badBehind(i) && s.batches[i].last+1 == s.batches[i+1].base
}

// mendOffsets puts right the base offsets of which what lies before and behind in
// the file says something else: between them there is room for just as many
// offsets as the batch has, but not where it says. end is where the last batch
// ends, 0 unknown.
func (s *segmentScan) mendOffsets(f vfs.File, base, end int64) error {
	next, touching := base, int64(0)
	for i := range s.batches {
		b := &s.batches[i]
		behind := int64(0)
		switch {
		case i+1 == len(s.batches):
			behind = end
		case s.batches[i+1].position == b.position+b.bytes:
			behind = s.batches[i+1].base
		}
		if delta := b.last - b.base; b.position == touching && delta >= 0 && behind == next+delta+1 && b.base != next {
			if err := b.move(f, next); err != nil {
				return err
			}
		}
		next, touching = b.last+1, b.position+b.bytes
	}
	return nil
}

// replace puts batches back whose base offset alone was damaged: between what
// comes before and after them in the file there is room for just as many
// offsets as they have. ends is where the last batch may end.
func (s *segmentScan) replace(f vfs.File, base int64, ends []int64) error {
	next := base
	for i := range s.batches {
		b := &s.batches[i]
		if b.kept {
			next = b.last + 1
			continue
		}
		delta := b.last - b.base
		if delta < 0 || next+delta-base > math.MaxInt32 {
			continue
		}
		end := next + delta + 1
		fits := i+1 < len(s.batches) && s.batches[i+1].kept && s.batches[i+1].base == end && !s.badBehind(i) ||
			i+1 == len(s.batches) && slices.Contains(ends, end)
		if !fits {
			continue
		}
		if err := b.move(f, next); err != nil {
			return err
		}
		b.kept, next = true, end
	}
	return nil
}

// badBehind tells whether bytes were lost between batch i and the next.
func (s *segmentScan) badBehind(i int) bool {
	return s.batches[i].position+s.batches[i].bytes != s.batches[i+1].position
}

// end is the offset behind the last batch kept, base without one.
func (s *segmentScan) end(base int64) int64 {
	if s.summarized {
		return s.lastEnd
	}
	for _, b := range slices.Backward(s.batches) {
		if b.kept {
			return b.last + 1
		}
	}
	return base
}

// lastEpoch is the leader epoch of the last batch kept, -1 without one.
func (s *segmentScan) lastEpoch() int32 {
	if s.summarized {
		return s.epoch
	}
	for _, b := range slices.Backward(s.batches) {
		if b.kept {
			return b.epoch
		}
	}
	return -1
}

// keptBytes is how much is kept below an offset.
func (s *segmentScan) keptBytes(limit int64) (bytes int64) {
	if s.summarized && limit >= s.lastEnd {
		return s.bytes
	}
	for i := range s.batches {
		if b := &s.batches[i]; b.kept && b.last < limit {
			bytes += b.bytes
		}
	}
	return bytes
}

// weight is what speaks for a segment where others are in its way: the bytes that
// it keeps below an offset, above all if the first batch is that of the file's
// name.
func (s *segmentScan) weight(base, limit int64) int64 {
	bytes := s.keptBytes(limit)
	for i := range s.batches {
		if b := &s.batches[i]; b.kept {
			if b.base == base && b.last < limit {
				bytes += touchWeight
			}
			break
		}
	}
	return bytes
}

// claimed is how many records the headers of what is no sound batch claim, if
// they go from one offset to another without a gap, else -1.
func (s *segmentScan) claimed(first, last int64) (records int64) {
	for _, b := range s.bad {
		if b.count < 0 || b.first != first {
			return -1
		}
		first, records = b.last+1, records+int64(b.count)
	}
	if first != last+1 {
		return -1
	}
	return records
}

// why is what is wrong with the first range.
func (s *segmentScan) why() error {
	if len(s.bad) == 0 {
		return errMisplaced
	}
	return s.bad[0].why
}

// summarize forgets the batches.
func (s *segmentScan) summarize(base int64) {
	*s = segmentScan{summarized: true, lastEnd: s.end(base), bytes: s.keptBytes(unlimited), epoch: s.lastEpoch()}
}

// whole tells that the file is as it should be.
func (s *segmentScan) whole() bool {
	return len(s.bad) == 0 && !slices.ContainsFunc(s.batches, func(b salvaged) bool { return !b.kept || b.head != nil })
}

// piece is a part of the old file that goes into the new one.
type piece struct {
	position, bytes int64
	head            *[batchHeadBytes]byte // in place of the first bytes, if not nil
}

// pieces is what is kept, neighbours in one.
func (s *segmentScan) pieces() (all []piece) {
	for _, b := range s.batches {
		if n := len(all); b.kept && b.head == nil && n > 0 && all[n-1].position+all[n-1].bytes == b.position {
			all[n-1].bytes += b.bytes
		} else if b.kept {
			all = append(all, piece{b.position, b.bytes, b.head})
		}
	}
	return all
}

// taken is what is not kept, in file order, with the batches on both sides.
func (s *segmentScan) taken() (all []takenOut) {
	for _, b := range s.bad {
		all = append(all, takenOut{badRange: b})
	}
	for _, b := range s.batches {
		if !b.kept {
			all = append(all, takenOut{badRange{b.position, b.position + b.bytes, errMisplaced, b.base, b.last, -1}, 0, 0})
		}
	}
	slices.SortFunc(all, func(a, b takenOut) int { return cmp.Compare(a.from, b.from) })
	at, after := 0, int64(-1)
	for i := range all {
		for ; at < len(s.batches) && s.batches[at].position < all[i].from; at++ {
			if b := &s.batches[at]; b.kept {
				after = b.last + 1
			}
		}
		all[i].after = after
	}
	at, before := len(s.batches)-1, int64(-1)
	for i := range slices.Backward(all) {
		for ; at >= 0 && s.batches[at].position >= all[i].to; at-- {
			if b := &s.batches[at]; b.kept {
				before = b.base
			}
		}
		all[i].before = before
	}
	return all
}

// takenOut is a range that the new file lacks.
type takenOut struct {
	badRange
	after  int64 // offset behind the batch before it, -1 none
	before int64 // offset of the batch behind it, -1 none
}
