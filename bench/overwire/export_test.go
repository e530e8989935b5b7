package overwire

// For tests.
var (
	Budget      = budget
	PlanProduce = planProduce
	PlanFetch   = planFetch
)
