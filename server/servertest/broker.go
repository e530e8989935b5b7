package servertest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"moldau/logstore/vfs"
	"moldau/server"
)

// grace is how long a close waits for answers under way. A test that needs as
// much has failed.
const grace = 10 * time.Second

// Broker is a broker under test. Its methods fail the test rather than return
// errors, and belong to the test's goroutine.
type Broker struct {
	t      testing.TB
	cfg    server.Config
	server *server.Server // nil while it is down
	kills  int
}

// Start starts a broker, which is closed when the test ends. Of config, one at
// most, an empty DataDir is a temporary directory, an empty Listen a free port
// of 127.0.0.1, and a nil Logger writes to the test's log.
func Start(t testing.TB, config ...server.Config) *Broker {
	t.Helper()
	b := &Broker{t: t}
	if len(config) > 0 {
		b.cfg = config[0]
	}
	if b.cfg.DataDir == "" {
		b.cfg.DataDir = filepath.Join(t.TempDir(), "data")
	}
	if b.cfg.Listen == "" {
		b.cfg.Listen = "127.0.0.1:0"
	}
	if b.cfg.Logger == nil {
		b.cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	b.start()
	// From now on a restart comes back at the same address.
	b.cfg.Listen = b.Addr()
	t.Cleanup(b.Close)
	return b
}

func (b *Broker) start() {
	b.t.Helper()
	s, err := server.Start(b.cfg)
	if err != nil {
		b.t.Fatalf("start broker: %v", err)
	}
	b.server = s
}

// Addr is the broker's "host:port".
func (b *Broker) Addr() string {
	b.t.Helper()
	return b.up().Addr().String()
}

// DataDir is where the broker's data is. It changes with [Broker.Kill].
func (b *Broker) DataDir() string { return b.cfg.DataDir }

// Server is the broker itself.
func (b *Broker) Server() *server.Server {
	b.t.Helper()
	return b.up()
}

func (b *Broker) up() *server.Server {
	b.t.Helper()
	if b.server == nil {
		b.t.Fatal("the broker is down")
	}
	return b.server
}

// Close closes the broker cleanly. It may be called again.
func (b *Broker) Close() {
	b.t.Helper()
	if b.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := b.server.Shutdown(ctx); err != nil {
		b.t.Errorf("close broker: %v", err)
	}
	b.server = nil
}

// Kill leaves the data as kill -9 would: connections are cut, nothing is
// flushed, no file tells of a clean close. A process cannot kill half of
// itself, so the data is copied at that moment, and the broker then closes what
// it had: [Broker.DataDir] is another one afterwards.
func (b *Broker) Kill() {
	b.t.Helper()
	b.leave(func() {
		if memory, ok := b.cfg.FS.(*vfs.Mem); ok {
			b.cfg.FS = memory.Clone()
			return
		}
		b.kills++
		left := filepath.Join(b.t.TempDir(), "killed"+strconv.Itoa(b.kills))
		if err := os.CopyFS(left, os.DirFS(b.cfg.DataDir)); err != nil {
			b.t.Fatalf("copy the killed broker's data: %v", err)
		}
		b.cfg.DataDir = left
	})
}

// LosePower is Kill of the whole machine: what was not synced is gone as well.
// The config's FS must be a [vfs.Mem].
func (b *Broker) LosePower() {
	b.t.Helper()
	memory, ok := b.cfg.FS.(*vfs.Mem)
	if !ok {
		b.t.Fatal("only a vfs.Mem can lose power")
	}
	b.leave(func() { b.cfg.FS = memory.Crash() })
}

// leave cuts the connections, takes the data as it is then, and closes the
// broker over what it had.
func (b *Broker) leave(takeData func()) {
	b.t.Helper()
	s := b.up()
	atOnce, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Disconnect(atOnce) // lost answers are what this is about
	takeData()
	// After a crash nothing of the old file system works, and need not.
	if err := s.Shutdown(context.Background()); err != nil && b.cfg.FS == nil {
		b.t.Errorf("close the killed broker: %v", err)
	}
	b.server = nil
}

// Restart starts the broker again after Close or Kill, at the same address. A
// config takes the place of the present one, but for where and on what it runs.
func (b *Broker) Restart(config ...server.Config) {
	b.t.Helper()
	if b.server != nil {
		b.t.Fatal("the broker is up")
	}
	if len(config) > 0 {
		next := config[0]
		next.Listen, next.DataDir, next.FS, next.Logger = b.cfg.Listen, b.cfg.DataDir, b.cfg.FS, b.cfg.Logger
		b.cfg = next
	}
	b.start()
}
