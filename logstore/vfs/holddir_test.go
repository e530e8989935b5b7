package vfs_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"moldau/logstore/vfs"
)

func TestHoldDir(t *testing.T) {
	osfs, err := vfs.OpenOS(filepath.Join(t.TempDir(), "tree"))
	must(t, err)
	defer osfs.Close()
	var ops []vfs.Op
	fault := vfs.NewFault(osfs)
	fault.SetHook(func(op vfs.Op) error { ops = append(ops, op); return nil })
	must(t, fault.Mkdir("d", 0o755))
	put(t, fault, "f", "abc")
	ops = nil
	d, err := vfs.HoldDir(fault, "d")
	must(t, err)
	must(t, fault.Rename("d", "e"))
	must(t, d.Sync())
	must(t, d.Close())
	for i, want := range []vfs.Op{{Kind: vfs.OpOpen, Name: "d"}, {Kind: vfs.OpRename, Name: "d", NewName: "e"}, {Kind: vfs.OpSyncDir, Name: "d", Held: true}, {Kind: vfs.OpClose, Name: "d"}} {
		if want.Seq = ops[i].Seq; ops[i] != want {
			t.Errorf("%+v, want %+v", ops[i], want)
		}
	}
	_, err = vfs.HoldDir(fault, "f")
	wantErr(t, "a file", err, syscall.ENOTDIR)
	_, err = vfs.HoldDir(osfs, "missing")
	wantErr(t, "none", err, fs.ErrNotExist)

	// Of a file system that cannot hold one it is looked up.
	mem := vfs.NewMem()
	must(t, mem.Mkdir("d", 0o755))
	put(t, mem, "d/f", "")
	d, err = vfs.HoldDir(mem, "d")
	must(t, err)
	must(t, d.Sync())
	must(t, d.Close())
	must(t, mem.SyncDir("."))
	if _, err := mem.Crash().Stat("d/f"); err != nil {
		t.Fatal(err)
	}
}
