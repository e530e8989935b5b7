package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FileSystem tells what dir lies on, as "ext4 on /dev/vda, 128 KiB read ahead". What the
// system reads ahead decides what the first look into a mapped file costs.
func FileSystem(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "unknown"
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "unknown"
	}
	found, longest := "unknown", -1
	for line := range strings.Lines(string(mounts)) {
		// Optional fields end with a dash; behind it are type and device.
		mount, device, _ := strings.Cut(line, " - ")
		at, what := strings.Fields(mount), strings.Fields(device)
		if len(at) < 5 || len(what) < 2 {
			continue
		}
		point := strings.TrimSuffix(at[4], "/")
		if len(point) >= longest && (dir == point || strings.HasPrefix(dir, point+"/")) {
			found, longest = what[0]+" on "+what[1], len(point)
		}
	}
	if kib := readAhead(dir); kib != "" {
		found += ", " + kib + " KiB read ahead"
	}
	return found
}

// readAhead is the disk's setting, empty where the kernel does not tell.
func readAhead(dir string) string {
	var stat unix.Stat_t
	if err := unix.Stat(dir, &stat); err != nil {
		return ""
	}
	device := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	for _, name := range []string{"/queue/read_ahead_kb", "/../queue/read_ahead_kb"} { // a disk's, a partition's
		if kib, err := os.ReadFile(device + name); err == nil {
			return strings.TrimSpace(string(kib))
		}
	}
	return ""
}

// Written is how many bytes were written so far, by anybody, to the disk that
// dir lies on; 0 where the kernel does not tell.
func Written(dir string) int64 {
	const sectorBytes, sectorsWritten = 512, 6
	var stat unix.Stat_t
	if err := unix.Stat(dir, &stat); err != nil {
		return 0
	}
	figures, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(stat.Dev), unix.Minor(stat.Dev)))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(figures))
	if len(f) <= sectorsWritten {
		return 0
	}
	sectors, _ := strconv.ParseInt(f[sectorsWritten], 10, 64)
	return sectors * sectorBytes
}

// SyncFileSystem writes back all that the file system of dir has not, whoever
// wrote it.
func SyncFileSystem(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(os.NewSyscallError("syncfs", unix.Syncfs(int(d.Fd()))), d.Close())
}

// DropCaches empties the machine's page cache, and its cache of names and
// inodes. It needs root. What is dirty stays: sync first.
func DropCaches() error { return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0) }

// Forget takes the pages of all files below dir from the page cache, as far as
// they are clean. Names and inodes stay cached.
func Forget(dir string) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = os.NewSyscallError("fadvise", unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
		return errors.Join(err, f.Close())
	})
}
