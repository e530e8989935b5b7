package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"moldau/server/compat/java"
)

// Launch says which broker, where and how.
type Launch struct {
	// Binary is Moldau's; empty starts the real Apache Kafka.
	Binary string
	// Dir holds everything of the broker: its data and broker.log.
	Dir string
	// Host is what it listens at and advertises; empty is 127.0.0.1.
	Host string
	Port int
	// Durability is Moldau's, "synced" or "os"; empty leaves its default.
	Durability string
	// Properties are Kafka's, "key=value".
	Properties []string
	// TLS has clients speak it; nil is plaintext.
	TLS *TLS
	// CPUs pins the process, in taskset's notation; empty lets it float.
	CPUs string
	// CloseMax is how long a clean close may take; 0 is a minute.
	CloseMax time.Duration
}

// Name is the broker's for tables.
func (l *Launch) Name() string {
	if l.Binary == "" {
		return "kafka"
	}
	return "moldau"
}

// LogDir is where the partitions' directories lie.
func (l *Launch) LogDir() string {
	if l.Binary == "" {
		return filepath.Join(l.Dir, "data")
	}
	return filepath.Join(l.Dir, "data", "logs")
}

// Addr is where it listens.
func (l *Launch) Addr() string {
	host := l.Host
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(l.Port))
}

// LogFile is what the broker says.
func (l *Launch) LogFile() string { return filepath.Join(l.Dir, "broker.log") }

func (l *Launch) command(ctx context.Context) (*exec.Cmd, error) {
	var argv []string
	if l.CPUs != "" {
		argv = []string{"taskset", "-c", l.CPUs}
	}
	if l.Binary != "" {
		argv = append(argv, l.Binary, "serve", "--data", filepath.Join(l.Dir, "data"))
		if l.TLS == nil {
			argv = append(argv, "--listen", l.Addr())
		}
		if l.Durability != "" {
			argv = append(argv, "--durability", l.Durability)
		}
		for _, p := range append(l.TLSProperties(), l.Properties...) {
			argv = append(argv, "--set", p)
		}
		return exec.CommandContext(ctx, argv[0], argv[1:]...), nil
	}
	kafka, err := java.Install(ctx)
	if err != nil {
		return nil, err
	}
	properties := append(l.TLSProperties(), l.Properties...)
	if l.Host != "" && l.TLS == nil {
		properties = append([]string{
			fmt.Sprintf("listeners=PLAINTEXT://%s,CONTROLLER://127.0.0.1:%d", l.Addr(), l.Port+1),
			"advertised.listeners=PLAINTEXT://" + l.Addr(),
		}, properties...)
	}
	script := kafka.Broker(ctx, append([]string{"run", l.Dir, strconv.Itoa(l.Port)}, properties...)...)
	argv = append(argv, script.Args...)
	return exec.CommandContext(ctx, argv[0], argv[1:]...), nil
}

// Broker is a running process.
type Broker struct {
	Launch
	Began  time.Time // of the process
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait, once exited is closed
}

// Spawn starts the process and does not wait for it to serve.
func Spawn(ctx context.Context, l Launch) (*Broker, error) {
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return nil, err
	}
	cmd, err := l.command(ctx)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(l.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	// A group of its own keeps the terminal's Ctrl-C away: the driver decides how
	// its broker ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now() // not before: finding Kafka's jars took its time
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b := &Broker{Launch: l, Began: began, cmd: cmd, exited: make(chan struct{})}
	go func() {
		b.err = cmd.Wait()
		close(b.exited)
	}()
	return b, nil
}

// Start starts the process and waits until it serves.
func Start(ctx context.Context, l Launch) (*Broker, error) {
	b, err := Spawn(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := b.Serving(ctx); err != nil {
		b.Kill()
		return nil, err
	}
	return b, nil
}

// Serving waits until the broker answers ApiVersions.
func (b *Broker) Serving(ctx context.Context) error {
	trusting, err := Trusting(b.trusted())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve on %s: %w (see %s)", b.Name(), b.Addr(), context.Cause(ctx), b.LogFile())
		case <-b.exited:
			return fmt.Errorf("%s ended at once: %v (see %s)", b.Name(), b.err, b.LogFile())
		case <-poll.C:
			if answers(b.Addr(), trusting) {
				return nil
			}
		}
	}
}

// PID is the broker's own process: the scripts in between become it.
func (b *Broker) PID() int { return b.cmd.Process.Pid }

// Exited is closed when the process has ended, for whatever reason.
func (b *Broker) Exited() <-chan struct{} { return b.exited }

// Kill is kill -9.
func (b *Broker) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.exited
}

// Stop asks the broker to close cleanly and reports if it did not.
func (b *Broker) Stop() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	most := cmp.Or(b.CloseMax, time.Minute)
	select {
	case <-b.exited:
	case <-time.After(most):
		b.Kill()
		return fmt.Errorf("%s did not close within %v", b.Name(), most)
	}
	// A JVM that ends by SIGTERM says 143, whatever its shutdown hooks did.
	var exit *exec.ExitError
	if errors.As(b.err, &exit) && b.Binary == "" && exit.ExitCode() == 143 {
		return nil
	}
	return b.err
}
