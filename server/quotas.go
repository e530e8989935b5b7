package server

import (
	"maps"
	"math"

	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/wire"
)

// What a broker grants to its clients, by configs. All have finite defaults.

// wireOptions are the clients' listener's.
func (s *Server) wireOptions(l configs.Layers) wire.Options {
	inFlight := number(l, "queued.max.request.bytes")
	if inFlight < 0 {
		inFlight = math.MaxInt64
	}
	readAhead := number(l, "moldau.fetch.read.ahead.bytes")
	if readAhead == 0 {
		readAhead = -1
	}
	return wire.Options{
		Handler: s.broker, Logger: s.logger,
		FrameBytesMax:     int(number(l, "socket.request.max.bytes")),
		InFlightBytesMax:  inFlight,
		ConnectionsMax:    int(number(l, "max.connections")),
		Limits:            connectionLimits(l),
		PipelineMax:       int(number(l, "moldau.connections.replies.max")),
		RepliesBytesMax:   number(l, "moldau.replies.bytes.max"),
		ReadAheadBytesMax: readAhead,
		IdleTimeout:       idleTimeout(number(l, "connections.max.idle.ms")),
		FrameTimeout:      milliseconds(number(l, "moldau.connections.read.timeout.ms")),
		WriteTimeout:      milliseconds(number(l, "moldau.connections.write.timeout.ms")),
	}
}

// connectionLimits are those that may change at run time.
func connectionLimits(l configs.Layers) wire.Limits {
	v, _ := l.Value("max.connections.per.ip.overrides")
	perAddr, _ := configs.AddressLimits(v.Text) // checked when it was set
	return wire.Limits{
		PerAddrMax: int(number(l, "max.connections.per.ip")),
		PerAddr:    perAddr,
		RateMax:    int(number(l, "max.connection.creation.rate")),
	}
}

// followLimits keeps the listener's limits those of the broker's configs.
func (s *Server) followLimits(static configs.Layers, control *controller.Controller) error {
	return control.Subscribe(func(prev, next *metadata.Image) error {
		for _, id := range []int32{s.cfg.NodeID, metadata.DefaultBroker} {
			if !maps.Equal(prev.BrokerConfig(id), next.BrokerConfig(id)) {
				s.wire.SetLimits(connectionLimits(layersOf(static, next, s.cfg.NodeID)))
				break
			}
		}
		return nil
	})
}
