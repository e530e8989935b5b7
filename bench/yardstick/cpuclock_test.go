package yardstick_test

import (
	"os"
	"os/exec"
	"testing"

	"moldau/bench/yardstick"
)

// A process that worked has used CPU time, and no more than was counted for it
// when it was waited for.
func TestTimesAreThoseOfAnotherProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; read line")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	cpu, _, err := yardstick.Times(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	_ = cmd.Wait() // "read" at the end of its input says 1
	total := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if cpu <= 0.001 || cpu > total {
		t.Errorf("%v s read, %v s in all", cpu, total)
	}
	if _, _, err := yardstick.Times(cmd.Process.Pid); err == nil {
		t.Error("times of a process that is gone")
	}
	if own, _, err := yardstick.Times(os.Getpid()); err != nil || own <= 0 {
		t.Errorf("%v s of this process, %v", own, err)
	}
}
