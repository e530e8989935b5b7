//go:build !linux

package wire_test

const canProbePeers = false
