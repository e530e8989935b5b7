package yardstick

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticksPerSecond is Linux's USER_HZ, fixed at 100 on every architecture of ours.
const ticksPerSecond = 100

// Times reads the CPU time of a process and the machine's stolen time, in seconds.
func Times(pid int) (cpu, steal float64, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The name in parentheses may hold spaces; state is the first field behind it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	machine, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	all := strings.Fields(strings.SplitN(string(machine), "\n", 2)[0])
	if len(fields) < 13 || len(all) < 9 {
		return 0, 0, fmt.Errorf("/proc/%d/stat and /proc/stat have another layout", pid)
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, 0, err
		}
		cpu += ticks / ticksPerSecond
	}
	ticks, err := strconv.ParseFloat(all[8], 64)
	return cpu, ticks / ticksPerSecond, err
}
