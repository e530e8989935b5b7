package logstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// What was aborted stays so if the power goes while a recovery, or the one after it,
// builds a spoilt transaction index anew.
func TestCrashWhileATransactionIndexIsRebuilt(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	p := &txn{h: h, id: 1}
	p.write(l, 1)
	p.end(l, false)
	h.appendDurably(l, "kept", 1)
	must(t, h.store.Checkpoint()) // the recovery point is behind the transaction
	h.appendDurably(l, "above", 1)
	killed := h.mem.Crash()
	_ = h.store.Close()
	overwrite(t, killed, logDir+"/00000000000000000000.txnindex", []byte{1})

	for n, done := int64(1), false; !done; n++ {
		h.mem = killed.Clone()
		fault := vfs.NewFault(h.mem)
		var operations atomic.Int64
		fault.SetHook(func(op vfs.Op) error {
			if operations.Add(1) >= n {
				return fmt.Errorf("at %d: %w", n, vfs.ErrCrashed)
			}
			return nil
		})
		o := h.options()
		o.FS = fault
		s, err := logstore.Open("data", o)
		if done = err == nil && operations.Load() < n; done {
			fault.SetHook(func(vfs.Op) error { return vfs.ErrCrashed })
		}
		mem := h.mem.Crash()
		if err == nil {
			_ = s.Close()
		}
		h.mem = mem
		h.open()
		wantValues(t, values(t, h.log(), logstore.LastStable), "kept-0", "above-0")
		must(t, h.store.Close())
	}
}
