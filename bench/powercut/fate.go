package main

import (
	"math/rand/v2"
	"time"
)

// fate is how a cycle ends.
type fate struct {
	name  string
	kill  bool // the process only; the page cache stays
	when  moment
	after time.Duration // of the moment
	on    kind          // of moment onMessage
	skip  int           // so many of the kind before
	// linger is how long the worker goes on without power.
	linger time.Duration
}

// moment is what a fate waits for first.
type moment uint8

const (
	underLoad  moment = iota
	onMessage         // under load, as one of a kind is read
	whileOpens        // after the start of the process
	asFound           // as what was found is told
	onceClosed        // after an orderly close
)

// Acknowledgements that promise something, each by another way to the disk.
var promises = []kind{msgAcknowledged, msgCreated, msgDeleted, msgTruncated, msgAdvanced, msgFlushed}

// drawFate decides the next cycle. After a kill what counts is that reading
// makes a record durable: more often than not it is read and nothing else.
func drawFate(r *rand.Rand, last fate, load [2]time.Duration, killOnly bool) fate {
	f := fate{name: "under load", after: load[0] + time.Duration(r.Int64N(int64(load[1]-load[0])+1))}
	switch n := r.IntN(100); {
	case last.kill && n < 50:
		f = fate{name: "found", when: asFound}
	case n < 15:
		f.name, f.kill = "kill", true
	case n < 30:
		f = fate{name: "on a promise", when: onMessage, on: promises[r.IntN(len(promises))]}
		if f.on == msgAcknowledged {
			f.skip = r.IntN(100)
		}
	case n < 42:
		f = fate{name: "while opening", when: whileOpens, after: time.Duration(r.Int64N(int64(20 * time.Millisecond)))}
	case n < 50:
		f = fate{name: "found", when: asFound}
	case n < 54:
		f.name, f.when, f.after = "closed", onceClosed, f.after/4
	}
	if r.IntN(3) == 0 {
		f.linger = time.Duration(r.Int64N(int64(3 * time.Millisecond)))
	}
	if killOnly {
		f.kill = true
	}
	return f
}
