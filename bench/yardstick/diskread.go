package yardstick

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ReadFromDisk is how many bytes a process had read from a disk so far, for its
// own reads, sendfiles and page faults, reading ahead and all.
func ReadFromDisk(pid int) (int64, error) {
	name := fmt.Sprintf("/proc/%d/io", pid)
	io, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(io)) {
		if value, ok := strings.CutPrefix(line, "read_bytes: "); ok {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no read_bytes", name)
}
