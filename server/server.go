package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"moldau/logstore"
	"moldau/server/api"
	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/replica"
	"moldau/server/wire"
)

// Server is a running broker.
type Server struct {
	cfg    Config
	logger *slog.Logger

	clients  net.Listener
	admin    *admin
	adminAt  net.Addr
	wire     *wire.Server
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
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, logger: cfg.Logger, accepted: make(chan error, 1)}
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
	layers, advertised, err := s.settings()
	if err != nil {
		return nil, err
	}
	control, replicas, err := s.open(layers, advertised)
	if err != nil {
		return nil, err
	}
	s.serve(api.New(api.Options{
		NodeID:                cfg.NodeID,
		Advertised:            advertised,
		Controller:            control,
		Replicas:              replicas,
		Logger:                s.logger,
		Clock:                 cfg.Clock,
		LogDir:                s.logDir(),
		AutoCreateTopics:      flag(layers, "auto.create.topics.enable"),
		FetchBytesMax:         int(number(layers, "fetch.max.bytes")),
		DescribePartitionsMax: int(number(layers, "max.request.partition.size.limit")),
	}), layers)
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

// Shutdown closes the broker: answers under way leave until ctx is done, then
// the stores are closed cleanly, whatever became of the clients.
func (s *Server) Shutdown(ctx context.Context) error {
	var errs []error
	for len(s.close) > 0 {
		errs = append(errs, s.closeLast(ctx))
	}
	return errors.Join(errs...)
}

// Disconnect is the first step of Shutdown alone: clients are gone when it
// returns, and what is on disk is open still.
func (s *Server) Disconnect(ctx context.Context) error { return s.closeLast(ctx) }

func (s *Server) closeLast(ctx context.Context) error {
	last := len(s.close) - 1
	f := s.close[last]
	s.close = s.close[:last]
	return f(ctx)
}

func (s *Server) closing(f func(context.Context) error) { s.close = append(s.close, f) }

func (s *Server) logDir() string { return filepath.Join(s.cfg.DataDir, "logs") }

func (s *Server) listen() error {
	clients, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	s.clients = clients
	s.closing(func(context.Context) error { return ignoreClosed(clients.Close()) })
	if s.cfg.Admin == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.Admin)
	if err != nil {
		return fmt.Errorf("listen for operators: %w", err)
	}
	s.admin, s.adminAt = startAdmin(l), l.Addr()
	s.closing(s.admin.shutdown)
	return nil
}

// ignoreClosed drops the error of closing a listener that another closed.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

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
	static["listeners"] = listenerText(s.cfg.Listen, s.clients.Addr())
	if advertised != (api.Endpoint{}) {
		static["advertised.listeners"] = fmt.Sprintf("PLAINTEXT://%s", net.JoinHostPort(advertised.Host, strconv.Itoa(int(advertised.Port))))
	}
	if err := configs.ValidateStatic(static); err != nil {
		return configs.Layers{}, api.Endpoint{}, err
	}
	return configs.Layers{Static: static}, advertised, nil
}

// listenerText is the listener as Kafka writes it, with the port that was
// taken where any would do.
func listenerText(listen string, bound net.Addr) string {
	host, _, _ := net.SplitHostPort(listen)
	return fmt.Sprintf("PLAINTEXT://%s", net.JoinHostPort(host, strconv.Itoa(bound.(*net.TCPAddr).Port)))
}

