// Package pace has work done at times that were fixed beforehand, however long the
// work before it took. A client that waits for an answer before it sends the next
// request sends less while the broker is slow, and so leaves out the very requests
// that would have waited: its percentiles are of a load that nobody has. A latency
// is therefore counted from the time at which its request was due.
//
// A [Schedule] says when: evenly, or at random as those of many independent users
// (a Poisson process). It can be read twice, by who sends and by who receives, and
// says the same to both. [Until] waits for such a time as exactly as the kernel
// can: Go's own timers may be a millisecond late.
package pace
