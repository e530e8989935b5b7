package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"moldau/bench/result"
	"moldau/bench/yardstick"
)

// Session is one run of the harness. It belongs to one goroutine.
type Session struct {
	Options
	Run   *result.Run
	log   io.Writer
	began time.Time
	steal float64 // of the machine, when the run began
	// closers are undone in reverse order.
	closers []func() error
}

// NewSession begins a run, whose progress is told on log.
func NewSession(o Options, run *result.Run, log io.Writer) *Session {
	s := &Session{Options: o, Run: run, log: log, began: time.Now()}
	s.steal, _ = yardstick.Steal() // a kernel that does not tell has 0 in the report
	return s
}

// save keeps the figures so far.
func (s *Session) save() error {
	s.Run.Seconds = time.Since(s.began).Seconds()
	if steal, err := yardstick.Steal(); err == nil {
		s.Run.StealSeconds = steal - s.steal
	}
	if s.Out == "" {
		return nil
	}
	return s.Run.Save(s.Out)
}

// Say tells of something that takes its time.
func (s *Session) Say(format string, args ...any) { fmt.Fprintf(s.log, format+"\n", args...) }

// Note keeps something in the run's environment, and says it.
func (s *Session) Note(what, value string) {
	s.Say("%s %s", what, value)
	if s.Run.Environment == nil {
		s.Run.Environment = map[string]string{}
	}
	s.Run.Environment[what] = value
}

// OnClose has something undone at the end of the run.
func (s *Session) OnClose(f func() error) { s.closers = append(s.closers, f) }

// Directory is a new one on the disk to measure, removed at the end of the run.
func (s *Session) Directory(name string) (string, error) {
	dir, err := os.MkdirTemp(s.Dir, "moldau-bench-"+name+"-")
	if err == nil {
		s.OnClose(func() error { return os.RemoveAll(dir) })
	}
	return dir, err
}

// Close undoes what was begun.
func (s *Session) Close() error {
	var err error
	for _, f := range slices.Backward(s.closers) {
		err = errors.Join(err, f())
	}
	s.closers = nil
	return err
}

// Measure plans scenarios and lets their contestants take turns. Nothing is measured
// unless every scenario has rows, every system that was asked for is in one, and the
// disk has room for what a block leaves.
// Figures are saved after every row, and when ctx ends.
func (s *Session) Measure(ctx context.Context, scenarios ...Scenario) error {
	plans, err := s.Plan(ctx, scenarios...)
	if err != nil {
		return err
	}
	if err := s.checkRoom(plans); err != nil {
		return err
	}
	for _, p := range plans {
		s.Run.Unfinished = append(s.Run.Unfinished, p.Scenario)
	}
	for _, p := range plans {
		if err := s.measure(ctx, p); err != nil {
			return err
		}
		s.Run.Unfinished = s.Run.Unfinished[1:]
		if err := s.save(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) measure(ctx context.Context, plan *Plan) error {
	p := newProgress(s.log, s, plan)
	for i := range plan.Rows {
		w := &plan.Rows[i]
		row := w.Row
		s.Run.Rows = append(s.Run.Rows, &row)
		err := s.alternate(ctx, w, &row, p)
		if w.After != nil {
			err = errors.Join(err, w.After())
		}
		row.Notes = append(row.Notes, doubts(&row)...)
		err = errors.Join(err, s.save())
		if err != nil {
			return fmt.Errorf("%s: %s: %w", plan.Scenario, row.Title(), err)
		}
	}
	return nil
}

// alternate runs A B C, C B A, and so on.
func (s *Session) alternate(ctx context.Context, w *Workload, row *result.Row, p *progress) error {
	order := slices.Clone(w.Contestants)
	for _, c := range order {
		if c.WarmUp {
			p.warming(row, c.System)
			if _, err := c.Block(ctx, -1); err != nil {
				return fmt.Errorf("%s, warming up: %w", c.System, err)
			}
		}
	}
	p.begin()
	for turn := range w.Blocks {
		for _, c := range order {
			began := time.Now()
			stolen, _ := yardstick.Steal() // a kernel that does not tell has 0 in the report
			b, err := c.Block(ctx, turn)
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return fmt.Errorf("%s, block %d: %w", c.System, turn+1, err)
			}
			b.Turn, b.WallSeconds = turn, time.Since(began).Seconds()
			if steal, err := yardstick.Steal(); err == nil { // of the whole block, as the time is
				b.StealSeconds = steal - stolen
			}
			row.Add(c.System, c.Limit, b)
			p.done(row, c.System, turn, b)
		}
		if w.AfterTurn != nil {
			w.AfterTurn(row, turn)
		}
		slices.Reverse(order)
	}
	return nil
}
