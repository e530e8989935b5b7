package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// roles are what this program does as a child of itself: read a task, do it, and
// answer.
var roles = map[string]func(*json.Decoder) (any, error){
	"write": role(write),
	"open":  role(open),
	"loop":  role(loop),
}

func role[T, A any](do func(T) (A, error)) func(*json.Decoder) (any, error) {
	return func(d *json.Decoder) (any, error) {
		var task T
		if err := d.Decode(&task); err != nil {
			return nil, err
		}
		return do(task)
	}
}

// play plays a role and ends without any clearing up. A writer only stops, for
// its parent to kill.
func play(name string) {
	answer, err := roles[name](json.NewDecoder(os.Stdin))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	if name == "write" {
		select {}
	}
	os.Exit(0)
}

// ask has a child play a role, under the command before it, kills it with
// SIGKILL where it has not ended, and returns its answer.
func ask[A any](role string, task any, under ...string) (answer A, err error) {
	self, err := os.Executable()
	if err != nil {
		return answer, err
	}
	command := append(under, self, role)
	cmd := exec.Command(command[0], command[1:]...)
	spec, err := json.Marshal(task)
	if err != nil {
		return answer, err
	}
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(spec)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answer, err
	}
	if err := cmd.Start(); err != nil {
		return answer, err
	}
	err = json.NewDecoder(out).Decode(&answer)
	if role == "write" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	} else {
		err = errors.Join(err, cmd.Wait())
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", filepath.Base(self)+" "+role, err)
	}
	return answer, err
}
