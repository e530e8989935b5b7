package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"moldau/server/compat/broker"
	"moldau/server/compat/suite"
)

// runner runs suites one after another.
type runner struct {
	binary  string // Moldau's; empty is the real Kafka
	dir     string // a folder for each suite: data, broker.log, suite.log
	keep    bool
	timeout time.Duration
}

// row is one of the table's.
type row struct {
	suite.Verdict
	name    string
	seconds float64
}

func (r *runner) all(ctx context.Context, suites []foreign) []row {
	var rows []row
	for _, s := range suites {
		if ctx.Err() != nil {
			break
		}
		rows = append(rows, r.one(ctx, s)...)
	}
	return rows
}

// one gives the row of a suite, and one of what its broker left on disk.
func (r *runner) one(ctx context.Context, s foreign) []row {
	fmt.Printf("== %s\n", s.name)
	start := time.Now()
	dir := filepath.Join(r.dir, s.name)
	done := row{name: s.name}
	l, err := s.launch(r.binary, filepath.Join(dir, "broker"))
	if err != nil {
		return []row{done.broken(start, err)}
	}
	b, err := broker.Start(ctx, l)
	if err != nil {
		return []row{done.broken(start, err)}
	}
	done.Verdict = r.suite(ctx, s, b, dir)
	// Looked at before the broker is asked to end.
	select {
	case <-b.Exited():
		done.Faults = append(done.Faults, "the broker ended; see "+b.LogFile())
	default:
	}
	if err := b.Stop(); err != nil {
		done.Faults = append(done.Faults, fmt.Sprintf("the broker did not close cleanly: %v; see %s", err, b.LogFile()))
	}
	done.seconds = time.Since(start).Seconds()
	if b.Binary == "" {
		return []row{done}
	}
	return []row{done, r.verify(ctx, s, b)}
}

func (w row) broken(start time.Time, err error) row {
	w.Failed, w.Faults, w.seconds = 1, append(w.Faults, err.Error()), time.Since(start).Seconds()
	return w
}

// suite runs s/run and judges it.
func (r *runner) suite(ctx context.Context, s foreign, b *broker.Broker, dir string) suite.Verdict {
	log, err := os.Create(filepath.Join(dir, "suite.log"))
	if err != nil {
		return suite.Verdict{Faults: []string{err.Error()}}
	}
	defer log.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("it was ended after %v", r.timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "run"))
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "MOLDAU_BROKER="+b.Addr(), "MOLDAU_SYSTEM="+b.Name())
	var out suite.Output
	cmd.Stdout = io.MultiWriter(&out, os.Stdout, log)
	cmd.Stderr = io.MultiWriter(os.Stderr, log)
	// What the suite started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	exit := cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		exit = cause
	}
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	pins := s.pins
	if b.Binary == "" {
		pins = suite.Failing(pins, &out)
	}
	v := suite.Judge(&out, pins, exit)
	if ctx.Err() != nil {
		v.Faults = append(v.Faults, exit.Error())
	}
	return v
}

// verify lets Moldau judge the data of a broker that was closed.
func (r *runner) verify(ctx context.Context, s foreign, b *broker.Broker) row {
	start := time.Now()
	w := row{name: s.name + ": log verify"}
	out, err := exec.CommandContext(ctx, r.binary, "log", "verify", filepath.Join(b.Dir, "data")).CombinedOutput()
	if err != nil {
		return w.broken(start, errors.Join(err, errors.New(strings.TrimSpace(string(out)))))
	}
	w.Passed, w.seconds = 1, time.Since(start).Seconds()
	return w
}
