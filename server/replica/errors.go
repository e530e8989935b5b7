package replica

import "errors"

var (
	// ErrNotLeader tells that another broker leads the partition, or none.
	ErrNotLeader = errors.New("not the partition's leader")
	// ErrOffline tells that the partition has no usable log on this broker. It is
	// tried again at every change of metadata, and when the partition is used.
	ErrOffline = errors.New("partition is offline")
)
