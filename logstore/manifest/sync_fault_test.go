package manifest_test

import (
	"syscall"
	"testing"
	"testing/synctest"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// TestFailedWriteBesideASync: a write is taken back durably while a sync is under
// way. The system tells one of the two only that pages were lost, so that the one
// that was told nothing acknowledges nothing.
func TestFailedWriteBesideASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewFault(newMem(t))
		f := create(t, fsys, &manifest.State{})
		lsn, err := f.Put(row("a-0", 1))
		must(t, err)
		release, first := make(chan struct{}), true
		fsys.SetHook(func(op vfs.Op) error {
			switch {
			case op.Kind == vfs.OpWrite:
				return syscall.ENOSPC
			case op.Kind == vfs.OpSync && first:
				first = false
				<-release
				return syscall.EIO
			}
			return nil
		})
		answers := make(chan error, 2)
		go func() { answers <- f.Sync(lsn) }()
		synctest.Wait()
		_, err = f.Put(row("b-0", 2))
		wantErr(t, "Put", err, syscall.ENOSPC)
		go func() { answers <- f.Sync(lsn) }()
		synctest.Wait()
		close(release)
		for range cap(answers) {
			wantErr(t, "Sync", <-answers, manifest.ErrPoisoned)
		}
	})
}
