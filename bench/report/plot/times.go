package plot

import (
	"fmt"
	"math"
	"slices"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"moldau/bench/report/figure"
	"moldau/bench/report/table"
	"moldau/bench/result"
)

// Times shows for every row of a scenario how many times better than each peer the
// subject's headline is, with the interval of the turns' ratios, and the goals. It
// is nil if no row has a peer.
func Times(scenario string, rows []*result.Row) ([]byte, error) {
	look := styles(rows...)
	d := &times{low: 0.8, high: 1.25}
	var ticks []gonum.Tick
	labelLines := 0
	for _, row := range rows {
		var of []ratio
		for i := range row.Series {
			s := &row.Series[i]
			if s.Limit || s.System == table.Subject {
				continue
			}
			v := figure.IntervalOf(row.Ratios(row.Headline, table.Subject, s.System))
			if v.N == 0 || v.Low <= 0 {
				continue
			}
			of = append(of, ratio{s.System, better(row.Headline, v), goalOf(row, s.System), look[s.System]})
		}
		if of == nil {
			continue
		}
		d.rows = append(d.rows, of)
		label := wrapped(fmt.Sprintf("%s, %s", row.Title(), row.Headline), 52)
		ticks = append(ticks, gonum.Tick{Value: -float64(len(d.rows) - 1), Label: label})
		labelLines = max(labelLines, len(label)/52+1)
	}
	if d.rows == nil {
		return nil, nil
	}
	for _, of := range d.rows {
		for _, r := range of {
			d.low, d.high = min(d.low, r.Low, r.goal), max(d.high, r.High, r.goal)
		}
	}
	p := blank(scenario+": how many times better Moldau is", "times better than the peer in the same turn (1: as good; upright tick: the goal)", "")
	p.X.Scale = gonum.LogScale{}
	p.X.Tick.Marker = gonum.TickerFunc(logTicks)
	p.Y.Tick.Marker = gonum.ConstantTicks(ticks)
	p.Y.Tick.Length = 0
	p.Add(d)
	d.legend(p, look)
	p.X.Min, p.X.Max = bounds(d.low, d.high)
	p.Y.Min, p.Y.Max = -float64(len(d.rows))+0.4, 0.6
	return svg(p, 760, vg.Length(90+max(36, 12*labelLines+8)*len(d.rows)))
}

// better turns a ratio around where less is better.
func better(m result.Metric, i figure.Interval) figure.Interval {
	if !m.HigherIsBetter() {
		i.Median, i.Low, i.High = 1/i.Median, 1/i.High, 1/i.Low
	}
	return i
}

// goalOf is how many times better the row's goal wants it to be, 1 without a goal.
func goalOf(row *result.Row, peer string) float64 {
	for _, g := range row.Goals {
		if g.System != table.Subject || g.Against != peer || g.Metric != row.Headline {
			continue
		}
		if g.AtMost > 0 && !g.Metric.HigherIsBetter() {
			return 1 / g.AtMost
		}
		if g.AtLeast > 0 && g.Metric.HigherIsBetter() {
			return g.AtLeast
		}
	}
	return 1
}

type ratio struct {
	system string
	figure.Interval
	goal float64
	style
}

// times draws the ratios of rows, peers below one another.
type times struct {
	rows      [][]ratio
	low, high float64
}

func (d *times) Plot(c draw.Canvas, p *gonum.Plot) {
	gridLines{}.Plot(c, p)
	x, y := p.Transforms(&c)
	c.StrokeLine2(line(grey, 1, nil), x(1), c.Min.Y, x(1), c.Max.Y)
	for i, of := range d.rows {
		for j, r := range of {
			at := y(-float64(i)) - vg.Length(10*(float64(j)-float64(len(of)-1)/2))
			if r.goal != 1 {
				c.StrokeLine2(line(black, 1.5, nil), x(r.goal), at-5, x(r.goal), at+5)
			}
			c.StrokeLine2(line(r.color, 2, nil), x(r.Low), at, x(r.High), at)
			c.DrawGlyph(draw.GlyphStyle{Color: r.color, Radius: 4, Shape: r.shape}, vg.Point{X: x(r.Median), Y: at})
		}
	}
}

func (d *times) DataRange() (xMin, xMax, yMin, yMax float64) {
	return d.low, d.high, math.Inf(1), math.Inf(-1)
}

func (d *times) legend(p *gonum.Plot, look map[string]style) {
	var seen []string
	for _, of := range d.rows {
		for _, r := range of {
			if !slices.Contains(seen, r.system) {
				seen = append(seen, r.system)
				p.Legend.Add("beside "+r.system, thumbnail{look[r.system]})
			}
		}
	}
	p.Legend.Top = true
}

type thumbnail struct{ style }

func (t thumbnail) Thumbnail(c *draw.Canvas) {
	middle := c.Center()
	c.StrokeLine2(line(t.color, 2, nil), c.Min.X, middle.Y, c.Max.X, middle.Y)
	c.DrawGlyph(draw.GlyphStyle{Color: t.color, Radius: 4, Shape: t.shape}, middle)
}
