package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/bench/yardstick"
	"moldau/server/compat/broker"
)

// system is a running broker.
type system struct {
	*broker.Broker
	admin string // URL of its operators' listener
	cl    *kgo.Client
}

// launch starts a broker on a directory.
func launch(ctx context.Context, o options, dir, durability string) (*system, error) {
	port, err := broker.FreePort()
	if err != nil {
		return nil, err
	}
	admin := fmt.Sprintf("127.0.0.1:%d", port+1)
	b, err := broker.Start(ctx, broker.Launch{
		Binary: o.moldau, Dir: dir, Port: port, Durability: durability, Properties: []string{"moldau.admin.listener=" + admin},
	})
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		b.Kill()
		return nil, err
	}
	return &system{b, "http://" + admin, cl}, nil
}

// stop closes the broker cleanly and says how long that took.
func (s *system) stop() (time.Duration, error) {
	s.cl.Close()
	began := time.Now()
	err := s.Stop()
	return time.Since(began), err
}

// create asks for topics in one request. They are usable when it returns.
func (s *system) create(ctx context.Context, names []string, partitions int) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 120_000
	for _, name := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, int32(partitions), 1
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, s.cl)
	if err != nil {
		return err
	}
	for i := range resp.Topics {
		if err := kerr.ErrorForCode(resp.Topics[i].ErrorCode); err != nil {
			return fmt.Errorf("create %s: %w", resp.Topics[i].Topic, err)
		}
	}
	return nil
}

// heap is what of the broker's heap lives, after a collection.
func (s *system) heap() (int64, error) {
	for range 2 { // the second frees what finalizers of the first held
		if _, err := s.get("/debug/pprof/heap?gc=1"); err != nil {
			return 0, err
		}
	}
	text, err := s.get("/metrics?exclude=topics&exclude=groups")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "go_memstats_heap_alloc_bytes "); ok {
			bytes, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int64(bytes), err
		}
	}
	return 0, fmt.Errorf("no size of the heap in the broker's metrics")
}

func (s *system) get(path string) (string, error) {
	resp, err := http.Get(s.admin + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(b), err
}

// profiled runs do while a CPU profile of the broker is taken, for that many
// seconds, into a file of that name; without a directory it only runs do.
func (s *system) profiled(o options, name string, seconds int, do func() error) error {
	if o.profile == "" {
		return do()
	}
	kept := make(chan error, 1)
	go func() {
		profile, err := s.get(fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds))
		if err == nil {
			err = os.WriteFile(filepath.Join(o.profile, name+".pprof"), []byte(profile), 0o644)
		}
		kept <- err
	}()
	time.Sleep(100 * time.Millisecond) // until it has begun
	if err := do(); err != nil {
		return err
	}
	return <-kept
}

// cpu is the processor time the broker has used, in seconds.
func (s *system) cpu() (float64, error) {
	cpu, _, err := yardstick.Times(s.PID())
	return cpu, err
}
