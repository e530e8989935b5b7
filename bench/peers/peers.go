package peers

import "sync"

// Log is one log of a peer. Append may be called concurrently with itself and with
// nothing else; the rest is for one goroutine.
type Log interface {
	// Append appends records, all at once where the peer has batches. It returns when
	// they are as durable as the log was opened for. It keeps none of the slices.
	Append(records [][]byte) error
	// Read returns record n. It is valid until the next call.
	Read(n int64) ([]byte, error)
	// Scan calls visit with every record from the first on, each valid until the next.
	Scan(visit func(record []byte) error) error
	Close() error
}

// Peer is a library that keeps logs.
type Peer struct {
	Name   string
	Module string // as Go has it; empty for the engine
	// Open opens the log in dir, or makes it, so that it can be appended to. A synced
	// one acknowledges what is on stable storage, another what the system has.
	Open func(dir string, synced bool) (Log, error)
	// Unsynced is how syncs are left out.
	Unsynced string
	// Checks is what protects a record, and when it is looked at.
	Checks string
	// Batches tells that several records are appended at once.
	Batches bool
	// Sequential tells that there is no way to one record but through all before it.
	Sequential bool
	// Shares tells that those who append at the same time share a sync.
	Shares bool
}

// All are the peers, the engine first.
var All = []Peer{moldauPeer, tidwallPeer, raftPeer, etcdPeer, natsPeer}

// numbered is the next number of a log to which callers must give it: whoever
// appends holds the lock, since numbers have to arrive in order.
type numbered struct {
	sync.Mutex
	next uint64
}
