package server

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
)

// In the package, because the limit of a process cannot be chosen in a test.
func TestDescriptorsAreDivided(t *testing.T) {
	for _, r := range []struct {
		descriptors, openFiles int64
		connections            int
	}{
		{0, 0, 1<<31 - 1},
		{0, 100, 1<<31 - 1},
		{4, 0, 1},
		{64, 0, 8},
		{1024, 0, 224},
		{1024, 600, 355},
		{1024, 5000, 128},
		{20_000, 0, 4968},
		{20_000, 4000, 15_718},
		{1 << 62, 0, (1<<31-1)/4 - descriptorsReserve},
	} {
		if got := limitsOf(r.descriptors, r.openFiles); got.connections != r.connections {
			t.Errorf("%d descriptors, %d for logs: %d connections, want %d", r.descriptors, r.openFiles, got.connections, r.connections)
		}
	}
}

// What is in force is what is shown.
func TestConnectionsAreClamped(t *testing.T) {
	var log bytes.Buffer
	s := &Server{logger: slog.New(slog.NewTextHandler(&log, nil))}
	static := map[string]string{}
	s.limit(static, 200, limitsOf(1024, 0))
	if len(static) != 0 || log.Len() != 0 || s.cfg.PartitionsMax != partitionsMaxDefault {
		t.Errorf("200 of 224 connections: %v, %q, %d partitions", static, &log, s.cfg.PartitionsMax)
	}
	s.limit(static, 10_000, limitsOf(1024, 0))
	if static["max.connections"] != "224" || !strings.Contains(log.String(), "level=INFO") || !strings.Contains(log.String(), "max.connections=224") {
		t.Errorf("10,000 connections: %v, %q", static, &log)
	}
	log.Reset()
	s.limit(map[string]string{"max.connections": "500"}, 500, limitsOf(1024, 0))
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("500 connections that were asked for: %q", &log)
	}
	s.cfg.PartitionsMax = 5
	s.limit(static, 1, limitsOf(1024, 0))
	if s.cfg.PartitionsMax != 5 {
		t.Errorf("PartitionsMax became %d", s.cfg.PartitionsMax)
	}
}

func TestIdleTimeout(t *testing.T) {
	for ms, want := range map[int64]time.Duration{1: time.Millisecond, 600_000: 10 * time.Minute, -1: idleForever, math.MaxInt64: idleForever} {
		if got := idleTimeout(ms); got != want {
			t.Errorf("%d ms is %v, want %v", ms, got, want)
		}
	}
}
