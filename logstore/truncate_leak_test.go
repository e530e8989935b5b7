package logstore_test

import (
	"errors"
	"fmt"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// A truncation that fails, at whatever it does, leaves no file open once the store
// is closed.
func TestFailedTruncationLeavesNoFileOpen(t *testing.T) {
	for _, to := range []int64{9, 0} {
		for failAt := int64(1); ; failAt++ {
			h := newHarness(t, func(c *logstore.Config) { c.SegmentBytes, c.IndexIntervalBytes = 600, 100 })
			must(t, h.store.Close())
			var files openFiles
			at, failed := int64(0), false
			h.change = func(*logstore.Options) {
				files.watch(h.fault)
			}
			h.open()
			l := h.log()
			for i := range 20 {
				h.appendDurably(l, fmt.Sprint(i), 1)
			}
			if to == 0 {
				must(t, l.AdvanceStart(5))
			}
			h.fault.SetHook(files.failing(func(op vfs.Op) bool {
				if op.Kind == vfs.OpClose || op.Kind == vfs.OpRead {
					return false
				}
				at++
				failed = failed || at == failAt
				return at == failAt
			}))
			err := l.TruncateTo(to)
			h.fault.SetHook(files.failing(func(vfs.Op) bool { return false }))
			_ = h.store.Close() // a poisoned log says so
			if left := files.left(); len(left) > 0 {
				t.Fatalf("to %d, operation %d fails (%v): %v are open", to, failAt, err, left)
			}
			if !failed {
				must(t, err)
				break
			}
		}
	}
}

// failing is the hook that counts, but for operations that fail.
func (o *openFiles) failing(fails func(vfs.Op) bool) func(vfs.Op) error {
	return func(op vfs.Op) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		if fails(op) {
			return errors.New("device failed")
		}
		o.count(op)
		return nil
	}
}
