package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"moldau/logstore/vfs"
)

// newFile is a file on a Fault over a Mem, for examples.
func newFile() (*vfs.Mem, *vfs.Fault, vfs.File) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem)
	f, err := fault.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		panic(err)
	}
	return mem, fault, f
}

func ExampleFail() {
	_, fault, f := newFile()
	fault.SetHook(vfs.Fail(syscall.EIO, vfs.OpSync))
	_, err := f.WriteAt([]byte("abc"), 0)
	fmt.Println("write:", err)
	fmt.Println("sync failed:", errors.Is(f.Sync(), syscall.EIO))
	// Output:
	// write: <nil>
	// sync failed: true
}

// A disk that is slow in syncs only: each waits until the test lets it go.
func ExampleHang() {
	_, fault, f := newFile()
	release := make(chan struct{})
	fault.SetHook(vfs.Hang(release, vfs.OpSync))
	synced := make(chan error)
	go func() { synced <- f.Sync() }()
	n, err := f.WriteAt([]byte("abc"), 0)
	fmt.Println("wrote", n, err, "beside it")
	release <- struct{}{}
	fmt.Println("synced:", <-synced)
	// Output:
	// wrote 3 <nil> beside it
	// synced: <nil>
}

func ExampleFill() {
	_, fault, f := newFile()
	fault.SetHook(vfs.Fill(4))
	for range 3 {
		n, err := f.WriteAt([]byte("abc"), 0)
		fmt.Println(n, errors.Is(err, syscall.ENOSPC))
	}
	// Output:
	// 3 false
	// 1 true
	// 0 true
}

func ExampleCrashAt() {
	mem, fault, f := newFile() // the first operation
	fault.SetHook(vfs.CrashAt(3))
	_, err := f.WriteAt([]byte("abc"), 0)
	fmt.Println("write:", err)
	fmt.Println("sync:", f.Sync())
	entries, err := mem.Crash().ReadDir(".")
	fmt.Println("left:", entries, err)
	// Output:
	// write: <nil>
	// sync: sync f: vfs: file system has crashed
	// left: [] <nil>
}

// A tree in memory is full when its files hold what it may.
func ExampleMem_SetCapacity() {
	mem := vfs.NewMem()
	mem.SetCapacity(2 * 4096)
	f, _ := mem.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	n, err := f.WriteAt(make([]byte, 3*4096), 0)
	space, _ := mem.Space("f")
	fmt.Println(n, errors.Is(err, syscall.ENOSPC), space.Free)
	_ = f.Truncate(4096)
	space, _ = mem.Space("f")
	fmt.Println(space.Free)
	// Output:
	// 8192 true 0
	// 4096
}

// One crash of many: the numbers drawn decide what of the un-synced write is found.
func ExampleMem_CrashPartly() {
	mem := vfs.NewMem()
	f, _ := mem.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	_, _ = f.WriteAt([]byte("old"), 0)
	_, _ = f.Sync(), mem.SyncDir(".")
	_, _ = f.WriteAt([]byte("new!"), 0)
	for _, rand := range []func(int64) int64{
		func(int64) int64 { return 0 },       // all is lost
		func(n int64) int64 { return n / 2 }, // the length is found, the bytes are not
		func(n int64) int64 { return n - 1 }, // nothing is lost
	} {
		after := mem.Clone().CrashPartly(rand)
		f, _ := after.OpenFile("f", os.O_RDONLY, 0)
		b := make([]byte, 10)
		n, _ := f.ReadAt(b, 0)
		fmt.Printf("%q\n", b[:n])
	}
	// Output:
	// "old"
	// "old\x00"
	// "new!"
}

func TestEachAsksInOrder(t *testing.T) {
	_, fault, f := newFile()
	fault.SetHook(vfs.Each(vfs.Fail(syscall.EIO, vfs.OpSync), vfs.Fill(1), vfs.Fail(syscall.EPERM)))
	wantErr(t, "Sync", f.Sync(), syscall.EIO)
	_, err := f.WriteAt([]byte("abc"), 0)
	wantErr(t, "WriteAt", err, syscall.ENOSPC)
	_, err = fault.Stat("f")
	wantErr(t, "Stat", err, syscall.EPERM)
}
