package result

import (
	"fmt"
	"time"
)

// Run is one run of the harness.
type Run struct {
	At          time.Time         `json:"at"`
	Environment map[string]string `json:"environment"` // machine, versions, pinning
	Command     []string          `json:"command"`
	Rows        []*Row            `json:"rows"`
	// Seconds is how long the run took so far, warming up and all; StealSeconds what
	// the host took from the machine in that time, of all its cores.
	Seconds      float64 `json:"seconds,omitempty"`
	StealSeconds float64 `json:"stealSeconds,omitempty"`
	// Unfinished are the scenarios that have rows to come: of a run that was stopped,
	// or still runs.
	Unfinished []string `json:"unfinished,omitempty"`
}

// Row is one workload, and all that did it.
type Row struct {
	Scenario   string `json:"scenario"`
	Name       string `json:"name"`       // the workload in words, one of its kind in the scenario
	Client     string `json:"client"`     // what drove it: "replay", "franz-go", "embedded"
	Acks       string `json:"acks"`       // "0", "1", "all", or "-" where nothing is acknowledged
	Idempotent bool   `json:"idempotent"` // whether producers numbered their batches
	Durability string `json:"durability"` // "os", "synced", or "-": what an acknowledgement promised
	Headline   Metric `json:"headline"`   // the one of a bar chart
	Shape      Shape  `json:"shape,omitzero"`
	// Curve names the plot of latency against load that the row is a point of; empty
	// for none. Its load is the metric RequestsPerSecond.
	Curve  string   `json:"curve,omitempty"`
	Goals  []Goal   `json:"goals,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	Series []Series `json:"series"`
}

// Shape is the workload in numbers, as far as it has them; 0 is unknown.
type Shape struct {
	RecordBytes int `json:"recordBytes,omitempty"` // of a value
	BatchBytes  int `json:"batchBytes,omitempty"`  // at most
	Partitions  int `json:"partitions,omitempty"`
	Producers   int `json:"producers,omitempty"` // connections that produce
	Consumers   int `json:"consumers,omitempty"` // that fetch
}

// Series is what one system did.
type Series struct {
	System string  `json:"system"` // "moldau", "kafka", "kafka-tuned", "sendfile"
	Limit  bool    `json:"limit"`  // a limit program
	Blocks []Block `json:"blocks"`
}

// Block is one measured run.
type Block struct {
	Turn         int                `json:"turn"` // from 0
	Metrics      map[Metric]float64 `json:"metrics"`
	StealSeconds float64            `json:"stealSeconds"` // that the host took from the machine meanwhile
	WallSeconds  float64            `json:"wallSeconds"`  // of all of it, also what is around the timed region
	Latency      *Latency           `json:"latency,omitempty"`
	Windows      []*Latency         `json:"windows,omitempty"` // the same, of one stretch of the block after the other
}

// Find returns the row of a scenario, nil without one.
func (r *Run) Find(scenario, name, durability string) *Row {
	for _, row := range r.Rows {
		if row.Scenario == scenario && row.Name == name && row.Durability == durability {
			return row
		}
	}
	return nil
}

// Of returns a system's series, nil without one.
func (r *Row) Of(system string) *Series {
	for i := range r.Series {
		if r.Series[i].System == system {
			return &r.Series[i]
		}
	}
	return nil
}

// Add adds a block to a system's series, which it begins if there is none.
func (r *Row) Add(system string, limit bool, b Block) {
	s := r.Of(system)
	if s == nil {
		r.Series = append(r.Series, Series{System: system, Limit: limit})
		s = &r.Series[len(r.Series)-1]
	}
	s.Blocks = append(s.Blocks, b)
}

// Title is the row's name with what an acknowledgement meant.
func (r *Row) Title() string { return r.Name + " " + r.Promise() }

// Promise is the client, and what an acknowledgement meant.
func (r *Row) Promise() string {
	idempotent := "not idempotent"
	if r.Idempotent {
		idempotent = "idempotent"
	}
	if r.Acks == "-" {
		return fmt.Sprintf("(%s, %s)", r.Client, r.Durability)
	}
	return fmt.Sprintf("(%s, acks %s, %s, %s)", r.Client, r.Acks, idempotent, r.Durability)
}

// Key is the same for the same row in another run.
func (r *Row) Key() string {
	return r.Scenario + ": " + r.Title()
}

// Merged is the latency of all blocks, nil if none has one.
func (s *Series) Merged() *Latency {
	var all *Latency
	for _, b := range s.Blocks {
		if b.Latency == nil || b.Latency.TotalCount() == 0 {
			continue
		}
		if all == nil {
			all = NewLatency()
		}
		all.Merge(b.Latency.Histogram)
	}
	return all
}

// StealSeconds is what the host took during the row's blocks.
func (r *Row) StealSeconds() (steal float64) {
	for _, s := range r.Series {
		for _, b := range s.Blocks {
			steal += b.StealSeconds
		}
	}
	return steal
}

// Values are a metric of all blocks that have it. A percentile is of all blocks or
// none: that of the blocks with many requests would be that of the fast ones.
func (s *Series) Values(m Metric) []float64 {
	var v []float64
	for _, b := range s.Blocks {
		if x, ok := b.Metrics[m]; ok {
			v = append(v, x)
		}
	}
	if m.needsMany() && len(v) < len(s.Blocks) {
		return nil
	}
	return v
}

// Ratios are a metric of one system over that of another, turn by turn. Those of
// a percentile are of all turns or none.
func (r *Row) Ratios(m Metric, of, against string) []float64 {
	a, b := r.Of(of), r.Of(against)
	if a == nil || b == nil {
		return nil
	}
	var ratios []float64
	for _, x := range a.Blocks {
		for _, y := range b.Blocks {
			if x.Turn != y.Turn {
				continue
			}
			v, there := x.Metrics[m]
			over, ok := y.Metrics[m]
			switch {
			case there && ok && over != 0:
				ratios = append(ratios, v/over)
			case m.needsMany():
				return nil
			}
		}
	}
	return ratios
}
