package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// _IOR('X', 125, __u32) of ext4, and the flag that drops even what its journal
// has in memory.
const (
	ext4Shutdown           = 0x8004587d
	shutdownWithoutLogging = 2
)

func mount(device, dir string) error {
	return unix.Mount(device, dir, "ext4", unix.MS_NOATIME|unix.MS_NODEV|unix.MS_NOSUID, "")
}

// unmount retries for a moment: a killed process may still hold a file.
func unmount(dir string) (err error) {
	for range 200 {
		if err = unix.Unmount(dir, 0); err != unix.EBUSY {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("unmount %s: %w", dir, err)
}

// cutPower lets a mounted file system lose all that it did not have to keep.
func cutPower(root *os.File) error {
	return unix.IoctlSetPointerInt(int(root.Fd()), ext4Shutdown, shutdownWithoutLogging)
}

// writeBack starts writing random pages of random files, as the kernel may at
// any time and in any order.
func (w *worker) writeBack(ctx context.Context) {
	r := rand.New(rand.NewPCG(w.Seed, 2<<32))
	var files []string
	for pause(ctx, r, 4*time.Millisecond) {
		if len(files) == 0 || r.IntN(16) == 0 {
			files = files[:0]
			_ = filepath.WalkDir(w.Dir, func(name string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					files = append(files, name)
				}
				return nil // files come and go meanwhile
			})
		}
		if len(files) > 0 {
			writePages(files[r.IntN(len(files))], r)
		}
	}
}

func writePages(name string, r *rand.Rand) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return
	}
	const page = 4096
	// The last pages are those that matter.
	pages := (info.Size() + page - 1) / page
	at := max(0, pages-1-r.Int64N(min(pages, 16)))
	_ = unix.SyncFileRange(int(f.Fd()), at*page, page*(1+r.Int64N(3)), unix.SYNC_FILE_RANGE_WRITE)
}
