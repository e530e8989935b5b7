package recovery

import (
	"context"

	"moldau/bench/child"
)

// What writes, what opens and what loops are processes of their own.
var (
	writer = child.NewRole("recovery-write", true, func(_ context.Context, t writing) (written, error) { return write(t) })
	opener = child.NewRole("recovery-open", false, func(_ context.Context, t opening) (opened, error) { return open(t) })
	looper = child.NewRole("recovery-loop", false, func(_ context.Context, t looping) (looped, error) { return loop(t) })
)

// Roles are what the children of the scenario do.
func Roles() []child.Role { return []child.Role{writer, opener, looper} }
