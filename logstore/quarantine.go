package logstore

import (
	"errors"
	"fmt"
)

// errQuarantined tells that an earlier open found the log to be corrupt.
var errQuarantined = errors.New("an earlier open found less than was acknowledged, and the log was not repaired since")

// checkJournaled tells that the log lacks what was acknowledged, or may lack it.
func (r *recovery) checkJournaled() error {
	if r.fatal != nil || r.log.store.opt.ReadOnly {
		return nil
	}
	end, err := r.last().endOffset(), error(nil)
	switch {
	case r.quarantined:
		err = errQuarantined
	case end < r.synced:
		err = fmt.Errorf("the log ends at offset %d, but was synced up to %d", end, r.synced)
	case end < r.journaled:
		err = fmt.Errorf("the log ends at offset %d, its journal at %d", end, r.journaled)
	case r.lost && !r.clean:
		err = errRottenCommit
	default:
		return nil
	}
	return r.fail(r.last().corrupt(r.last().size(), err))
}

// quarantine has the manifest remember that the log lacks what was acknowledged:
// what told so may not be there at the next open, and what the log's own files
// still hold must not be cut then.
func (r *recovery) quarantine() {
	l := r.log
	_ = l.poison(r.fatal)
	l.standing.quarantined = true
	l.standing.acknowledged = max(r.journaled, r.point)
	if r.quarantined {
		l.standing.acknowledged = max(l.standing.acknowledged, r.known.Synced)
	} else {
		l.standing.acknowledged = max(l.standing.acknowledged, r.synced)
	}
}
