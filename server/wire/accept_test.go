package wire_test

import (
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"moldau/server/wire"
)

// in proves that a connection is served.
func (c client) in(t *testing.T) {
	t.Helper()
	c.write(t, frame(1, "in"))
	c.expect(t, 1, "in")
}

func TestConnectionLimits(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	for _, r := range []struct {
		name    string
		options wire.Options
		perAddr int64
	}{
		{"all", wire.Options{ConnectionsMax: 2}, 0},
		{"per address", wire.Options{Limits: wire.Limits{PerAddrMax: 2}}, 1},
		{"an address of its own", wire.Options{Limits: wire.Limits{PerAddrMax: 1, PerAddr: map[netip.Addr]int{loopback: 2}}}, 1},
	} {
		t.Run(r.name, func(t *testing.T) {
			r.options.Handler = echoing
			s := start(t, r.options)
			first, second := s.dial(t), s.dial(t)
			first.in(t)
			second.in(t)
			s.dial(t).expectClosed(t)
			first.Close()
			for s.Counters().Connections > 1 {
				runtime.Gosched()
			}
			s.dial(t).in(t)
			s.stop(t)
			if n := s.Counters(); n.Refused != 1 || n.RefusedPerAddr != r.perAddr || n.Accepted != 3 || n.Connections != 0 || n.Delayed != 0 {
				t.Errorf("counted %+v", n)
			}
			if !s.log.contains("connection refused") {
				t.Error("the log does not say so")
			}
		})
	}
}

// New limits are about new connections.
func TestConnectionLimitsChange(t *testing.T) {
	s := start(t, wire.Options{Handler: echoing})
	first := s.dial(t)
	first.in(t)
	s.SetLimits(wire.Limits{PerAddr: map[netip.Addr]int{netip.MustParseAddr("127.0.0.1"): 0}})
	s.dial(t).expectClosed(t)
	first.in(t)
	s.SetLimits(wire.Limits{PerAddr: map[netip.Addr]int{netip.MustParseAddr("127.0.0.2"): 0}})
	s.dial(t).in(t)
}

func TestTurnsOfARate(t *testing.T) {
	const ms = time.Millisecond
	for _, r := range []struct {
		name string
		at   []time.Duration
		want []time.Duration
	}{
		{"a burst, then one by one", []time.Duration{0, 0, 0, 0, 0, 0}, []time.Duration{0, 0, 0, 0, 250 * ms, 500 * ms}},
		{"quiet is not saved up for ever", []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}, []time.Duration{0, 0, 0, 0, 250 * ms}},
		{"as fast as allowed", []time.Duration{0, 250 * ms, 500 * ms, 750 * ms, 1000 * ms}, make([]time.Duration, 5)},
		{"turns come back", []time.Duration{0, 0, 0, 0, 0, 500 * ms}, []time.Duration{0, 0, 0, 0, 250 * ms, 0}},
		{"a clock that goes back", []time.Duration{time.Second, 0, 0, 0, 0, 0}, []time.Duration{0, 0, 0, 0, 250 * ms, 500 * ms}},
	} {
		if got := wire.TakeTurns(4, r.at...); !slices.Equal(got, r.want) {
			t.Errorf("%s: %v, want %v", r.name, got, r.want)
		}
	}
}

// Connections that come too fast are served all the same, later.
func TestConnectionsThatComeTooFastWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := startOn(t, wire.Options{Handler: echoing, Limits: wire.Limits{RateMax: 4}}, p)
		began := time.Now()
		var at []time.Duration
		storm := func(n int) {
			for range n {
				p.dial(t).in(t)
				at = append(at, time.Since(began))
			}
		}
		storm(6)
		const ms = time.Millisecond
		if want := []time.Duration{0, 0, 0, 0, 250 * ms, 500 * ms}; !slices.Equal(at, want) {
			t.Errorf("served at %v, want %v", at, want)
		}
		if n := s.Counters(); n.Delayed != 2 || n.Accepted != 6 || n.Refused != 0 || !s.log.contains("come faster") {
			t.Errorf("counted %+v", n)
		}
		s.SetLimits(wire.Limits{RateMax: 1000})
		at, began = nil, time.Now()
		storm(2)
		if want := []time.Duration{ms, 2 * ms}; !slices.Equal(at, want) {
			t.Errorf("with a higher rate served at %v, want %v", at, want)
		}
		s.stop(t)
	})
}

// A server that ends does not wait for anybody's turn.
func TestDelayedConnectionEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := startOn(t, wire.Options{Handler: echoing, Limits: wire.Limits{RateMax: 1}}, p)
		p.dial(t).in(t)
		late := p.dial(t)
		synctest.Wait()
		began := time.Now()
		s.stop(t)
		late.expectClosed(t)
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v", d)
		}
	})
}

// The default must not be noticed by a storm of honest clients.
func TestDefaultRateLetsAStormPass(t *testing.T) {
	const conns = 500
	s := start(t, wire.Options{Handler: echoing})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range conns / 10 {
				s.dial(t).in(t)
			}
		})
	}
	all.Wait()
	if n := s.Counters(); n.Delayed != 0 || n.Accepted != conns {
		t.Errorf("counted %+v", n)
	}
}
