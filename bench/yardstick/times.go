package yardstick

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is Linux's USER_HZ, fixed at 100 on every architecture of ours.
const ticksPerSecond = 100

// Times reads the CPU time of a process and the machine's stolen time, in seconds.
func Times(pid int) (cpu, steal float64, err error) {
	used, err := cpuTime(pid)
	if err != nil {
		return 0, 0, err
	}
	machine, err := machineStat()
	if err != nil {
		return 0, 0, err
	}
	return used.Seconds(), machine[7] / ticksPerSecond, nil
}

// Steal is the machine's stolen time, of all its cores, in seconds.
func Steal() (float64, error) {
	m, err := machineStat()
	if err != nil {
		return 0, err
	}
	return m[7] / ticksPerSecond, nil
}

// Faults are a process's page faults so far, those that read from the disk apart.
func Faults(pid int) (minor, major int64, err error) {
	stat, err := processStat(pid)
	if err != nil {
		return 0, 0, err
	}
	return int64(stat[7]), int64(stat[9]), nil
}

// epoch is some time.
var epoch = time.Now()

// MachineTime is the CPU time of the whole machine since some time, all but idle,
// waiting and stolen time, in seconds: also of kernel threads, which write back for
// everybody. It is what these leave, for the kernel has a clock for them, while it
// looks only at every tick who is at work, and does not see who sleeps by then.
func MachineTime() (float64, error) {
	m, err := machineStat()
	if err != nil {
		return 0, err
	}
	cores, err := cores()
	if err != nil {
		return 0, err
	}
	idle, waiting, stolen := m[3], m[4], m[7]
	return time.Since(epoch).Seconds()*float64(cores) - (idle+waiting+stolen)/ticksPerSecond, nil
}

// cores are the machine's, whatever this process may use of them.
func cores() (n int, err error) {
	b, err := os.ReadFile("/proc/stat")
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "cpu") && !strings.HasPrefix(line, "cpu ") {
			n++
		}
	}
	return n, err
}

// processStat are the fields of /proc/PID/stat from the state on, which has no
// number and is 0.
func processStat(pid int) ([]float64, error) {
	name := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	// The name in parentheses may hold spaces; state is the first field behind it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 14 {
		return nil, fmt.Errorf("%s has another layout", name)
	}
	return parsed(name, append([]string{"0"}, fields[1:]...))
}

// machineStat are the fields of the first line of /proc/stat.
func machineStat() ([]float64, error) {
	const name = "/proc/stat"
	machine, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all := strings.Fields(strings.SplitN(string(machine), "\n", 2)[0])
	if len(all) < 9 {
		return nil, fmt.Errorf("%s has another layout", name)
	}
	return parsed(name, all[1:])
}

func parsed(name string, fields []string) ([]float64, error) {
	values := make([]float64, len(fields))
	for i, field := range fields {
		var err error
		if values[i], err = strconv.ParseFloat(field, 64); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return values, nil
}
