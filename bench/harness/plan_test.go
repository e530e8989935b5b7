package harness_test

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"moldau/bench/harness"
	"moldau/bench/result"
)

// planned is a scenario of a row for each name, of "a", "b" and a limit program.
func planned(names ...string) harness.Scenario {
	block := func(context.Context, int) (result.Block, error) { return result.Block{}, nil }
	return harness.Scenario{Name: "planned", Plan: func(context.Context, *harness.Session) (rows []harness.Workload, err error) {
		for _, name := range names {
			rows = append(rows, harness.Workload{
				Row: result.Row{Name: name, Headline: result.Seconds}, Expect: time.Second, Prepare: time.Minute,
				Contestants: []harness.Contestant{{System: "a", Block: block, WarmUp: true}, {System: "b", Block: block}, {System: "limit", Limit: true, Block: block}},
			})
		}
		return rows, nil
	}}
}

// What was asked for and is not there is an error, before anything is measured.
func TestNothingIsMissedInSilence(t *testing.T) {
	for name, c := range map[string]struct {
		o    harness.Options
		want error
		rows int
	}{
		"all":               {harness.Options{}, nil, 2},
		"a row":             {harness.Options{Rows: "second"}, nil, 1},
		"no row":            {harness.Options{Rows: "secnd"}, harness.ErrNoRows, 0},
		"a system":          {harness.Options{Systems: []string{"b"}}, nil, 2},
		"no system":         {harness.Options{Systems: []string{"c"}}, harness.ErrNoRows, 0},
		"one of two":        {harness.Options{Systems: []string{"a", "c"}}, harness.ErrNoSystem, 0},
		"the limit by name": {harness.Options{Systems: []string{"limit"}}, nil, 2},
	} {
		run := &result.Run{}
		plans, err := harness.NewSession(c.o, run, io.Discard).Plan(t.Context(), planned("first", "second"))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err == nil && len(plans[0].Rows) != c.rows {
			t.Errorf("%s: %d rows, want %d", name, len(plans[0].Rows), c.rows)
		}
		if err := harness.NewSession(c.o, run, io.Discard).Measure(t.Context(), planned("first", "second")); !errors.Is(err, c.want) || err != nil && len(run.Rows) > 0 {
			t.Errorf("%s: measured %d rows: %v", name, len(run.Rows), err)
		}
	}
}

// A run that would fill the disk does not begin.
func TestNoRoom(t *testing.T) {
	for needed, want := range map[int64]error{1 << 10: nil, math.MaxInt64 - 1: harness.ErrNoRoom} {
		run := &result.Run{}
		scenario := planned("row")
		plan := scenario.Plan
		scenario.Plan = func(ctx context.Context, s *harness.Session) ([]harness.Workload, error) {
			rows, err := plan(ctx, s)
			rows[0].DiskBytes = needed
			return rows, err
		}
		err := harness.NewSession(harness.Options{Blocks: 1, Dir: t.TempDir()}, run, io.Discard).Measure(t.Context(), scenario)
		if !errors.Is(err, want) || (want == nil) != (err == nil) || (err == nil) != (len(run.Rows) == 1) {
			t.Errorf("%d bytes needed: %d rows, %v, want %v", needed, len(run.Rows), err, want)
		}
	}
}

func TestExpectHasWhatIsAroundTheBlocks(t *testing.T) {
	plans, err := harness.NewSession(harness.Options{Blocks: 5, Systems: []string{"a"}}, &result.Run{}, io.Discard).Plan(t.Context(), planned("row"))
	if err != nil {
		t.Fatal(err)
	}
	if p := plans[0]; p.Blocks() != 10 || p.Expect() != time.Minute+11*time.Second {
		t.Errorf("%d blocks, %v; must be ten and one to warm up, and a minute", p.Blocks(), p.Expect())
	}
}

// A run that is stopped says what it has not done.
func TestAStoppedRunIsUnfinished(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	second := planned("row")
	second.Name = "second"
	stops := harness.Scenario{Name: "stops", Plan: func(context.Context, *harness.Session) ([]harness.Workload, error) {
		return []harness.Workload{{Row: result.Row{Name: "row"}, Contestants: []harness.Contestant{{System: "a", Block: func(context.Context, int) (result.Block, error) {
			stop()
			return result.Block{}, nil
		}}}}}, nil
	}}
	run := &result.Run{}
	dir := t.TempDir()
	s := harness.NewSession(harness.Options{Blocks: 2, Out: dir}, run, io.Discard)
	if err := s.Measure(ctx, planned("row"), stops, second); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	kept, err := result.Load(dir)
	if err != nil || len(kept.Unfinished) != 2 || kept.Unfinished[0] != "stops" || kept.Unfinished[1] != "second" {
		t.Errorf("%v, %v", kept, err)
	}
	run = &result.Run{}
	s = harness.NewSession(harness.Options{Blocks: 2, Out: dir}, run, io.Discard)
	if err := s.Measure(t.Context(), planned("row"), second); err != nil {
		t.Fatal(err)
	}
	if kept, err = result.Load(dir); err != nil || len(kept.Unfinished) != 0 {
		t.Errorf("%v, %v", kept, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []harness.Options{{Blocks: -1}, {WarmUpGiB: 5 << 30}, {WarmUpGiB: -1}, {Durability: []string{"os", "sync"}}} {
		if o.Check() == nil {
			t.Errorf("%+v", o)
		}
	}
	if err := (&harness.Options{Blocks: 3, WarmUpGiB: 2, Durability: []string{"os", "synced"}}).Check(); err != nil {
		t.Error(err)
	}
}
