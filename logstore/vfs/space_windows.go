package vfs

import (
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// spaceAt asks by path: Windows has no such question to a handle.
func spaceAt(f *os.File) (Space, error) {
	dir := f.Name()
	info, err := f.Stat()
	if err != nil {
		return Space{}, err
	}
	if !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Space{}, err
	}
	var free, total uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &total, nil); err != nil {
		return Space{}, err
	}
	return Space{Free: int64(min(free, math.MaxInt64)), Total: int64(min(total, math.MaxInt64))}, nil
}
