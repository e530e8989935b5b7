package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"moldau/server/compat/broker"
	"moldau/server/compat/suite"
)

// foreign is a suite as its folder describes it.
type foreign struct {
	name, dir  string
	quick      bool
	pins       []suite.Pin
	host       string // with port: where the suite insists on its broker
	port       int
	properties []string
}

// find reads the folders of all suites.
func find(dir string) ([]foreign, error) {
	runs, err := filepath.Glob(filepath.Join(dir, "*", "run"))
	if err != nil {
		return nil, err
	}
	var all []foreign
	for _, path := range runs {
		s := foreign{dir: filepath.Dir(path)}
		s.name = filepath.Base(s.dir)
		if s.pins, err = suite.ReadPins(filepath.Join(s.dir, "pinned")); err != nil {
			return nil, err
		}
		if err := s.readBroker(filepath.Join(s.dir, "broker")); err != nil {
			return nil, err
		}
		_, err := os.Stat(filepath.Join(s.dir, "quick"))
		s.quick = err == nil
		all = append(all, s)
	}
	return all, nil
}

// readBroker reads what the suite wants of its broker.
func (s *foreign) readBroker(file string) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("%s: %q is not key=value", file, line)
		}
		if key != "listen" {
			s.properties = append(s.properties, line)
			continue
		}
		host, port, err := net.SplitHostPort(value)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		s.host = host
		if s.port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// launch says which broker the suite gets.
func (s *foreign) launch(binary, dir string) (broker.Launch, error) {
	l := broker.Launch{Binary: binary, Dir: dir, Host: s.host, Port: s.port, Properties: s.properties}
	// The real Kafka is started with this one: dozens of groups would wait 3 s each
	// for members to come.
	const delay = "group.initial.rebalance.delay.ms="
	if !slices.ContainsFunc(s.properties, func(p string) bool { return strings.HasPrefix(p, delay) }) {
		l.Properties = append([]string{delay + "0"}, s.properties...)
	}
	if s.port == 0 {
		var err error
		l.Port, err = broker.FreePort()
		return l, err
	}
	// Another broker there would be tested in the place of ours.
	if !broker.Free(s.host, s.port) {
		return l, fmt.Errorf("the suite insists on a broker at %s, which is taken", l.Addr())
	}
	return l, nil
}
