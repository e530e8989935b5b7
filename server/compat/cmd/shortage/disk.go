package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const diskBytes = 384 << 20

// disk is an ext4 over a loop device, mounted where the broker keeps its data.
type disk struct{ image, mountpoint, device string }

func newDisk(ctx context.Context, dir string) (*disk, error) {
	d := &disk{image: filepath.Join(dir, "image"), mountpoint: filepath.Join(dir, "data")}
	if err := os.MkdirAll(d.mountpoint, 0o700); err != nil {
		return d, err
	}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(diskBytes), f.Close())
	}
	if err == nil {
		_, err = run(ctx, "mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image)
	}
	if err != nil {
		return d, err
	}
	out, err := run(ctx, "losetup", "--find", "--show", d.image)
	if err != nil {
		return d, err
	}
	d.device = strings.TrimSpace(out)
	if !strings.HasPrefix(d.device, "/dev/loop") {
		return d, fmt.Errorf("%q is not a loop device", d.device)
	}
	return d, unix.Mount(d.device, d.mountpoint, "ext4", unix.MS_NOATIME|unix.MS_NODEV|unix.MS_NOSUID, "")
}

// tearDown gives the mount and the device back, as far as they were made.
func (d *disk) tearDown() error {
	if d == nil || d.device == "" {
		return nil
	}
	_ = d.thaw()
	var err error
	for range 200 { // a killed process may hold files for a moment
		if err = unix.Unmount(d.mountpoint, 0); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if errors.Is(err, unix.EINVAL) { // was not mounted
		err = nil
	}
	if err == nil {
		_, err = run(context.Background(), "losetup", "--detach", d.device)
	}
	return err
}

// free is what is left on it.
func (d *disk) free() int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(d.mountpoint, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * s.Bsize
}

func (d *disk) ballast() string { return filepath.Join(d.mountpoint, "ballast") }

// fill takes what is free but for so many bytes, as another program may.
func (d *disk) fill(leave int64) error {
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for step := int64(4 << 20); step >= 4096; {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if d.free()-step < leave || unix.Fallocate(int(f.Fd()), 0, info.Size(), step) != nil {
			step /= 2
		}
	}
	return nil
}

// Of linux/fs.h: FIFREEZE, FITHAW.
const fiFreeze, fiThaw = 0xc0045877, 0xc0045878

func (d *disk) control(request uint) error {
	f, err := os.Open(d.mountpoint)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetInt(int(f.Fd()), request, 0)
}

// freeze lets every write to the disk hang.
func (d *disk) freeze() error { return d.control(fiFreeze) }
func (d *disk) thaw() error   { return d.control(fiThaw) }

func run(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return string(out), nil
}
