package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a client that runs.
type Process struct {
	load Load
	cmd  *exec.Cmd
	in   io.Closer
	out  *json.Decoder
}

// atWork is what a client that is held says when it has begun.
type atWork struct {
	AtWork bool `json:"atWork"`
}

// Start starts a client, pinned to cpus in taskset's notation unless that is empty.
// One that is held works until it is stopped. It must be stopped in any case.
func Start(ctx context.Context, cpus string, l Load) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	argv := []string{self, Command}
	if cpus != "" {
		argv = append([]string{"taskset", "-c", cpus}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// It is asked to end first, so that what it has started, a JVM, ends with it.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 10*time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = json.NewEncoder(in).Encode(l) // a client that is gone tells so by its exit
	return &Process{l, cmd, in, json.NewDecoder(out)}, nil
}

// AtWork waits until a held client has begun its work.
func (p *Process) AtWork() error {
	var a atWork
	if err := p.out.Decode(&a); err != nil || !a.AtWork {
		return p.failed(err)
	}
	return nil
}

// Stop tells a held client to end, and waits for whichever.
func (p *Process) Stop() (Outcome, error) {
	p.in.Close()
	var o Outcome
	unread := p.out.Decode(&o)
	if err := p.cmd.Wait(); err != nil {
		return Outcome{}, p.failed(err)
	}
	o.CPUSeconds = (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()).Seconds()
	if unread != nil {
		return o, p.failed(unread)
	}
	return o, nil
}

func (p *Process) failed(err error) error {
	return fmt.Errorf("%s against %s: %w", p.load.Kind, p.load.Addr, err)
}

// hold is how a held client is held. The zero value is one that is not.
type hold struct {
	begun func()          // tells who started it
	ended <-chan struct{} // closed when it is to stop
}

// newHold takes the end of in for the word to stop.
func newHold(in io.Reader, out io.Writer) hold {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(ended)
	}()
	return hold{ended: ended, begun: func() { _ = json.NewEncoder(out).Encode(atWork{true}) }}
}

// atWork tells that the work has begun.
func (h hold) atWork() {
	if h.begun != nil {
		h.begun()
	}
}

// over tells whether it was told to stop.
func (h hold) over() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}
