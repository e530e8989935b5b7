package export

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"moldau/bench/result"
)

// HistogramLog writes the histograms of a series, an interval for each block. Runs
// keep no time of a block: intervals begin at the run's and are as many seconds
// apart as turns.
func HistogramLog(w io.Writer, at time.Time, title string, s *result.Series) error {
	out := hdrhistogram.NewHistogramLogWriter(w)
	for _, write := range []func() error{
		func() error {
			return out.OutputComment(fmt.Sprintf("[%s, %s; values are microseconds; an interval is a block, its time the turn's number]", title, s.System))
		},
		out.OutputLogFormatVersion,
		func() error { return out.OutputStartTime(at.UnixMilli()) },
		func() error { return out.OutputBaseTime(at.UnixMilli()) },
		out.OutputLegend,
	} {
		if err := write(); err != nil {
			return err
		}
	}
	out.SetBaseTime(at.UnixMilli())
	for _, b := range s.Blocks {
		if b.Latency == nil {
			continue
		}
		h := hdrhistogram.Import(b.Latency.Export()) // its times and tag are set: not those of the run
		begin := at.UnixMilli() + int64(b.Turn)*1000
		h.SetStartTimeMs(begin)
		h.SetEndTimeMs(begin + 1000)
		h.SetTag(tag(s.System))
		if err := out.OutputIntervalHistogram(h); err != nil {
			return err
		}
	}
	return nil
}

// tag has no comma, space or line end, which end one.
func tag(system string) string {
	return strings.NewReplacer(",", "_", " ", "_", "\n", "_").Replace(system)
}

// Percentiles writes the percentile text of all blocks together, in milliseconds.
func Percentiles(w io.Writer, s *result.Series) error {
	const ticksPerHalfDistance, usPerMs = 5, 1000
	_, err := s.Merged().PercentilesPrint(w, ticksPerHalfDistance, usPerMs)
	return err
}
