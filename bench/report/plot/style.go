package plot

import (
	"bytes"
	"image/color"
	"strings"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"moldau/bench/report/table"
	"moldau/bench/result"
)

// style is how a system looks in every plot.
type style struct {
	color  color.NRGBA
	dashes []vg.Length
	shape  draw.GlyphDrawer
}

var (
	black = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	grey  = color.NRGBA{0x76, 0x76, 0x76, 0xff}
	faint = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
)

// known are the systems that many rows have: they look the same in all.
var known = map[string]style{
	table.Subject: {color.NRGBA{0x00, 0x72, 0xb2, 0xff}, nil, draw.CircleGlyph{}},
	"kafka":       {color.NRGBA{0xe6, 0x9f, 0x00, 0xff}, []vg.Length{6, 2}, draw.BoxGlyph{}},
	"kafka-tuned": {color.NRGBA{0xd5, 0x5e, 0x00, 0xff}, []vg.Length{2, 2}, draw.PyramidGlyph{}},
}

// others are for the rest, in the order of the row.
var others = []style{
	{color.NRGBA{0x00, 0x9e, 0x73, 0xff}, []vg.Length{8, 2, 2, 2}, draw.TriangleGlyph{}},
	{color.NRGBA{0xcc, 0x79, 0xa7, 0xff}, []vg.Length{5, 3}, draw.RingGlyph{}},
	{color.NRGBA{0x56, 0xb4, 0xe9, 0xff}, []vg.Length{3, 1}, draw.SquareGlyph{}},
	{color.NRGBA{0x00, 0x00, 0x00, 0xff}, []vg.Length{1, 2}, draw.CrossGlyph{}},
	{color.NRGBA{0xd5, 0x5e, 0x00, 0xff}, []vg.Length{10, 3}, draw.PlusGlyph{}},
}

// limits are the dashes of one limit program after another.
var limits = [][]vg.Length{{1, 2}, {4, 2}, {8, 3}}

// styles gives every system of some rows its own.
func styles(rows ...*result.Row) map[string]style {
	given := map[string]style{}
	other, limit := 0, 0
	for _, row := range rows {
		for _, s := range row.Series {
			if _, ok := given[s.System]; ok {
				continue
			}
			if s.Limit {
				given[s.System] = style{grey, limits[limit%len(limits)], draw.CrossGlyph{}}
				limit++
			} else if k, ok := known[s.System]; ok {
				given[s.System] = k
			} else {
				given[s.System] = others[other%len(others)]
				other++
			}
		}
	}
	return given
}

// Sizes of text, in points.
const (
	titlePoints = 11
	textPoints  = 9
)

// sans makes text sans serif and dark.
func sans(s *text.Style, points vg.Length) {
	s.Font.Variant, s.Font.Size, s.Color = "Sans", points, black
}

// blank is a plot with a title and axes, and nothing in it.
func blank(title, x, y string) *gonum.Plot {
	p := gonum.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = 8
	sans(&p.Title.TextStyle, titlePoints)
	for _, a := range []*gonum.Axis{&p.X, &p.Y} {
		sans(&a.Label.TextStyle, textPoints)
		sans(&a.Tick.Label, textPoints)
		a.Label.Padding = 4
		a.LineStyle.Color, a.Tick.LineStyle.Color = grey, grey
		a.Padding = 0
	}
	sans(&p.Legend.TextStyle, textPoints)
	p.Legend.ThumbnailWidth = 26
	p.Legend.Padding = 2
	return p
}

// svg draws it. Where Liberation Sans is not installed, Arial has its measures.
func svg(p *gonum.Plot, width, height vg.Length) ([]byte, error) {
	c := vgsvg.New(width, height)
	d := draw.New(c)
	// gonum takes the label's place for the middle of the values, which on a log axis
	// is far to the right, and makes room for it there: so it is drawn here.
	label := p.X.Label
	p.X.Label.Text = ""
	style := label.TextStyle
	style.XAlign, style.YAlign = draw.XCenter, draw.YBottom
	d.FillText(style, vg.Point{X: d.Center().X, Y: d.Min.Y + 5}, label.Text)
	// The last tick's label and points on the border must not be cut.
	p.Draw(draw.Crop(d, 4, -14, 20, -6))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	s := strings.ReplaceAll(b.String(), "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")
	return []byte(strings.ReplaceAll(s, "font-variant:none", "font-variant:normal")), nil
}

// wrapped breaks a line at the last space before width characters.
func wrapped(s string, width int) string {
	var lines []string
	for len(s) > width {
		at := strings.LastIndexByte(s[:width], ' ')
		if at <= 0 {
			break
		}
		lines = append(lines, s[:at])
		s = s[at+1:]
	}
	return strings.Join(append(lines, s), "\n")
}
