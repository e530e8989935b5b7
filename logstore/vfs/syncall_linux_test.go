package vfs_test

import (
	"errors"
	"testing"
)

// The system tells of a failed write once. Whoever comes behind the one that was told
// syncs each of its files, which tell of their own.
func TestSyncAllIsNotTriedAfterAFailure(t *testing.T) {
	fsys := openOS(t, t.TempDir())
	must(t, fsys.Mkdir("d", 0o755))
	wantErr(t, "the first", fsys.SyncAll("d", nil), errors.ErrUnsupported)
	fsys.BreakSyncAll("d")
	if err := fsys.SyncAll("d", nil); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("the failing one: %v", err)
	}
	wantErr(t, "the one behind it", fsys.SyncAll("d", nil), errors.ErrUnsupported)
}
