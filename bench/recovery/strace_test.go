package recovery

import (
	"slices"
	"testing"
)

func TestCallsOfReadsTheTable(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 40.00    0.000400           2       200           pread64
 30.00    0.000300           3       100         7 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           3       300         7 total
`
	total, most, err := callsOf(table)
	if err != nil || total != 300 || !slices.Equal(most, []string{"200 pread64", "100 openat"}) {
		t.Errorf("%v, %v, %v", total, most, err)
	}
	if _, _, err := callsOf("strace: exec failed\n"); err == nil {
		t.Error("a table without a total is none")
	}
}
