package replica

import "errors"

var (
	// ErrNotLeader tells that another broker leads the partition, or none.
	ErrNotLeader = errors.New("not the partition's leader")
	// ErrOffline tells that the partition has no usable log on this broker. It
	// stays so until the next start.
	ErrOffline = errors.New("partition is offline")
)