// open opens what is on disk, from the cluster's metadata to the last log.
func (s *Server) open(static configs.Layers, advertised api.Endpoint) (*controller.Controller, *replica.Manager, error) {
	known, err := readMetaProperties(s.logDir())
	if err != nil {
		return nil, nil, err
	}
	clusterID := s.cfg.ClusterID
	if known != nil {
		if err := known.check(s.logDir(), s.cfg.NodeID, clusterID); err != nil {
			return nil, nil, err
		}
		clusterID = known.clusterID
	}
	control, err := s.openController(clusterID, static, advertised)
	if err != nil {
		return nil, nil, err
	}
	logConfig := func(img *metadata.Image, t *metadata.Topic) (logstore.Config, error) {
		return layersOf(static, img, s.cfg.NodeID).Log(t.Configs)
	}
	// A store keeps its logs in logs below its directory.
	store, err := s.openStore(s.cfg.DataDir, logstore.Options{
		ConfigFor: func(tp logstore.TopicPartition) logstore.Config { return found(control.Image(), tp, logConfig) },
	})
	if err != nil {
		return nil, nil, err
	}
	if known == nil {
		known = &metaProperties{control.Image().ClusterID(), s.cfg.NodeID, newDirectoryID()}
		if err := known.write(s.logDir()); err != nil {
			return nil, nil, err
		}
	}
	replicas := replica.New(replica.Options{Store: store, NodeID: s.cfg.NodeID, LogConfig: logConfig, Logger: s.logger})
	return control, replicas, control.Subscribe(replicas.Apply)
}

func (s *Server) openController(clusterID string, static configs.Layers, advertised api.Endpoint) (*controller.Controller, error) {
	store, err := s.openStore(filepath.Join(s.cfg.DataDir, "moldau", "metadata"), logstore.Options{})
	if err != nil {
		return nil, err
	}
	listener := metadata.Listener{Name: "PLAINTEXT", Host: advertised.Host, Port: uint16(advertised.Port)}
	if advertised == (api.Endpoint{}) {
		bound := s.clients.Addr().(*net.TCPAddr)
		listener.Host, listener.Port = bound.IP.String(), uint16(bound.Port)
	}
	control, err := controller.Open(controller.Options{
		Store: store, NodeID: s.cfg.NodeID, Listeners: []metadata.Listener{listener},
		ClusterID: clusterID, Static: static.Static, Clock: s.cfg.Clock, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	s.closing(func(context.Context) error { return control.Close() })
	return control, nil
}

func (s *Server) openStore(dir string, o logstore.Options) (*logstore.Store, error) {
	o.Clock = s.cfg.Clock
	o.Events = s.logEvent
	store, err := logstore.Open(dir, o)
	if errors.Is(err, logstore.ErrLocked) {
		return nil, fmt.Errorf("%s is in use: another Moldau or Apache Kafka runs on it: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	s.closing(func(context.Context) error { return store.Close() })
	return store, nil
}

// layersOf is the broker's configs as of an image.
func layersOf(static configs.Layers, img *metadata.Image, node int32) configs.Layers {
	return configs.Layers{
		Broker:  img.BrokerConfig(node),
		Default: img.BrokerConfig(metadata.DefaultBroker),
		Static:  static.Static,
	}
}

// found configures a log found on disk. One that no topic has, or whose
// configuration is not understood, keeps everything: retention by defaults
// would delete what nobody decided about.
func found(img *metadata.Image, tp logstore.TopicPartition, of func(*metadata.Image, *metadata.Topic) (logstore.Config, error)) logstore.Config {
	if t, ok := img.Topic(tp.Topic); ok {
		if c, err := of(img, t); err == nil {
			return c
		}
	}
	keep := logstore.DefaultConfig()
	keep.RetentionMs, keep.RetentionBytes = -1, -1
	return keep
}

// serve starts the clients' listener.
func (s *Server) serve(handler wire.Handler, layers configs.Layers) {
	s.wire = wire.NewServer(wire.Options{
		Handler: handler, Logger: s.logger,
		FrameBytesMax:   int(number(layers, "socket.request.max.bytes")),
		ConnectionsMax:  int(number(layers, "max.connections")),
		MaxConnsPerAddr: int(number(layers, "max.connections.per.ip")),
		IdleTimeout:     time.Duration(number(layers, "connections.max.idle.ms")) * time.Millisecond,
	})
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
}

func number(l configs.Layers, name string) int64 {
	v, _ := l.Value(name)
	return v.Int
}

func flag(l configs.Layers, name string) bool {
	v, _ := l.Value(name)
	return v.Bool()
}
