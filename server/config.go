package server

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/api"
	"moldau/server/metadata/configs"
)

// Config is what a broker is started with. Fields that Kafka has a property for
// name it.
type Config struct {
	// Listen is the address to accept clients at, "host:port"; default
	// 127.0.0.1:9092. Port 0 takes a free one. Kafka: listeners.
	Listen string
	// Advertise is the "host:port" that clients are told to use. By default that
	// is Listen's host if it is a name, and else the address at which the asking
	// client reached the broker. Kafka: advertised.listeners.
	Advertise string
	// TLS has clients speak it; nil is plaintext.
	TLS *TLS
	// DataDir holds all that the broker keeps; default ./moldau-data. Kafka:
	// log.dirs, which as a property is taken for it, and is shown to clients as
	// DataDir/logs.
	DataDir string
	// FS holds the data in place of the operating system, for tests that crash
	// it; DataDir is a mere name then.
	FS vfs.FS
	// Admin is the "host:port" of the HTTP listener for operators; "" is none.
	// It has no password: without a host it is on a loopback address. Package
	// admin says what it answers.
	Admin string
	// NodeID is default 1. Kafka: node.id, which as a property can be 0.
	NodeID int32
	// ClusterID names a new cluster; "" draws one. An existing data directory
	// knows its cluster and refuses another. Kafka: cluster.id.
	ClusterID string
	// Properties are static broker configs by Kafka's names, such as
	// num.partitions, log.retention.ms or moldau.durability. Those that a field
	// is for, such as listeners, stand in where that field is not set; [Explain]
	// tells what becomes of each.
	Properties map[string]string

	// PartitionsMax is how many partitions all topics may have together before
	// further ones are refused with POLICY_VIOLATION; default 100,000. It bounds
	// memory and files on disk; files that are open are bounded by
	// moldau.open.files.max.
	PartitionsMax int

	// ShutdownGrace is how long a close waits for the answers that clients still
	// get; default 5 s.
	ShutdownGrace time.Duration
	// Logger is nil for slog.Default.
	Logger *slog.Logger
	// Clock is nil for real time.
	Clock logstore.Clock
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// withDefaults also returns what of the properties cannot be honoured, by name.
func (c Config) withDefaults() (Config, map[string]string, error) {
	c.Properties = maps.Clone(c.Properties)
	if c.Properties == nil {
		c.Properties = map[string]string{}
	}
	notes, hasNodeID, err := c.translate()
	if err != nil {
		return c, nil, err
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:9092"
	}
	if c.DataDir == "" {
		c.DataDir = "moldau-data"
	}
	if c.NodeID == 0 && !hasNodeID {
		c.NodeID = 1
	}
	if c.ShutdownGrace == 0 {
		c.ShutdownGrace = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	return c, notes, c.check()
}

// translate takes the properties that are for fields out of Properties.
func (c *Config) translate() (notes map[string]string, hasNodeID bool, err error) {
	t := newTranslation(maps.Clone(c.Properties))
	t.run(c)
	for _, name := range slices.Sorted(maps.Keys(t.errs)) {
		return nil, false, t.errs[name]
	}
	for name := range t.became {
		delete(c.Properties, name)
	}
	return t.notes, t.hasNodeID, nil
}

// Validate reports what is wrong with a config by itself. What depends on the
// machine, as an address that is taken, is found by [Start].
func (c Config) Validate() error {
	_, _, err := c.withDefaults()
	return err
}

// check requires that properties are translated.
func (c *Config) check() error {
	for _, a := range []struct{ name, address string }{{"listen", c.Listen}, {"admin", c.Admin}} {
		if a.address == "" {
			continue
		}
		if err := checkAddress(a.address); err != nil {
			return fmt.Errorf("%s address %q is not host:port: %w", a.name, a.address, err)
		}
	}
	if c.Advertise != "" {
		if _, err := parseEndpoint(c.Advertise); err != nil {
			return err
		}
	}
	if c.TLS != nil {
		if err := c.TLS.check(); err != nil {
			return err
		}
	}
	switch {
	case c.NodeID < 0:
		return errors.New("node.id is negative")
	case c.PartitionsMax < 0:
		return errors.New("PartitionsMax is negative")
	}
	return configs.ValidateStatic(c.Properties)
}

// checkAddress is about the form alone: names are for the system to resolve.
func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return err
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err
}

// protocol is the listener's, and its name.
func (c *Config) protocol() string {
	if c.TLS != nil {
		return encrypted
	}
	return plaintext
}

// advertised is the address that clients are told whatever way they came, or
// the zero Endpoint if that depends on the way.
func (c *Config) advertised(bound net.Addr) (api.Endpoint, error) {
	if c.Advertise != "" {
		return parseEndpoint(c.Advertise)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return api.Endpoint{}, err
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return api.Endpoint{}, nil
	}
	return api.Endpoint{Host: host, Port: int32(bound.(*net.TCPAddr).Port)}, nil
}

func parseEndpoint(s string) (api.Endpoint, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return api.Endpoint{}, fmt.Errorf("advertised address: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" {
		return api.Endpoint{}, fmt.Errorf("advertised address %q is not host:port", s)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		return api.Endpoint{}, fmt.Errorf("advertised address %q is one that no client can connect to", s)
	}
	return api.Endpoint{Host: host, Port: int32(n)}, nil
}
