package server

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"moldau/server/api"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
)

// settings checks the static configs and adds what the fields of Config say,
// so that DescribeConfigs shows it.
func (s *Server) settings() (configs.Layers, api.Endpoint, error) {
	dir, err := filepath.Abs(s.cfg.DataDir)
	if err != nil {
		return configs.Layers{}, api.Endpoint{}, err
	}
	s.cfg.DataDir = dir
	advertised, err := s.cfg.advertised(s.clients.Addr())
	if err != nil {
		return configs.Layers{}, api.Endpoint{}, err
	}
	static := s.cfg.Properties
	static["node.id"] = strconv.Itoa(int(s.cfg.NodeID))
	static["log.dirs"] = s.logDir()
	static["listeners"] = listenerText(s.cfg.protocol(), s.cfg.Listen, s.clients.Addr())
	if advertised != (api.Endpoint{}) {
		static["advertised.listeners"] = fmt.Sprintf("%s://%s", s.cfg.protocol(), net.JoinHostPort(advertised.Host, strconv.Itoa(int(advertised.Port))))
	}
	if err := configs.ValidateStatic(static); err != nil {
		return configs.Layers{}, api.Endpoint{}, err
	}
	s.warnOfUnknown(static)
	layers := configs.Layers{Static: static}
	s.limit(static, number(layers, "max.connections"), limitsOf(descriptorsMax(), int64(openFilesMax(layers))))
	return layers, advertised, nil
}

// warnOfUnknown names the properties that have no effect. They are no error:
// files written for Apache Kafka are full of them.
func (s *Server) warnOfUnknown(static map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(static)) {
		if _, known := configs.Broker(name); known {
			continue
		}
		s.logger.Warn("property has no effect", "name", name, "reason", whyWithoutEffect(name))
	}
}

// warnOfHalfHonoured tells what of the translated properties is not done.
func (s *Server) warnOfHalfHonoured(notes map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(notes)) {
		if notes[name] != "" {
			s.logger.Warn("property is honoured in part", "name", name, "reason", notes[name])
		}
	}
}

// listenerText is the listener as Kafka writes it, with the port that was
// taken where any would do.
func listenerText(protocol, listen string, bound net.Addr) string {
	host, _, _ := net.SplitHostPort(listen)
	return fmt.Sprintf("%s://%s", protocol, net.JoinHostPort(host, strconv.Itoa(bound.(*net.TCPAddr).Port)))
}

// layersOf is the broker's configs as of an image.
func layersOf(static configs.Layers, img *metadata.Image, node int32) configs.Layers {
	return configs.Layers{
		Broker:  img.BrokerConfig(node),
		Default: img.BrokerConfig(metadata.DefaultBroker),
		Static:  static.Static,
	}
}

func number(l configs.Layers, name string) int64 {
	v, _ := l.Value(name)
	return v.Int
}

func flag(l configs.Layers, name string) bool {
	v, _ := l.Value(name)
	return v.Bool()
}

// orNone is a limit of options whose zero value is a default: 0 as a config says
// none.
func orNone(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// idleForever is longer than any connection lasts.
const idleForever = 10 * 365 * 24 * time.Hour

// idleTimeout is Kafka's connections.max.idle.ms, of which a negative one never
// ends.
func idleTimeout(ms int64) time.Duration {
	if ms < 0 {
		return idleForever
	}
	return milliseconds(ms)
}

// milliseconds is a duration in which no deadline overflows.
func milliseconds(ms int64) time.Duration {
	if ms > idleForever.Milliseconds() {
		return idleForever
	}
	return time.Duration(ms) * time.Millisecond
}
