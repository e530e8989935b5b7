package harness

import (
	"fmt"
	"io"
	"time"

	"moldau/bench/result"
)

// progress tells every block, and how long the rest may take: by what was planned
// until the first blocks are done, then by how long those took beside their plan.
type progress struct {
	out             io.Writer
	began           time.Time     // of the row
	spent           time.Duration // on blocks of the rows before
	blocks, ended   int
	planned, behind time.Duration            // of all blocks, of those that ended
	perBlock        map[string]time.Duration // by row and system
}

func newProgress(out io.Writer, s *Session, plan *Plan) *progress {
	p := &progress{out: out, blocks: plan.Blocks(), perBlock: map[string]time.Duration{}}
	for i := range plan.Rows {
		w := &plan.Rows[i]
		for _, c := range w.Contestants {
			p.perBlock[w.Row.Title()+c.System] = w.expectOf(c)
			p.planned += time.Duration(w.Blocks) * w.expectOf(c)
		}
	}
	s.Say("%s: %d rows, %d blocks, about %v", plan.Scenario, len(plan.Rows), p.blocks, plan.Expect().Round(time.Second))
	return p
}

func (p *progress) warming(row *result.Row, system string) {
	p.spent, p.began = p.measuring(), time.Time{}
	fmt.Fprintf(p.out, "%s: warming %s up\n", row.Title(), system)
}

// begin leaves out what a row's warming up took.
func (p *progress) begin() {
	p.spent, p.began = p.measuring(), time.Now()
}

// measuring is how long blocks took so far.
func (p *progress) measuring() time.Duration {
	if p.began.IsZero() {
		return p.spent
	}
	return p.spent + time.Since(p.began)
}

func (p *progress) done(row *result.Row, system string, turn int, b result.Block) {
	p.ended++
	p.behind += p.perBlock[row.Title()+system]
	figure := "done"
	if v, ok := b.Metrics[row.Headline]; ok {
		figure = fmt.Sprintf("%.4g %s", v, row.Headline)
	}
	fmt.Fprintf(p.out, "[%d/%d, %v left] %s: %s block %d: %s\n", p.ended, p.blocks, p.left().Round(time.Second),
		row.Title(), system, turn+1, figure)
}

// left is what is planned yet, at the speed so far.
func (p *progress) left() time.Duration {
	if p.behind == 0 {
		return p.measuring() / time.Duration(p.ended) * time.Duration(p.blocks-p.ended)
	}
	return time.Duration(float64(p.planned-p.behind) * float64(p.measuring()) / float64(p.behind))
}
