package yardstick

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

const unknown = "unknown"

// Environment is the machine and the versions, with what a comparison adds. The commit
// is that of the work tree in which the directory tree lies, wherever the process was
// started.
func Environment(tree string, more map[string]string) map[string]string {
	environment := map[string]string{
		"cpu":              cpuModel(),
		"cores":            fmt.Sprint(runtime.NumCPU()),
		"architecture":     runtime.GOARCH,
		"memory":           memory(),
		"governor":         governor(),
		"kernel":           firstLine("uname", "-sr"),
		"go":               runtime.Version(),
		"java":             firstLine("java", "--version"),
		"commit":           commit(tree),
		"load at start":    unknown,
		"client libraries": clients(),
	}
	if one, err := LoadAverage(); err == nil {
		environment["load at start"] = strconv.FormatFloat(one, 'f', 2, 64)
	}
	for k, v := range more {
		environment[k] = v
	}
	return environment
}

// LoadAverage is that of the last minute: how many threads ran or waited to.
func LoadAverage() (float64, error) {
	const name = "/proc/loadavg"
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	one, _, _ := strings.Cut(string(b), " ")
	return strconv.ParseFloat(one, 64)
}

// Busy is a warning if others are at work on this machine, empty if not.
func Busy() string {
	one, err := LoadAverage()
	if err != nil || one <= float64(runtime.NumCPU())/4 {
		return ""
	}
	return fmt.Sprintf("WARNING: the load average is %.2f on %d cores: others are at work, whose share of the caches, the disk and the cores is in every figure; let the machine come to rest first", one, runtime.NumCPU())
}

func firstLine(command string, args ...string) string {
	out, err := exec.Command(command, args...).Output()
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// commit is the work tree's, "+dirty" where files differ from it.
func commit(tree string) string {
	c := firstLine("git", "-C", tree, "rev-parse", "--short", "HEAD")
	if c == unknown {
		return c
	}
	changed, err := exec.Command("git", "-C", tree, "status", "--porcelain", "--untracked-files=no").Output()
	if err != nil || len(changed) > 0 {
		return c + "+dirty"
	}
	return c
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// memory is the machine's.
func memory() string {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(string(b), "\n")
	kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(line, "MemTotal:"), "kB")), 64)
	if err != nil {
		return unknown
	}
	return fmt.Sprintf("%.0f GiB", kib/(1<<20))
}

// governor is how the kernel chooses the clock rate; virtual machines hide it.
func governor() string {
	b, err := os.ReadFile(filepath.Join("/sys/devices/system/cpu/cpu0/cpufreq", "scaling_governor"))
	if err != nil {
		return "hidden by the host"
	}
	return strings.TrimSpace(string(b))
}

// clients are the versions of foreign libraries in this program that do measured
// work.
func clients() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	var found []string
	for _, m := range info.Deps {
		for _, path := range []string{
			"github.com/twmb/franz-go", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go",
			"github.com/tidwall/wal", "github.com/hashicorp/raft-wal", "go.etcd.io/etcd/server/v3",
		} {
			if m.Path == path {
				found = append(found, strings.TrimPrefix(path, "github.com/")+" "+m.Version)
			}
		}
	}
	if found == nil {
		return "none"
	}
	return strings.Join(found, ", ")
}
