package logstore

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"slices"
)

// liveAttemptsMax is how often a log's files are looked for anew, while somebody
// else gives them other names. Each attempt fails only because he has got on.
const liveAttemptsMax = 100

// openLive is openSegments for a directory in which another process may be at work:
// which may roll, retire, and put one segment in the place of others meanwhile. What
// is open stays as it is.
func (r *recovery) openLive() error {
	// What the manifest said may be older than the files: where a compaction was since,
	// gaps lead past it.
	r.cleaned, r.synced = math.MaxInt64, 0
	for attempt := 1; ; attempt++ {
		before, err := r.listLive()
		if err != nil {
			return err
		}
		bases, err := before.inPlace(r)
		if err == nil && len(bases) == 0 {
			return nil
		}
		if err == nil {
			r.live, r.snapshots = before, before.snapshots
			err = r.openSegments(bases)
		}
		after, listed := r.listLive()
		switch same := listed == nil && before.agrees(after); {
		case listed != nil:
			return listed
		case attempt == liveAttemptsMax, err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err == nil && same && before.settled():
			return nil
		}
		r.abandon()
		r.segments, r.fatal, r.badTxns = nil, nil, nil
	}
}

// liveNames are the names in a log's directory, and what becomes of them.
type liveNames struct {
	tidying
	swapped map[int64]bool // segments of which the data has its name to get yet
	txns    map[int64]bool // those of which the transaction index has
}

func (r *recovery) listLive() (*liveNames, error) {
	entries, err := r.log.store.fs.ReadDir(r.log.dir)
	if err != nil {
		return nil, err
	}
	n := &liveNames{swapped: map[int64]bool{}, txns: map[int64]bool{}}
	for _, e := range entries {
		n.sort(e.Name())
		if base, ok := parseSegmentFileName(e.Name(), txnSuffix+swapSuffix); ok {
			n.txns[base] = true
		}
	}
	for _, base := range n.swaps {
		n.swapped[base] = n.cleanedLowest == 0 || base < n.cleanedLowest-1
	}
	slices.Sort(n.bases)
	return n, nil
}

// name names a segment's files. The transaction index has its name first.
func (n *liveNames) name(s *segment) {
	if n.swapped[s.base] {
		s.behind = swapSuffix
		if n.txns[s.base] {
			s.txnsBehind = swapSuffix
		}
	}
}

// inPlace is the bases of the segments as they are when all swaps are in place.
func (n *liveNames) inPlace(r *recovery) ([]int64, error) {
	bases := slices.Clone(n.bases)
	for base, counts := range n.swapped {
		if !counts {
			continue
		}
		end, err := swapEnd(r.log, base)
		if err != nil {
			return nil, err
		}
		bases = slices.DeleteFunc(bases, func(other int64) bool { return other == base || other > base && other < end })
		bases = append(bases, base)
	}
	slices.Sort(bases)
	return bases, nil
}

// settled tells that no data is in place of which the transaction index is not.
func (n *liveNames) settled() bool {
	for base := range n.txns {
		if !n.swapped[base] {
			return false
		}
	}
	return true
}

// agrees tells that a later listing has the same segments, but for those that were
// rolled since: a listing may miss a file that gets another name meanwhile.
func (n *liveNames) agrees(later *liveNames) bool {
	last := int64(-1)
	if len(n.bases) > 0 {
		last = n.bases[len(n.bases)-1]
	}
	rolled, _ := slices.BinarySearch(later.bases, last+1)
	return slices.Equal(n.bases, later.bases[:rolled]) && maps.Equal(n.swapped, later.swapped) && maps.Equal(n.txns, later.txns)
}
