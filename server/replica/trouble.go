package replica

import "sync/atomic"

// Trouble is a failure that lasts, as of a disk that is full. Every request
// meets it, and one line of log about its beginning, and one about its end, are
// enough: clients try again for ever.
type Trouble struct{ lasts atomic.Bool }

// Begins is called with each failure, and tells whether it is the first.
func (t *Trouble) Begins() bool { return !t.lasts.Load() && t.lasts.CompareAndSwap(false, true) }

// Over is called with each success, and tells whether it is the first after a
// failure.
func (t *Trouble) Over() bool { return t.lasts.Load() && t.lasts.CompareAndSwap(true, false) }
