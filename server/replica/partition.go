package replica

import (
	"fmt"
	"sync/atomic"

	"moldau/logstore"
)

// NoEpoch in a request tells that the client does not know the leader epoch
// and does not want it checked.
const NoEpoch int32 = -1

// noLeader stands for a leader where there is none.
const noLeader int32 = -1

// Topic is a topic that has partitions on this broker. It is immutable; a
// topic that grows is replaced, with the same partitions in it.
type Topic struct {
	Name     string
	ID       logstore.TopicID
	Internal bool

	partitions []*Partition // index = partition number; nil where this broker has no copy
}

// Partition finds a partition by number. It fails where this broker has no
// copy, as well as where there is no such partition.
func (t *Topic) Partition(n int32) (*Partition, bool) {
	if n < 0 || int(n) >= len(t.partitions) || t.partitions[n] == nil {
		return nil, false
	}
	return t.partitions[n], true
}

// Count is how many partitions the topic has, on whatever broker.
func (t *Topic) Count() int32 { return int32(len(t.partitions)) }

// Partitions lists this broker's partitions of the topic, in order.
func (t *Topic) Partitions(yield func(*Partition) bool) {
	for _, p := range t.partitions {
		if p != nil && !yield(p) {
			return
		}
	}
}

// Partition is this broker's copy of one partition. Its methods are safe for
// concurrent use.
type Partition struct {
	name logstore.TopicPartition
	self int32

	// role is leader epoch << 32 | leader. One word, so that nobody meets the
	// epoch of one leadership with the leader of another. The manager moves it.
	role atomic.Uint64

	// log is nil while the partition is offline, and why then says why. A log
	// that is there stays. The manager sets them.
	log     atomic.Pointer[logstore.Log]
	why     atomic.Pointer[error]
	triedAt atomic.Int64 // when the manager last tried to get the log, in ns

	manager *Manager
	opening opening // under the manager's lock

	// Of requests that met an error of the disk, kept by those who serve them.
	Appends, Reads Trouble
}

// Name is the topic and the partition's number.
func (p *Partition) Name() logstore.TopicPartition { return p.name }

// Leader is the leading broker, -1 for none, and the epoch of its leadership.
func (p *Partition) Leader() (leader, epoch int32) {
	role := p.role.Load()
	return int32(uint32(role)), int32(role >> 32)
}

func (p *Partition) setRole(leader, epoch int32) {
	p.role.Store(uint64(uint32(epoch))<<32 | uint64(uint32(leader)))
}

// Local is the partition's log, whoever leads it: for what concerns this
// broker's disk alone. Where there is none it is looked for again, at most once
// a second.
func (p *Partition) Local() (*logstore.Log, error) {
	log := p.log.Load()
	if log == nil {
		p.manager.retry(p)
		if log = p.log.Load(); log == nil {
			return nil, p.Offline()
		}
	}
	return log, nil
}

// Offline is why the partition has no log, which wraps [ErrOffline]; nil where
// it has one.
func (p *Partition) Offline() error {
	if p.log.Load() != nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", p.name, ErrOffline, *p.why.Load())
}

// Lead is the log as its leader may use it. A client that knows the leader
// epoch sends it: an older one than ours tells that the client is behind
// (ErrFencedEpoch), a newer one that we are (ErrUnknownEpoch); [NoEpoch] fits
// always. The epoch returned is that of our leadership.
func (p *Partition) Lead(clientEpoch int32) (*logstore.Log, int32, error) {
	leader, epoch := p.Leader()
	if clientEpoch != NoEpoch && clientEpoch != epoch {
		if clientEpoch < epoch {
			return nil, epoch, logstore.ErrFencedEpoch
		}
		return nil, epoch, logstore.ErrUnknownEpoch
	}
	if leader != p.self {
		return nil, epoch, ErrNotLeader
	}
	log, err := p.Local()
	return log, epoch, err
}

// Append appends one client's batches as the partition's leader. They are
// stamped in place; the bytes may be reused when it returns.
func (p *Partition) Append(batches []byte) (logstore.Appended, *logstore.Log, error) {
	log, epoch, err := p.Lead(NoEpoch)
	if err != nil {
		return logstore.Appended{}, nil, err
	}
	a, err := log.AppendLeader(batches, epoch)
	return a, log, err
}

// AppendEach is Append of several clients' batches, or of several of one, each of
// which succeeds or fails by itself. The log is nil where there is none to append to.
func (p *Partition) AppendEach(appends []logstore.LeaderAppend) *logstore.Log {
	log, epoch, err := p.Lead(NoEpoch)
	if err != nil {
		for i := range appends {
			appends[i].Err = err
		}
		return nil
	}
	log.AppendLeaderEach(appends, epoch)
	return log
}

// LastStable bounds what a reader of committed records sees.
func LastStable(log *logstore.Log) int64 { return log.Offset(logstore.LastStable) }

// EpochEnd is the largest leader epoch at or below the asked one, and the
// offset where it ended; -1, -1 for an epoch that never was.
//
// The log knows an epoch by its first batch. One whose leader has not written
// yet, or never did, ends where the log ends, and must be told from one that
// never was: clients take the second for lost data.
func (p *Partition) EpochEnd(log *logstore.Log, asked int32) (epoch int32, end int64) {
	_, current := p.Leader()
	// Before the latest epoch: if an append changes that in between, the log
	// answers.
	end = log.Offset(logstore.LogEnd)
	latest := log.LatestEpoch()
	switch {
	case asked < 0 || asked > current:
		return -1, -1
	case asked == current || latest < 0:
		return asked, end
	case asked > latest:
		return latest, end
	}
	return log.EpochEnd(asked)
}

// EpochOf is the leader epoch under which a record at offset was, or would
// be, written.
func (p *Partition) EpochOf(log *logstore.Log, offset int64) int32 {
	if offset < log.Offset(logstore.LogEnd) {
		if epoch := log.EpochOf(offset); epoch >= 0 {
			return epoch
		}
	}
	_, current := p.Leader()
	return current
}
