package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// What a worker may take; an engine that hangs is at fault.
const (
	cycleTimeout = 90 * time.Second
	// A promise that is waited for may not be made at all.
	promiseTimeout = 200 * time.Millisecond
)

// cycle is one worker's life.
type cycle struct {
	t      *trial
	fate   fate
	cmd    *exec.Cmd
	orders *gob.Encoder
	root   *os.File // of the mounted file system, to cut its power by
	stderr bytes.Buffer

	mu    sync.Mutex // guards the ledger as well
	armed bool
	done  chan struct{} // closed when the fate has come
	over  bool
	err   error // of the harness
}

// run starts a worker, lets its fate come, and returns when it is dead.
func (c *cycle) run(ctx context.Context) error {
	c.done = make(chan struct{})
	in, out, err := c.launch()
	if err != nil {
		return err
	}
	began := time.Now()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		c.listen(out, began)
	}()
	if err := c.orders.Encode(c.t.start()); err != nil {
		return errors.Join(err, c.cmd.Process.Kill(), c.cmd.Wait())
	}
	if c.fate.when == whileOpens {
		time.AfterFunc(c.fate.after, c.end)
	}
	select {
	case <-c.done:
	case <-drained:
	case <-ctx.Done():
	case <-time.After(cycleTimeout):
		c.blame("the worker hangs")
	}
	if c.fate.linger > 0 {
		time.Sleep(c.fate.linger)
	}
	c.end()
	_ = c.cmd.Process.Kill()
	<-drained
	in.Close()
	c.buried(c.cmd.Wait())
	return c.err
}

func (c *cycle) launch() (in io.WriteCloser, out io.Reader, err error) {
	if c.root, err = os.Open(c.t.mountpoint()); err != nil {
		return nil, nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	c.cmd = exec.Command(exe, workerArg)
	c.cmd.Stderr = &c.stderr
	if in, err = c.cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	if out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, nil, err
	}
	c.orders = gob.NewEncoder(in)
	return in, out, c.cmd.Start()
}

// end makes the fate come: the power goes, or the process.
func (c *cycle) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked()
}

func (c *cycle) endLocked() {
	if c.over {
		return
	}
	c.over = true
	c.t.ledger.expired, c.t.ledger.dark = true, !c.fate.kill
	if c.fate.kill {
		c.err = errors.Join(c.err, c.cmd.Process.Kill())
	} else if err := cutPower(c.root); err != nil {
		c.err = fmt.Errorf("cut the power: %w", err)
	}
	c.root.Close()
	close(c.done)
}

func (c *cycle) blame(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.ledger.fault("%s", text)
}

// listen takes in what the worker tells until it is dead.
func (c *cycle) listen(out io.Reader, began time.Time) {
	messages := gob.NewDecoder(out)
	for {
		var m message
		if messages.Decode(&m) != nil {
			return // cut short by the kill
		}
		c.mu.Lock()
		c.hear(&m, began)
		c.mu.Unlock()
	}
}

func (c *cycle) hear(m *message, began time.Time) {
	l := c.t.ledger
	switch m.Kind {
	case msgOpened:
		if c.over {
			return // it may have read what was in memory only
		}
		c.t.opens = append(c.t.opens, time.Since(began))
		l.judge(m.Found)
		c.found()
	case msgEvent:
		c.t.events[m.Text]++
		c.t.cutBytes += m.Cut
	default:
		l.hear(m)
	}
	if c.armed && m.Kind == c.fate.on {
		if c.fate.skip--; c.fate.skip < 0 {
			c.endLocked()
		}
	}
	if m.Kind == msgClosed || c.t.failed() {
		c.endLocked()
	}
}

// found lets a worker go on with what it found.
func (c *cycle) found() {
	if c.fate.when == asFound || c.t.failed() {
		c.endLocked()
		return
	}
	c.order(plan{Streams: c.t.ledger.plans()})
	switch c.fate.when {
	case underLoad:
		time.AfterFunc(c.fate.after, c.end)
	case onMessage:
		c.armed = true
		time.AfterFunc(promiseTimeout, c.end)
	case onceClosed:
		time.AfterFunc(c.fate.after, func() { c.order(plan{Close: true}) })
	}
}

// order may fail: the worker may just have died, which will be noticed.
func (c *cycle) order(p plan) { _ = c.orders.Encode(p) }

// buried judges how the worker ended. Nothing but the parent may end it.
func (c *cycle) buried(err error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 && c.stderr.Len() == 0 {
		return
	}
	c.blame(fmt.Sprintf("the worker ended by itself: %v\n%s", err, c.stderr.Bytes()))
}

func (t *trial) mountpoint() string { return filepath.Join(t.dir, "mount") }
