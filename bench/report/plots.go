package report

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"slices"

	"moldau/bench/report/plot"
	"moldau/bench/result"
)

// keep writes a plot into a file and makes it ready for the page; "" if there was
// nothing to draw.
func (w *writer) keep(name string, svg []byte, err error) (template.HTML, error) {
	if err != nil || svg == nil {
		return "", err
	}
	err = w.write("plots/"+name+".svg", func(out io.Writer) error {
		_, err := out.Write(svg)
		return err
	})
	return inline(svg), err
}

// inline is the element alone, without the declarations of a document of its own.
// Its text is escaped: package plot's canvas does that.
func inline(svg []byte) template.HTML {
	return template.HTML(svg[max(0, bytes.Index(svg, []byte("<svg"))):])
}

func (w *writer) rowPlots(name string, row *result.Row) (bars, latency template.HTML, err error) {
	svg, err := plot.Bars(row)
	if bars, err = w.keep(name+"-bars", svg, err); err != nil {
		return "", "", err
	}
	svg, err = plot.Latency(row)
	latency, err = w.keep(name+"-latency", svg, err)
	return bars, latency, err
}

// scenarioPlots are those that show many rows.
func (w *writer) scenarioPlots(scenario string, rows []*result.Row) (plots []template.HTML, err error) {
	add := func(name string, svg []byte, err error) error {
		html, err := w.keep(name, svg, err)
		if html != "" {
			plots = append(plots, html)
		}
		return err
	}
	svg, err := plot.Times(scenario, rows)
	if err := add(fmt.Sprintf("%03d-%s-times-better", w.rows, slug(scenario)), svg, err); err != nil {
		return nil, err
	}
	var seen []string
	for _, row := range rows {
		if row.Curve == "" || slices.Contains(seen, row.Curve) {
			continue
		}
		seen = append(seen, row.Curve)
		var points []*result.Row
		for _, r := range rows {
			if r.Curve == row.Curve {
				points = append(points, r)
			}
		}
		svg, err := plot.Load(row.Curve, points)
		if err := add(fmt.Sprintf("%03d-%s-load-%s", w.rows, slug(scenario), slug(row.Curve)), svg, err); err != nil {
			return nil, err
		}
	}
	return plots, nil
}
