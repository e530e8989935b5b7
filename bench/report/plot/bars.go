package plot

import (
	"fmt"
	"image/color"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"moldau/bench/report/figure"
	"moldau/bench/result"
)

// Bars is the row's headline, a bar for each system from zero, with a line from the
// least block to the most, and limit programs as upright lines. It is nil if there
// is nothing to draw.
func Bars(row *result.Row) ([]byte, error) {
	look := styles(row)
	b := &bars{}
	for i := range row.Series {
		s := &row.Series[i]
		spread := figure.SpreadOf(s.Values(row.Headline))
		if spread.N == 0 {
			continue
		}
		e := bar{s.System, spread, look[s.System]}
		if s.Limit {
			b.limits = append(b.limits, e)
		} else {
			b.systems = append(b.systems, e)
		}
		b.most = max(b.most, spread.Most)
	}
	if len(b.systems) == 0 || b.most <= 0 {
		return nil, nil
	}
	p := blank(wrapped(row.Title(), 92), axisName(row.Headline), "")
	p.X.Tick.Marker = gonum.TickerFunc(linearTicks)
	p.Add(b)
	var ticks []gonum.Tick
	for i, e := range b.systems {
		ticks = append(ticks, gonum.Tick{Value: b.place(i), Label: e.system})
	}
	p.Y.Tick.Marker = gonum.ConstantTicks(ticks)
	p.Y.Tick.Length = 0
	p.X.Min, p.X.Max = 0, b.most*1.22 // room for the figures beside the bars
	p.Y.Min, p.Y.Max = -0.6, float64(len(b.systems))-0.4+0.55*float64(min(1, len(b.limits)))
	return svg(p, 560, vg.Length(74+30*len(b.systems)+16*min(1, len(b.limits))))
}

// axisName says which way is better.
func axisName(m result.Metric) string {
	if m.HigherIsBetter() {
		return fmt.Sprintf("%s, more is better", m)
	}
	return fmt.Sprintf("%s, less is better", m)
}

type bar struct {
	system string
	figure.Spread
	style
}

// bars draws horizontal bars, which leave room for names.
type bars struct {
	systems, limits []bar
	most            float64
}

// place is a bar's height: the first is on top.
func (b *bars) place(i int) float64 { return float64(len(b.systems) - 1 - i) }

func (b *bars) Plot(c draw.Canvas, p *gonum.Plot) {
	x, y := p.Transforms(&c)
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if !t.IsMinor() && t.Value > 0 {
			c.StrokeLine2(line(faint, 0.5, nil), x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	label := p.X.Tick.Label
	label.XAlign, label.YAlign = draw.XLeft, draw.YCenter
	for i, e := range b.systems {
		middle, half := y(b.place(i)), vg.Length(8)
		right := x(e.Median)
		c.FillPolygon(e.color, []vg.Point{{X: x(0), Y: middle - half}, {X: right, Y: middle - half}, {X: right, Y: middle + half}, {X: x(0), Y: middle + half}})
		if e.N > 1 {
			whisker := line(black, 1, nil)
			c.StrokeLine2(whisker, x(e.Least), middle, x(e.Most), middle)
			c.StrokeLine2(whisker, x(e.Least), middle-3, x(e.Least), middle+3)
			c.StrokeLine2(whisker, x(e.Most), middle-3, x(e.Most), middle+3)
		}
		c.FillText(label, vg.Point{X: x(max(e.Median, e.Most)) + 5, Y: middle}, figure.Number(e.Median))
	}
	label.YAlign, label.Color = draw.YTop, grey
	for i, e := range b.limits {
		at := x(e.Median)
		c.StrokeLine2(line(e.color, 1.5, e.dashes), at, c.Min.Y, at, c.Max.Y)
		// The first limit's name is beside its line, others' a line lower.
		c.FillText(label, vg.Point{X: at + 4, Y: c.Max.Y - vg.Length(10*i)}, fmt.Sprintf("limit: %s %s", e.system, figure.Number(e.Median)))
	}
}

func (b *bars) DataRange() (xMin, xMax, yMin, yMax float64) {
	return 0, b.most, 0, float64(len(b.systems))
}

func line(c color.Color, width vg.Length, dashes []vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width, Dashes: dashes}
}
