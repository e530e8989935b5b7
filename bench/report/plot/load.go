package plot

import (
	"cmp"
	"math"
	"slices"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"moldau/bench/report/figure"
	"moldau/bench/result"
)

// width of the lines of a plot of latency against load.
var width = map[result.Metric]vg.Length{result.P50: 1, result.P99: 2}

// Load is latency against load: a point for each row of the curve and system, its
// medians, p50 and p99. It is nil if fewer than two rows have them.
func Load(curve string, rows []*result.Row) ([]byte, error) {
	look := styles(rows...)
	p := blank(wrapped(curve, 84), "requests/s acknowledged (points: median of blocks)", "ms: p50 below, p99 above")
	p.Add(gridLines{})
	low, high, most, points := math.Inf(1), 0.0, 0.0, 0
	var seen []string
	for _, row := range rows {
		for i := range row.Series {
			name := row.Series[i].System
			if slices.Contains(seen, name) {
				continue
			}
			seen = append(seen, name)
			for _, m := range []result.Metric{result.P99, result.P50} {
				xy := against(rows, name, m)
				if len(xy) == 0 {
					continue
				}
				points = max(points, len(xy))
				l, s, err := plotter.NewLinePoints(xy)
				if err != nil {
					return nil, err
				}
				l.LineStyle = line(look[name].color, width[m], look[name].dashes)
				s.GlyphStyle = draw.GlyphStyle{Color: look[name].color, Radius: 3, Shape: look[name].shape}
				p.Add(l, s)
				if m == result.P99 {
					p.Legend.Add(name, l, s)
				}
				for _, at := range xy {
					low, high, most = min(low, at.Y), max(high, at.Y), max(most, at.X)
				}
			}
		}
	}
	if points < 2 {
		return nil, nil
	}
	p.Y.Scale = gonum.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = gonum.TickerFunc(linearTicks), gonum.TickerFunc(logTicks)
	p.X.Min, p.X.Max = 0, most*1.05
	p.Y.Min, p.Y.Max = bounds(low, high)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.YOffs = 10, -4
	return svg(p, 560, 320)
}

// against are a system's medians of a latency by its load, in order of load.
func against(rows []*result.Row, system string, m result.Metric) plotter.XYs {
	var xy plotter.XYs
	for _, row := range rows {
		s := row.Of(system)
		if s == nil {
			continue
		}
		load, latency := figure.SpreadOf(s.Values(result.RequestsPerSecond)), figure.SpreadOf(s.Values(m))
		if load.N > 0 && latency.N > 0 && latency.Median > 0 {
			xy = append(xy, plotter.XY{X: load.Median, Y: latency.Median})
		}
	}
	slices.SortFunc(xy, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	return xy
}
