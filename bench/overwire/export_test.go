package overwire

// For tests.
var (
	Budget      = budget
	Full        = full
	ErrShort    = errShort
	Hot         = hot
	PlanProduce = planProduce
	PlanFetch   = planFetch
)
