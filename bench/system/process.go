package system

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"moldau/server/compat/broker"
)

// process is what runs: a broker, a limit program, or another server.
type process interface {
	Addr() string
	PID() int
	Stop() error
}

// Spawned is a process that may not listen yet.
type Spawned interface {
	process
	Exited() <-chan struct{} // closed when it is
	LogFile() string
}

// child is a server that is no broker of Kafka's protocol.
type child struct {
	addr    string
	began   time.Time
	cmd     *exec.Cmd
	logFile string
	exited  chan struct{}
	err     error // of Wait, once exited is closed
}

// startChild starts a server and waits until it listens.
func startChild(ctx context.Context, cpus, dir string, argv func(addr string) []string) (*child, error) {
	c, err := spawnChild(ctx, cpus, dir, argv)
	if err != nil {
		return nil, err
	}
	return c, c.listening(ctx)
}

// spawnChild starts a server, pinned to cpus in taskset's notation unless that is empty.
// argv has the address to listen at.
func spawnChild(ctx context.Context, cpus, dir string, argv func(addr string) []string) (*child, error) {
	port, err := broker.FreePort()
	if err != nil {
		return nil, err
	}
	c := &child{addr: fmt.Sprintf("127.0.0.1:%d", port), logFile: filepath.Join(dir, "server.log"), exited: make(chan struct{})}
	line := argv(c.addr)
	if cpus != "" {
		line = append([]string{"taskset", "-c", cpus}, line...)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	out, err := os.Create(c.logFile)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	c.cmd = exec.CommandContext(ctx, line[0], line[1:]...)
	c.cmd.Stdout, c.cmd.Stderr = out, out
	// A group of its own keeps the terminal's Ctrl-C away: the harness ends it.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

// listening waits until it can be connected to.
func (c *child) listening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-c.exited:
			return fmt.Errorf("%s ended at once: %v (see %s)", c.cmd, c.err, c.logFile)
		case <-ctx.Done():
			_ = c.Stop()
			return fmt.Errorf("%s does not listen: %w (see %s)", c.cmd, context.Cause(ctx), c.logFile)
		case <-poll.C:
			if conn, err := net.Dial("tcp", c.addr); err == nil {
				return conn.Close()
			}
		}
	}
}

func (c *child) Addr() string            { return c.addr }
func (c *child) Exited() <-chan struct{} { return c.exited }
func (c *child) LogFile() string         { return c.logFile }

// PID is the server's own process: taskset becomes it.
func (c *child) PID() int { return c.cmd.Process.Pid }

// Stop asks it to end and waits. How it ends is its own affair, what it was
// measured by is over.
func (c *child) Stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
		return nil
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.exited
		return fmt.Errorf("%s did not end within 30 s", c.cmd)
	}
}
