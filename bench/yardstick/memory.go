package yardstick

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what of a process is resident, in bytes: All is VmRSS, Anonymous its
// heaps and stacks, File the pages of its binary that it has touched.
type Memory struct{ All, Anonymous, File int64 }

// Resident reads a process's memory.
func Resident(pid int) (m Memory, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	fields := map[string]*int64{"VmRSS": &m.All, "RssAnon": &m.Anonymous, "RssFile": &m.File}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		into := fields[name]
		if into == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return m, err
		}
		*into = kib << 10
		delete(fields, name)
	}
	if len(fields) > 0 {
		return m, fmt.Errorf("/proc/%d/status has another layout", pid)
	}
	return m, nil
}
