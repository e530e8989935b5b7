package coordinator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"moldau/logstore"
	"moldau/logstore/record"
)

// ErrFailed tells that a journal takes nothing any more: something appended may
// be durable or not, and only a load from the log can tell.
var ErrFailed = errors.New("journal of a coordinator failed")

// keptBytesMax is how much memory of one change is kept for the next.
const keptBytesMax = 1 << 20

// Record is one record of an internal topic. A nil Value is a tombstone.
type Record struct{ Key, Value []byte }

// Journal appends changes to one partition and says when they are to be
// applied.
type Journal struct {
	ctx   context.Context // ends the wait for what is under way
	owner sync.Locker
	log   *logstore.Log
	epoch int32
	nowMs func() int64

	// All under owner's lock.
	builder  *record.Builder
	underway []change // appended and not applied, in the order of the log
	applying bool     // a goroutine waits for the first of them
	failed   error
}

// change is what Propose was called with.
type change struct {
	end   int64 // offset behind its last record
	apply func(error)
}

// NewJournal returns a journal that appends to log under a leader epoch. owner
// is the lock of the state that the changes are about. When ctx is done, what is
// under way then has failed.
func NewJournal(ctx context.Context, owner sync.Locker, log *logstore.Log, epoch int32, nowMs func() int64) *Journal {
	return &Journal{
		ctx: ctx, owner: owner, log: log, epoch: epoch, nowMs: nowMs,
		builder: record.NewBuilder(record.BuilderOptions{}),
	}
}

// Propose appends the records of one change, all or none. It is called with the
// owner's lock held.
//
// An error tells that nothing was appended, and apply is not called. Otherwise
// apply is called once, with the owner's lock held: with nil when the change is
// below the high watermark and all before it were applied, perhaps before
// Propose returns; or with an error that wraps [ErrFailed], and then for every
// change that is under way.
func (j *Journal) Propose(records []Record, apply func(error)) error {
	if j.failed != nil {
		return j.failed
	}
	if j.builder.Size() > keptBytesMax {
		j.builder = record.NewBuilder(record.BuilderOptions{})
	}
	j.builder.Reset(record.BuilderOptions{})
	now := j.nowMs()
	for _, r := range records {
		j.builder.Append(now, r.Key, r.Value)
	}
	batch, err := j.builder.Finish()
	if err != nil {
		return fmt.Errorf("build a batch of %d records: %w", len(records), err)
	}
	appended, err := j.log.AppendLeader(batch, j.epoch)
	if err != nil {
		return fmt.Errorf("append to %s: %w", j.log.Name(), err)
	}
	j.underway = append(j.underway, change{appended.Last + 1, apply})
	if !j.applying {
		j.advance()
		if len(j.underway) > 0 {
			j.applying = true
			go j.follow()
		}
	}
	return nil
}

// Failed is why nothing is taken any more, nil while all is well. It is called
// with the owner's lock held.
func (j *Journal) Failed() error { return j.failed }

// Abandon has all that is under way fail, and whatever is proposed later. It is
// called with the owner's lock held.
func (j *Journal) Abandon(why error) {
	if j.failed == nil {
		j.failed = fmt.Errorf("%s: %w: %w", j.log.Name(), ErrFailed, why)
	}
	for len(j.underway) > 0 {
		c := j.underway[0]
		j.underway = j.underway[1:]
		c.apply(j.failed)
	}
}

// follow applies what is under way until nothing is.
func (j *Journal) follow() {
	j.owner.Lock()
	defer j.owner.Unlock()
	for len(j.underway) > 0 {
		end := j.underway[0].end
		j.owner.Unlock()
		err := j.log.Wait(j.ctx, logstore.HighWatermark, end)
		j.owner.Lock()
		if err != nil {
			j.Abandon(err)
			break
		}
		j.advance()
	}
	j.applying = false
}

// advance applies what lies below the high watermark. A change that is applied
// may propose another one, which is then behind all there are.
func (j *Journal) advance() {
	applying := j.applying
	j.applying = true
	for len(j.underway) > 0 && j.underway[0].end <= j.log.Offset(logstore.HighWatermark) {
		c := j.underway[0]
		j.underway[0] = change{}
		j.underway = j.underway[1:]
		c.apply(nil)
	}
	j.applying = applying
}
