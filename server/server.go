package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"moldau/logstore"
	"moldau/server/admin"
	"moldau/server/api"
	"moldau/server/controller"
	"moldau/server/metadata/configs"
	"moldau/server/wire"
)

// Server is a running broker.
type Server struct {
	cfg    Config
	logger *slog.Logger

	clients  net.Listener
	health   *admin.Health
	admin    *admin.Server // nil for none
	adminAt  net.Addr
	stores   []admin.NamedStore // that are open
	wire     *wire.Server
	broker   *api.Broker
	accepted chan error // wire's Serve returned

	// close, in the order of opening; Shutdown runs them from the last to the
	// first.
	close []func(context.Context) error
}

// Run starts a broker and serves until ctx is done, then closes it cleanly. A
// broker that cannot go on is closed too, and its error returned.
func Run(ctx context.Context, cfg Config) error {
	s, err := Start(cfg)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err = <-s.accepted:
		s.accepted <- err
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownGrace)
	defer cancel()
	return errors.Join(err, s.Shutdown(grace))
}

// Start opens a broker. When it returns, clients are being served.
func Start(cfg Config) (_ *Server, err error) {
	cfg, notes, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, logger: cfg.Logger, health: admin.NewHealth(cfg.Clock), accepted: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Shutdown(context.Background()))
		}
	}()
	// The ports come first: they are the most likely to be taken, and nothing on
	// disk has been touched by then. Clients wait in the backlog meanwhile.
	if err := s.listen(); err != nil {
		return nil, err
	}
	s.warnOfHalfHonoured(notes)
	layers, advertised, err := s.settings()
	if err != nil {
		return nil, err
	}
	control, replicas, err := s.open(layers, advertised)
	if err != nil {
		return nil, err
	}
	groups, err := s.openGroups(layers, control, replicas)
	if err != nil {
		return nil, err
	}
	s.broker = api.New(api.Options{
		NodeID:                cfg.NodeID,
		Advertised:            advertised,
		Controller:            control,
		Replicas:              replicas,
		Groups:                groups,
		OffsetsTopic:          offsetsTopic(layers),
		OffsetsCommitTimeout:  time.Duration(number(layers, "offsets.commit.timeout.ms")) * time.Millisecond,
		Logger:                s.logger,
		Clock:                 cfg.Clock,
		LogDir:                s.logDir(),
		AutoCreateTopics:      flag(layers, "auto.create.topics.enable"),
		FetchBytesMax:         int(number(layers, "fetch.max.bytes")),
		DescribePartitionsMax: int(number(layers, "max.request.partition.size.limit")),
		FetchWaitsBytesMax:    orNone(number(layers, "moldau.fetch.waits.bytes.max")),
		FetchSessionsMax:      int(orNone(number(layers, "max.incremental.fetch.session.cache.slots"))),
		FetchSessionsBytesMax: number(layers, "moldau.fetch.sessions.bytes.max"),
	})
	if err := s.serve(layers, control); err != nil {
		return nil, err
	}
	s.observe(control, replicas, groups)
	s.logger.Info("moldau serves Kafka clients", "address", s.Addr().String(), "data", s.cfg.DataDir,
		"cluster", control.Image().ClusterID(), "node", cfg.NodeID)
	return s, nil
}

// Addr is the address that clients are accepted at.
func (s *Server) Addr() net.Addr { return s.clients.Addr() }

// AdminAddr is the address of the HTTP listener for operators, nil for none.
func (s *Server) AdminAddr() net.Addr { return s.adminAt }

// Counters are what the clients' listener did so far.
func (s *Server) Counters() wire.Counters { return s.wire.Counters() }

// FetchSessions are the broker's fetch sessions.
func (s *Server) FetchSessions() api.FetchSessionStats { return s.broker.FetchSessions() }

// FetchWaits are the fetches that wait for records.
func (s *Server) FetchWaits() api.FetchWaitStats { return s.broker.FetchWaits() }

// Log is a partition's log on this broker, for whoever embeds it. What is appended
// there passes by what the broker checks, and by its replicas.
func (s *Server) Log(tp logstore.TopicPartition) (*logstore.Log, error) {
	for _, named := range s.stores {
		if named.Name == dataStoreName {
			return named.Store.Log(tp)
		}
	}
	return nil, logstore.ErrNotFound
}

// Shutdown closes the broker: answers under way leave until ctx is done, then
// the stores are closed cleanly, whatever became of the clients.
func (s *Server) Shutdown(ctx context.Context) error {
	s.health.Enter(admin.Closing, nil)
	var errs []error
	for len(s.close) > 0 {
		errs = append(errs, s.closeLast(ctx))
	}
	return errors.Join(errs...)
}

// Disconnect is the first step of Shutdown alone: clients are gone when it
// returns, and what is on disk is open still.
func (s *Server) Disconnect(ctx context.Context) error {
	s.health.Enter(admin.Closing, nil)
	return s.closeLast(ctx)
}

func (s *Server) closeLast(ctx context.Context) error {
	last := len(s.close) - 1
	f := s.close[last]
	s.close = s.close[:last]
	return f(ctx)
}

func (s *Server) closing(f func(context.Context) error) { s.close = append(s.close, f) }

func (s *Server) listen() error {
	clients, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	if s.cfg.TLS != nil {
		config, err := newTLS(*s.cfg.TLS, s.logger)
		if err != nil {
			return fmt.Errorf("listen for clients by TLS: %w", errors.Join(err, clients.Close()))
		}
		clients = wire.NewTLSListener(clients, config)
	}
	s.clients = clients
	s.closing(func(context.Context) error { return ignoreClosed(clients.Close()) })
	if s.cfg.Admin == "" {
		return nil
	}
	l, err := net.Listen("tcp", adminAddress(s.cfg.Admin))
	if err != nil {
		return fmt.Errorf("listen for operators: %w", err)
	}
	s.admin, s.adminAt = admin.Start(l, admin.Options{Health: s.health, Logger: s.logger}), l.Addr()
	s.closing(s.admin.Shutdown)
	s.logger.Info("moldau answers operators", "address", s.adminAt.String())
	return nil
}

// ignoreClosed drops the error of closing a listener that another closed.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve starts the clients' listener.
func (s *Server) serve(layers configs.Layers, control *controller.Controller) error {
	s.wire = wire.NewServer(s.wireOptions(layers))
	if err := s.followLimits(layers, control); err != nil {
		return err
	}
	go func() {
		err := s.wire.Serve(s.clients)
		if errors.Is(err, wire.ErrServerClosed) {
			err = nil
		}
		s.accepted <- err
	}()
	s.closing(func(ctx context.Context) error {
		err := s.wire.Shutdown(ctx)
		<-s.accepted
		s.logCounters()
		return err
	})
	return nil
}
