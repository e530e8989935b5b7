package ontime

import (
	"fmt"
	"strings"

	"moldau/bench/result"
)

// lateShare is how much of a p99 the sending may be late by before the row says
// so.
const lateShare = 0.5

// late notes that requests of a turn were sent so late that its latencies may be as
// much the client's, or the machine's, as the system's: a connection that is full
// holds the writer up just as a core that is taken does. The note counts all such
// blocks of the row.
func late(row *result.Row, _ int) {
	const begins = "requests were sent late"
	blocks, all := 0, 0
	for _, s := range row.Series {
		for _, b := range s.Blocks {
			lag, known := b.Metrics[result.SendLag]
			p99, told := b.Metrics[result.P99]
			if !known || !told {
				continue
			}
			all++
			if lag > lateShare*p99 {
				blocks++
			}
		}
	}
	if blocks == 0 {
		return
	}
	note := fmt.Sprintf("%s in %d of %d blocks (p99 of the lag above half of that of the latency): the client had no time when they were due, or the system did not take them from the connection; latencies count from then all the same", begins, blocks, all)
	for i, n := range row.Notes {
		if strings.HasPrefix(n, begins) {
			row.Notes[i] = note
			return
		}
	}
	row.Notes = append(row.Notes, note)
}
