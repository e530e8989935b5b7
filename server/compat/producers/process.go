package producers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"moldau/server/compat/history"
	"moldau/server/compat/java"
)

// Java starts Apache's client, compiled from its source by the JVM.
func Java(ctx context.Context, kafka *java.Kafka, name string, load Load, ledger *Ledger) (*Producer, error) {
	root, err := java.Root()
	if err != nil {
		return nil, err
	}
	source := filepath.Join(root, "java", "AckProducer.java")
	return process(kafka.Command(ctx, source, load.arguments(name)...), name, ledger)
}

// Librdkafka builds and starts the producer on librdkafka.
func Librdkafka(ctx context.Context, name string, load Load, ledger *Ledger) (*Producer, error) {
	root, err := java.Root()
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(os.Getenv("MOLDAU_COMPAT_CACHE"), "bin", "rdkafka")
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "rdkafka"), "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the librdkafka producer: %w\n%s", err, out)
	}
	return process(exec.CommandContext(ctx, binary, load.arguments(name)...), name, ledger)
}

func (l *Load) arguments(name string) []string {
	return []string{l.Bootstrap, l.Topic, name, strconv.Itoa(l.Partitions), strconv.Itoa(l.RatePerSecond)}
}

func process(cmd *exec.Cmd, name string, ledger *Ledger) (*Producer, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is the driver's to handle
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Producer{Name: name, stopSending: closeOnce(stdin), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = errors.Join(p.listen(stdout, ledger), cmd.Wait())
		if p.err != nil {
			p.err = fmt.Errorf("producer %s: %w\n%s", name, p.err, stderr.String())
		}
	}()
	return p, nil
}

// listen takes down what a process tells.
func (p *Producer) listen(stdout io.Reader, ledger *Ledger) error {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if err := p.hear(lines.Text(), ledger); err != nil {
			// Drained, or the process would block on a full pipe.
			_, _ = io.Copy(io.Discard, stdout)
			return err
		}
	}
	return lines.Err()
}

func (p *Producer) hear(line string, ledger *Ledger) error {
	kind, rest, _ := strings.Cut(line, " ")
	if kind == "E" {
		return errors.New(rest)
	}
	fields := strings.SplitN(rest, " ", 3)
	if len(fields) < 2 {
		return fmt.Errorf("said %q", line)
	}
	partition, err1 := strconv.ParseInt(fields[0], 10, 32)
	number, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("said %q: %w", line, err)
	}
	r := history.Record{Producer: p.Name, Partition: int32(partition), Sequence: number}
	switch {
	case kind == "A" && len(fields) == 3:
		offset, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return fmt.Errorf("said %q: %w", line, err)
		}
		ledger.acked(p, r, offset)
	case kind == "F" && len(fields) == 3:
		ledger.failed(r, fields[2])
	case kind == "T":
		ledger.sent(p.Name, r.Partition, number)
	default:
		return fmt.Errorf("said %q", line)
	}
	return nil
}
