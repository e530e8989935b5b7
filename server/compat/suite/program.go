package suite

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// Test is one of a suite that is a program of ours.
type Test struct {
	Name string
	Run  func(context.Context) error
}

// Main runs tests one after another and ends the program.
func Main(tests []Test) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Run(ctx, os.Stdout, 2*time.Minute, tests)
	stop()
	os.Exit(code)
}

// Run runs tests one after another, each for at most a time, and returns the
// exit code. A test that panics has met a result of a shape that it did not
// expect, which is a failure like any other.
func Run(ctx context.Context, w io.Writer, each time.Duration, tests []Test) int {
	report := Reporter{W: w}
	for _, t := range tests {
		start := time.Now()
		report.Test(t.Name, attempt(ctx, each, t), time.Since(start))
	}
	return report.End()
}

// attempt leaves behind a test that does not heed its context: clients in C
// cannot be interrupted.
func attempt(ctx context.Context, each time.Duration, t Test) error {
	ctx, cancel := context.WithTimeoutCause(ctx, each, fmt.Errorf("it did not end within %v", each))
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				ended <- fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		ended <- t.Run(ctx)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended: // it says more than that its time is over
		return err
	case <-time.After(5 * time.Second):
		return context.Cause(ctx)
	}
}
