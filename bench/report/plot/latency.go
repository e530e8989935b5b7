package plot

import (
	"math"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"moldau/bench/result"
)

// Latency is the row's latency by percentile, all blocks of a system together, on
// the scale of one in N, from the median. A line ends where no more than one request is left: beyond
// it a percentile would be a guess. It is nil if no block has a histogram.
func Latency(row *result.Row) ([]byte, error) {
	look := styles(row)
	p := blank(wrapped(row.Title(), 84), "percentile (each step to the right: ten times as rare)", "ms")
	p.Add(gridLines{})
	low, high, rarest := math.Inf(1), 0.0, 10.0
	for i := range row.Series {
		s := &row.Series[i]
		all := s.Merged()
		if all == nil {
			continue
		}
		points := percentiles(all)
		l, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		l.LineStyle = line(look[s.System].color, 2, look[s.System].dashes)
		p.Add(l)
		p.Legend.Add(s.System, l)
		low, high = min(low, points[0].Y), max(high, points[len(points)-1].Y)
		rarest = max(rarest, points[len(points)-1].X)
	}
	if high == 0 {
		return nil, nil
	}
	p.X.Scale, p.Y.Scale = gonum.LogScale{}, gonum.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = gonum.TickerFunc(percentileTicks), gonum.TickerFunc(logTicks)
	p.X.Min, p.X.Max = half, rarest
	p.Y.Min, p.Y.Max = bounds(low, high)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.XOffs, p.Legend.YOffs = 10, -4
	return svg(p, 560, 300)
}

// half is where the axis begins: at the median.
const half = 2

// percentiles are points whose X is how rare the rest is, one in X.
func percentiles(l *result.Latency) plotter.XYs {
	const perDecade = 24
	var points plotter.XYs
	for i := 0; ; i++ {
		rare := half * math.Pow(10, float64(i)/perDecade)
		if rare > float64(l.TotalCount()) && i > 0 {
			return points
		}
		ms := float64(l.ValueAtQuantile(100*(1-1/rare))) / 1000
		points = append(points, plotter.XY{X: rare, Y: max(ms, 0.001)})
	}
}

// gridLines are faint, at labelled ticks. They are to be added first: what comes
// later is drawn above them.
type gridLines struct{}

func (gridLines) Plot(c draw.Canvas, p *gonum.Plot) {
	x, y := p.Transforms(&c)
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if !t.IsMinor() && t.Value >= p.X.Min && t.Value <= p.X.Max {
			c.StrokeLine2(line(faint, 0.5, nil), x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			c.StrokeLine2(line(faint, 0.5, nil), c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
