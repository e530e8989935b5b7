package overwire

import (
	"moldau/bench/harness"
	"moldau/bench/system"
)

// For tests.
var (
	Budget      = budget
	Full        = full
	ErrShort    = errShort
	Hot         = hot
	PlanProduce = func(pool *system.Pool, s *harness.Session) []harness.Workload { return planProduce(pool, s, &grid{}) }
	PlanFetch   = planFetch
)
