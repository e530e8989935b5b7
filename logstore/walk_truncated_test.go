package logstore_test

import (
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// A truncation that cuts the file while it is read ends a walk where the log ends then.
func TestWalkWhileTheLogIsTruncated(t *testing.T) {
	h := newHarness(t, nil)
	l := h.log()
	for range 5 {
		h.append(l, "a", 1)
	}
	cut := false
	h.fault.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead && strings.HasSuffix(op.Name, ".log") && !cut {
			cut = true
			return l.TruncateTo(3)
		}
		return nil
	})
	offset := int64(0)
	for b, err := range l.Batches(t.Context(), 0, logstore.LogEnd) {
		must(t, err)
		if b.BaseOffset() != offset {
			t.Fatalf("batch at %d, want %d", b.BaseOffset(), offset)
		}
		offset++
	}
	if !cut || offset != 3 {
		t.Fatalf("cut: %t, it ends at %d", cut, offset)
	}
}
