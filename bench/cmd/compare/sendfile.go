package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"moldau/server/compat/broker"
)

// share is how fetched bytes left, by Moldau's own counters.
type share struct {
	Fetched       int64   `json:"fetched"`
	SendfileBytes int64   `json:"sendfileBytes"`
	CopiedBytes   int64   `json:"copiedBytes"`
	Share         float64 `json:"share"`
}

// sendfileShare fills a topic, starts the broker again so that its counters
// start at nothing, lets a standard consumer fetch 1 GiB and closes cleanly:
// Moldau prints its counters then.
func sendfileShare(ctx context.Context, o options, dir string) (*share, error) {
	launch := broker.Launch{Binary: o.moldau, Durability: "os", Dir: dir, CPUs: o.brokerCPU}
	s, err := startSystem(ctx, o, launch)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.fill(ctx), s.broker.Stop()); err != nil {
		return nil, err
	}
	topic := s.filled
	if s, err = startSystem(ctx, o, launch); err != nil {
		return nil, err
	}
	read := row{command: "standard-fetch", partitions: 6, bytes: gib}
	done, err := s.load(ctx, &read, topic)
	if err := errors.Join(err, s.broker.Stop()); err != nil {
		return nil, err
	}
	log, err := os.ReadFile(s.broker.LogFile())
	if err != nil {
		return nil, err
	}
	r := &share{Fetched: done.Bytes}
	if r.SendfileBytes, err = counter(log, "sendfileBytes"); err != nil {
		return nil, err
	}
	if r.CopiedBytes, err = counter(log, "copiedBytes"); err != nil {
		return nil, err
	}
	if r.SendfileBytes+r.CopiedBytes < done.Bytes {
		return nil, fmt.Errorf("Moldau counts %d bytes, %d were fetched", r.SendfileBytes+r.CopiedBytes, done.Bytes)
	}
	r.Share = float64(r.SendfileBytes) / float64(r.SendfileBytes+r.CopiedBytes)
	return r, nil
}

// counter is the last value of a counter in the broker's log.
func counter(log []byte, name string) (int64, error) {
	found := regexp.MustCompile(name+`=(\d+)`).FindAllSubmatch(log, -1)
	if len(found) == 0 {
		return 0, fmt.Errorf("the broker's log has no %s", name)
	}
	return strconv.ParseInt(string(found[len(found)-1][1]), 10, 64)
}
