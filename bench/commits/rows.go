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

// rowsOf are those of many commits in flight in a quick run.
func rowsOf(s *harness.Session) (some []row) {
	for _, r := range rows {
		if !s.Quick || r.InFlight > 1 {
			some = append(some, r)
		}
	}
	return some
}

func (r *row) name() string {
	return fmt.Sprintf("commits of %s of %s, %d in flight each", harness.Counted(r.Groups, "group"), harness.Counted(r.Members, "member"), r.InFlight)
}
