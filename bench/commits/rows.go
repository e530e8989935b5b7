package commits

import (
	"fmt"

	"moldau/bench/harness"
)

// row is one workload: groups, the members of each, a connection for each
// member, and how many commits a connection lets wait for their answers.
type row struct {
	Groups, Members, InFlight int
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
	return fmt.Sprintf("commits of %s of %s, %d in flight each", harness.Counted(r.Groups, "group"), harness.Counted(r.Members, "member"), r.InFlight)
}
