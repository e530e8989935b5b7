package compaction

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"

	"moldau/bench/harness"
	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/server/compat/java"
)

// mapBytesDefault is what both have for keys unless it is said.
const mapBytesDefault = 128 << 20

// kafkaCleaner is a JVM with Kafka's cleaner in it, started when it is first needed.
type kafkaCleaner struct {
	session *harness.Session
	options *options
	root    string

	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts it and warms it up, unless it runs.
func (c *kafkaCleaner) start() error {
	if c.command != nil {
		return nil
	}
	c.session.Say("starting Kafka's cleaner")
	k, err := java.Install(context.Background())
	if err != nil {
		return err
	}
	command := k.Server(context.Background(), k.Source("CleanLog.java"), fmt.Sprint(c.options.mapBytes), fmt.Sprint(c.options.segmentBytes))
	command.Stderr = os.Stderr
	if c.in, err = command.StdinPipe(); err != nil {
		return err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReader(out)
	if err := command.Start(); err != nil {
		return err
	}
	c.command = command
	c.session.OnClose(func() error { return errors.Join(c.in.Close(), command.Wait()) })
	return c.warmUp()
}

// warmUp cleans logs that are not measured.
func (c *kafkaCleaner) warmUp() error {
	rows := distributions()
	for n := range c.options.warmUp {
		dir := filepath.Join(c.root, fmt.Sprint("warm-up-", n))
		if _, err := write(c.options, rows[n%len(rows)], dir); err != nil {
			return err
		}
		took, _, err := c.clean(filepath.Join(dir, "logs", tp.String()))
		if err != nil {
			return err
		}
		c.session.Say("Kafka's warm-up %d: %.2f s", n+1, took)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (c *kafkaCleaner) clean(partition string) (seconds, cpuSeconds float64, err error) {
	if _, err := fmt.Fprintln(c.in, partition); err != nil {
		return 0, 0, err
	}
	answer, err := c.out.ReadString('\n')
	if err != nil {
		return 0, 0, fmt.Errorf("CleanLog: %w", err)
	}
	var read, written, records int64
	_, err = fmt.Sscan(answer, &seconds, &cpuSeconds, &read, &written, &records)
	return seconds, cpuSeconds, err
}

// copyLog copies a closed log to where Kafka finds it.
func copyLog(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

// sameRecords tells how two logs differ, if they do. One is a directory of logs of
// Kafka, the other is open.
func sameRecords(ours *logstore.Log, kafkas string) error {
	s, err := logstore.Open(kafkas, logstore.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	theirs, err := s.Log(tp)
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(theirs.Records(context.Background(), theirs.StartOffset(), logstore.LogEnd))
	defer stop()
	for a, err := range ours.Records(context.Background(), ours.StartOffset(), logstore.LogEnd) {
		if err != nil {
			return err
		}
		b, err, ok := next()
		if err != nil {
			return fmt.Errorf("Kafka's: %w", err)
		}
		if !ok || !equalRecords(&a, &b) {
			return fmt.Errorf("record %d, %.20q, was kept; Kafka has %d, %.20q", a.Offset, a.Key, b.Offset, b.Key)
		}
	}
	if b, err, ok := next(); ok {
		return errors.Join(err, fmt.Errorf("record %d, %.20q, was not kept; Kafka has it", b.Offset, b.Key))
	}
	return nil
}

func equalRecords(a, b *record.Record) bool {
	return a.Offset == b.Offset && a.TimestampMs == b.TimestampMs && string(a.Key) == string(b.Key) &&
		string(a.Value) == string(b.Value) && (a.Value == nil) == (b.Value == nil) && len(a.Headers) == len(b.Headers)
}
