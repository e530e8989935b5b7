package yardstick

import (
	"os"
	"strconv"
	"strings"
)

// Listening tells whether a process listens at a TCP port of this machine, without
// connecting to it.
func Listening(port int) (bool, error) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		if listens(string(table), port) {
			return true, nil
		}
	}
	return false, nil
}

// listens looks for the port among a table's sockets in state LISTEN.
func listens(table string, port int) bool {
	const listen = "0A"
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != listen {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		if p, err := strconv.ParseUint(hex, 16, 16); err == nil && int(p) == port {
			return true
		}
	}
	return false
}
