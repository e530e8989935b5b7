package vfs

import (
	"slices"
	"sync"
	"syscall"
)

// Hooks for [Fault.SetHook] that many tests want. Operations of no kinds are
// those of every kind.

// CrashAt stops at operation seq, which is not done.
func CrashAt(seq int64) func(Op) error {
	return func(op Op) error {
		if op.Seq >= seq {
			return ErrCrashed
		}
		return nil
	}
}

// Fail makes operations of some kinds fail: a disk whose syncs fail is
// Fail(syscall.EIO, OpSync).
func Fail(err error, kinds ...OpKind) func(Op) error {
	return func(op Op) error {
		if isOf(op, kinds) {
			return err
		}
		return nil
	}
}

// Hang makes operations of some kinds wait for a value from release each, or
// for its close; all others go on. So a slow disk is slow in the test's own time: send
// one value for each sync that is to return.
func Hang(release <-chan struct{}, kinds ...OpKind) func(Op) error {
	return func(op Op) error {
		if isOf(op, kinds) {
			<-release
		}
		return nil
	}
}

// Fill lets writes put so many bytes, those that overwrite among them. The first that
// would put more writes what is left and gives ENOSPC; those behind it, of any
// length, write nothing. A disk on which room comes back is [Mem.SetCapacity].
func Fill(bytes int64) func(Op) error {
	var mu sync.Mutex
	return func(op Op) error {
		if op.Kind != OpWrite || op.Length == 0 {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if op.Length <= bytes {
			bytes -= op.Length
			return nil
		}
		fits := bytes
		bytes = 0
		return ShortWrite(int(fits), syscall.ENOSPC)
	}
}

// Each asks several hooks, until one returns an error.
func Each(hooks ...func(Op) error) func(Op) error {
	return func(op Op) error {
		for _, hook := range hooks {
			if err := hook(op); err != nil {
				return err
			}
		}
		return nil
	}
}

func isOf(op Op, kinds []OpKind) bool { return len(kinds) == 0 || slices.Contains(kinds, op.Kind) }
