package harness

import (
	"fmt"
	"math"
	"runtime"

	"moldau/bench/report/figure"
	"moldau/bench/result"
)

// What makes a row doubtful.
const (
	// stealShareMax is of the machine's time, of all cores, while blocks ran.
	stealShareMax = 0.02
	// driftBlocksMin is how many blocks must follow one another in one direction: of
	// four, one order in twelve does by chance, of five, one in sixty.
	driftBlocksMin = 4
	driftMin       = 0.1 // from the first to the last
)

// doubts are notes on what a reader of the row has to know and no scenario can: that
// the host took much of the machine's time, and that a system got better or worse
// all the time, so that its median is of the moment.
func doubts(row *result.Row) (notes []string) {
	wall := 0.0
	for _, s := range row.Series {
		for _, b := range s.Blocks {
			wall += b.WallSeconds
		}
	}
	if steal, all := row.StealSeconds(), wall*float64(runtime.NumCPU()); all > 0 && steal > stealShareMax*all {
		notes = append(notes, fmt.Sprintf("the host took %.0f %% of the machine's time while blocks ran: to be read again", 100*steal/all))
	}
	for i := range row.Series {
		s := &row.Series[i]
		if v := s.Values(row.Headline); drifts(v) {
			notes = append(notes, fmt.Sprintf("%s was at another %s in every block than in the one before, always in the same direction, from %s to %s: it had not come to rest",
				s.System, row.Headline, figure.Number(v[0]), figure.Number(v[len(v)-1])))
		}
	}
	return notes
}

// drifts tells whether values only rise or only fall, and far.
func drifts(v []float64) bool {
	if len(v) < driftBlocksMin || v[0] == 0 {
		return false
	}
	up, down := true, true
	for i := range v[1:] {
		up = up && v[i+1] > v[i]
		down = down && v[i+1] < v[i]
	}
	return (up || down) && math.Abs(v[len(v)-1]/v[0]-1) > driftMin
}
