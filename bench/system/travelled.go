package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"moldau/bench/client"
)

// Travel is how fetched bytes left, by Moldau's own counters.
type Travel struct {
	Sendfile, Copied int64 // bytes
}

// Share is the part that went by sendfile.
func (t Travel) Share() float64 { return float64(t.Sendfile) / float64(max(1, t.Sendfile+t.Copied)) }

// Travelled lets a client fetch from a Moldau of its own: a topic is filled, the
// broker is started again, so that its counters start at nothing, and is closed
// cleanly after the load, when it prints them.
func (p *Pool) Travelled(ctx context.Context, c Content, l client.Load) (t Travel, err error) {
	launch, err := p.launch(ctx, Moldau)
	if err != nil {
		return t, err
	}
	dir, err := p.Directory()
	if err != nil {
		return t, err
	}
	launch.Dir = filepath.Join(dir, Moldau)
	defer os.RemoveAll(dir)
	s, err := start(ctx, Moldau, launch)
	if err != nil {
		return t, err
	}
	l.Topic, err = s.Filled(ctx, p.session.ClientCPUs, c)
	if err := errors.Join(err, s.Close()); err != nil {
		return t, err
	}
	if s, err = start(ctx, Moldau, launch); err != nil {
		return t, err
	}
	_, done, err := s.Measure(ctx, p.session.ClientCPUs, l)
	if err := errors.Join(err, s.Close()); err != nil {
		return t, err
	}
	log, err := os.ReadFile(launch.LogFile())
	if err != nil {
		return t, err
	}
	if t, err = travelCounters(log); err == nil && t.Sendfile+t.Copied < done.Bytes {
		err = fmt.Errorf("Moldau counts %d bytes, %d were fetched", t.Sendfile+t.Copied, done.Bytes)
	}
	return t, err
}

// travelCounters reads the last values in a broker's log.
func travelCounters(log []byte) (t Travel, err error) {
	for name, value := range map[string]*int64{"sendfileBytes": &t.Sendfile, "copiedBytes": &t.Copied} {
		found := regexp.MustCompile(name+`=(\d+)`).FindAllSubmatch(log, -1)
		if len(found) == 0 {
			return t, fmt.Errorf("the broker's log has no %s", name)
		}
		if *value, err = strconv.ParseInt(string(found[len(found)-1][1]), 10, 64); err != nil {
			return t, err
		}
	}
	return t, nil
}
