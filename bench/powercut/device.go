package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const imageBytes = 1 << 30 // sparse

func (t *trial) image() string { return filepath.Join(t.dir, "image") }

// setUp makes a file system of its own for the trial, and mounts it.
func (t *trial) setUp(ctx context.Context) error {
	if err := os.MkdirAll(t.mountpoint(), 0o700); err != nil || t.o.killOnly {
		return err
	}
	f, err := os.Create(t.image())
	if err == nil {
		err = errors.Join(f.Truncate(imageBytes), f.Close())
	}
	if err != nil {
		return err
	}
	// A small journal replays fast; nothing is to be initialised behind our back.
	if _, err := run(ctx, "mkfs.ext4", "-q", "-F", "-J", "size=16", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-N", "16384", t.image()); err != nil {
		return err
	}
	out, err := run(ctx, "losetup", "--find", "--show", t.image())
	if err != nil {
		return err
	}
	device := strings.TrimSpace(out)
	if err := t.owns(device); err != nil {
		return err
	}
	t.device = device
	return t.mount()
}

// owns makes sure that a device is a loop over the trial's image.
func (t *trial) owns(device string) error {
	if !strings.HasPrefix(device, "/dev/loop") {
		return fmt.Errorf("%q is not a loop device", device)
	}
	backing, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "loop/backing_file"))
	if err == nil && strings.TrimSpace(string(backing)) != t.image() {
		err = fmt.Errorf("%s is over %s, not over %s", device, backing, t.image())
	}
	return err
}

func (t *trial) mount() error {
	err := mount(t.device, t.mountpoint())
	t.mounted = err == nil
	if err != nil {
		return fmt.Errorf("mount %s: %w", t.device, err)
	}
	return nil
}

func (t *trial) unmount() error {
	if !t.mounted {
		return nil
	}
	err := unmount(t.mountpoint())
	t.mounted = err != nil
	return err
}

// tearDown gives the mount and the device back, whatever happened before.
func (t *trial) tearDown() error {
	err := t.unmount()
	if t.device != "" && err == nil {
		_, err = run(context.Background(), "losetup", "--detach", t.device)
		t.device = ""
	}
	return err
}

// snapshot keeps the image as the last cut left it. After a kill the page cache
// has more than the image, so there is none.
func (t *trial) snapshot(ctx context.Context) error {
	if t.o.killOnly || t.last.kill || t.cycles == 1 {
		return nil
	}
	_, err := run(ctx, "cp", "--sparse=always", t.image(), t.image()+".before")
	return err
}

func run(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return string(out), nil
}
