//go:build !linux && !darwin && !freebsd

package server

// descriptorsMax is unknown.
func descriptorsMax() int64 { return 0 }
