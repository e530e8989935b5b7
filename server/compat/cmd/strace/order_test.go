package main

import (
	"strings"
	"testing"
)

// A trace of one produce request: read, write, sync, reply. The sync and the
// reply run on different threads.
const soundTrace = `
11 read(21<TCP:[127.0.0.1:24235->127.0.0.1:33298]>, "\0\0traced-1\0", 1024) = 137
11 pwritev(17</d/logs/traced-0/00000000000000000000.log>, [{iov_base="\0\1", iov_len=61}, {iov_base="traced-1", iov_len=25}], 2, 75) = 86
12 write(9<TCP:[127.0.0.1:24235->127.0.0.1:1]>, "another's", 9) = 9
12 fdatasync(17</d/logs/traced-0/00000000000000000000.log> <unfinished ...>
11 futex(0xc000100148, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
12 <... fdatasync resumed>) = 0
11 <... futex resumed>) = 0
11 sendmsg(21<TCP:[127.0.0.1:24235->127.0.0.1:33298]>, {msg_iov=[{iov_base="\0\0", iov_len=66}]}, MSG_NOSIGNAL) = 66
`

func TestOrderOfReadWriteSyncReply(t *testing.T) {
	lines := strings.Split(strings.Trim(soundTrace, "\n"), "\n")
	swapped := append([]string(nil), lines...)
	// The reply leaves while the sync still runs.
	swapped[5], swapped[7] = swapped[7], swapped[5]
	for _, c := range []struct {
		name, trace, wrong string
	}{
		{"sound", strings.Join(lines, "\n"), ""},
		{"reply before the sync's end", strings.Join(swapped, "\n"), "the reply leaves at 5, the sync ends at 7"},
		{"no sync", strings.Join(append(append([]string(nil), lines[:3]...), lines[7]), "\n"), "no sync of the file"},
		{"sync of another file", strings.ReplaceAll(soundTrace, "fdatasync(17</d/logs/traced-0", "fdatasync(17</d/logs/traced-1"), "no sync of the file"},
		{"failed sync", strings.ReplaceAll(soundTrace, "fdatasync resumed>) = 0", "fdatasync resumed>) = -1 EIO (Input/output error)"), "no sync of the file"},
		{"no reply", strings.Join(lines[:7], "\n"), "no reply"},
		{"no write", strings.Join(append(lines[:1:1], lines[2:]...), "\n"), "no write of the batch"},
	} {
		calls, err := parse(strings.NewReader(c.trace))
		if err != nil {
			t.Fatal(err)
		}
		_, err = order(calls, "traced-1")
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.wrong {
			t.Errorf("%s: %q, must be %q", c.name, got, c.wrong)
		}
	}
}
