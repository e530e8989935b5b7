package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Errors of a plan.
var (
	ErrNoRows   = errors.New("nothing to measure")
	ErrNoSystem = errors.New("no row has the system")
)

// Plan is what would be measured of a scenario.
type Plan struct {
	Scenario string
	Rows     []Workload // those that the options ask for, with their contestants
}

// Plan plans scenarios, and fails if one has nothing to measure, or if a system
// that was asked for is in none: a row that is missing must not pass for one that
// was measured.
func (s *Session) Plan(ctx context.Context, scenarios ...Scenario) ([]*Plan, error) {
	var plans []*Plan
	there := map[string]bool{}
	for _, scenario := range scenarios {
		all, err := scenario.Plan(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", scenario.Name, err)
		}
		p := &Plan{Scenario: scenario.Name, Rows: s.wanted(all)}
		if len(p.Rows) == 0 {
			return nil, fmt.Errorf("%s: %w: of its %d rows of %s none is asked for (--rows %q, --systems %s)",
				scenario.Name, ErrNoRows, len(all), strings.Join(s.Durability, " and "), s.Rows, strings.Join(s.Systems, ","))
		}
		for i := range p.Rows {
			p.Rows[i].Row.Scenario = scenario.Name
			for _, c := range p.Rows[i].Contestants {
				there[c.System] = true
			}
		}
		plans = append(plans, p)
	}
	for _, name := range s.Systems {
		if !there[name] {
			return nil, fmt.Errorf("%w %q", ErrNoSystem, name)
		}
	}
	return plans, nil
}

// wanted leaves out what the options do not ask for. A row whose limit programs
// alone are left stays only if it never had others, or they were asked for by name.
func (s *Session) wanted(workloads []Workload) []Workload {
	var kept []Workload
	for _, w := range workloads {
		measured := slices.ContainsFunc(w.Contestants, func(c Contestant) bool { return !c.Limit })
		w.Contestants = slices.DeleteFunc(slices.Clone(w.Contestants), func(c Contestant) bool { return !s.Wants(c.System, c.Limit) })
		asked := func(c Contestant) bool { return !c.Limit || slices.Contains(s.Systems, c.System) }
		if measured && !slices.ContainsFunc(w.Contestants, asked) {
			continue
		}
		if w.Blocks == 0 {
			w.Blocks = s.Turns()
		}
		if len(w.Contestants) > 0 && s.WantsRow(w.Row.Title()) {
			kept = append(kept, w)
		}
	}
	return kept
}

// Blocks is how many blocks are counted.
func (p *Plan) Blocks() (n int) {
	for i := range p.Rows {
		n += p.Rows[i].Blocks * len(p.Rows[i].Contestants)
	}
	return n
}

// Expect is about how long the plan takes, with what comes before its blocks.
func (p *Plan) Expect() (d time.Duration) {
	for i := range p.Rows {
		d += p.Rows[i].expect()
	}
	return d
}

func (w *Workload) expect() time.Duration {
	d := w.Prepare
	for _, c := range w.Contestants {
		blocks := w.Blocks
		if c.WarmUp {
			blocks++
		}
		d += time.Duration(blocks) * w.expectOf(c)
	}
	return d
}

func (w *Workload) expectOf(c Contestant) time.Duration { return cmp.Or(c.Expect, w.Expect) }
