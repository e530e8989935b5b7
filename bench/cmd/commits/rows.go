package main

import "fmt"

// row is one workload: groups, the members of each, a connection for each
// member, and how many commits a connection lets wait for their answers.
type row struct {
	groups, members, inFlight int
}

// rows end with the one that brokers are warmed up with.
var rows = []row{
	{1, 1, 1},
	{1, 1, 32},
	{1, 16, 1},
	{20, 1, 1},
	{20, 1, 16},
}

func (r *row) name() string {
	return fmt.Sprintf("%s of %s, %d in flight each", counted(r.groups, "group"), counted(r.members, "member"), r.inFlight)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// block is one measured run.
type block struct {
	Commits    int64   `json:"commits"`
	Seconds    float64 `json:"seconds"`
	P50Us      int64   `json:"p50Us"`
	P99Us      int64   `json:"p99Us"`
	CPUSeconds float64 `json:"cpuSeconds"` // the broker's, user and system
	// StealSeconds are those that the machine's host took from it.
	StealSeconds float64 `json:"stealSeconds"`
}

func (b block) perSecond() float64 { return float64(b.Commits) / b.Seconds }

// cpuMs is the broker's CPU time for 1,000 commits.
func (b block) cpuMs() float64 { return b.CPUSeconds * 1e6 / float64(b.Commits) }
func (b block) p50() float64   { return float64(b.P50Us) / 1000 }
func (b block) p99() float64   { return float64(b.P99Us) / 1000 }
