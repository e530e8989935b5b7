package vfs_test

import (
	"os"
	"syscall"
	"testing"

	"moldau/logstore/vfs"
)

// A sync that fails leaves pages that read as written, that no later sync writes,
// and that Forget replaces by what the disk has.
func TestFailedSyncLeavesPagesThatLookWritten(t *testing.T) {
	m := vfs.NewMem()
	fault := vfs.NewFault(m)
	f, err := fault.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	write := func(s string) {
		t.Helper()
		_, err := f.WriteAt([]byte(s), 0)
		must(t, err)
	}
	read := func(f vfs.File) string {
		t.Helper()
		b := make([]byte, 3)
		_, err := f.ReadAt(b, 0)
		must(t, err)
		return string(b)
	}
	write("old")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	write("new")
	fault.SetHook(vfs.Fail(syscall.EIO, vfs.OpSync))
	if err := f.Sync(); err == nil {
		t.Fatal("synced")
	}
	fault.SetHook(nil)
	must(t, f.Sync())
	twin, err := m.Clone().OpenFile("f", os.O_RDWR, 0)
	must(t, err)
	crashed, err := m.Crash().OpenFile("f", os.O_RDWR, 0)
	must(t, err)
	if a, b := read(twin), read(crashed); a != "new" || b != "old" {
		t.Fatalf("in memory %q, on the disk %q", a, b)
	}
	if _, err := twin.WriteAt([]byte("own"), 0); err != nil {
		t.Fatal(err)
	}
	must(t, vfs.Forget(twin)) // what is not synced stays
	if a := read(twin); a != "own" {
		t.Fatalf("forgot what was to be written: %q", a)
	}
}

func TestForgetReadsTheDisk(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	f, err := fault.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	must(t, err)
	big := make([]byte, 3*4096)
	for i := range big {
		big[i] = 1
	}
	_, err = f.WriteAt(big, 0)
	must(t, err)
	must(t, f.Sync())
	_, err = f.WriteAt([]byte{2}, 5000)
	must(t, err)
	fault.SetHook(vfs.Fail(syscall.EIO, vfs.OpSync))
	_ = f.Sync()
	fault.SetHook(nil)
	must(t, f.Sync())
	must(t, vfs.Forget(f))
	b := make([]byte, 1)
	_, err = f.ReadAt(b, 5000)
	must(t, err)
	if b[0] != 1 {
		t.Fatalf("reads %d", b[0])
	}
}
