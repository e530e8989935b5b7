package main

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

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
)

const topic = "traced"

// traced is a broker, and the calls that it makes while a function runs.
type traced struct {
	broker *broker.Broker
	client *kgo.Client
	file   string // strace's output
}

// startTraced starts a broker on a new directory with the topic in it.
func startTraced(ctx context.Context, durability string, partitions int32) (*traced, error) {
	binary, err := broker.Build(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "strace-")
	if err != nil {
		return nil, err
	}
	port, err := broker.FreePort()
	if err != nil {
		return nil, err
	}
	b, err := broker.Start(ctx, broker.Launch{Binary: binary, Dir: dir, Port: port, Durability: durability})
	if err != nil {
		return nil, err
	}
	t := &traced{broker: b, file: filepath.Join(dir, "strace.out")}
	t.client, err = kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	created, err := kadm.NewClient(t.client).CreateTopic(ctx, partitions, 1, nil, topic)
	if err = errors.Join(err, created.Err); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *traced) close() error {
	if t.client != nil {
		t.client.Close()
	}
	return errors.Join(t.broker.Stop(), os.RemoveAll(t.broker.Dir))
}

// watch attaches strace to the running broker, runs f and returns the calls.
// Attaching keeps the broker's start, and its signals, out of it.
func (t *traced) watch(ctx context.Context, calls string, f func() error) ([]call, error) {
	cmd := exec.CommandContext(ctx, "strace", "-f", "-yy", "-s", "65536", "-e", "trace="+calls, "-e", "signal=none",
		"-o", t.file, "-p", strconv.Itoa(t.broker.PID()))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("strace is needed: %w", err)
	}
	said := bufio.NewReader(stderr)
	attached, err := said.ReadString('\n')
	if err != nil || !strings.Contains(attached, "attached") {
		return nil, fmt.Errorf("strace does not attach: %s", attached)
	}
	go io.Copy(io.Discard, said)
	failed := f()
	_ = cmd.Process.Signal(syscall.SIGINT) // detaches
	if err := cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return nil, err
		}
	}
	if failed != nil {
		return nil, failed
	}
	out, err := os.Open(t.file)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	return parse(out)
}
