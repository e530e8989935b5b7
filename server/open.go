package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/api"
	"moldau/server/controller"
	"moldau/server/metadata"
	"moldau/server/metadata/configs"
	"moldau/server/replica"
)

// Where things lie in the data directory. A store keeps its logs in "logs".
const (
	dataStore     = "."
	dataLogs      = "logs"
	metadataStore = "moldau/metadata"
)

func (s *Server) logDir() string { return filepath.Join(s.cfg.DataDir, dataLogs) }

// open opens what is on disk, from the cluster's metadata to the last log.
func (s *Server) open(static configs.Layers, advertised api.Endpoint) (*controller.Controller, *replica.Manager, error) {
	fsys, err := s.openData()
	if err != nil {
		return nil, nil, err
	}
	known, err := readMetaProperties(fsys)
	if err != nil {
		return nil, nil, err
	}
	clusterID := s.cfg.ClusterID
	if known != nil {
		if err := known.check(s.cfg.NodeID, clusterID); err != nil {
			return nil, nil, err
		}
		clusterID = known.clusterID
	}
	control, err := s.openController(fsys, clusterID, static, advertised)
	if err != nil {
		return nil, nil, err
	}
	logConfig := func(img *metadata.Image, t *metadata.Topic) (logstore.Config, error) {
		return layersOf(static, img, s.cfg.NodeID).Log(t.Configs)
	}
	store, err := s.openStore(fsys, dataStore, logstore.Options{
		ConfigFor: func(tp logstore.TopicPartition) logstore.Config { return found(control.Image(), tp, logConfig) },
	})
	if err != nil {
		return nil, nil, err
	}
	if known == nil {
		known = &metaProperties{control.Image().ClusterID(), s.cfg.NodeID, newDirectoryID()}
		if err := known.write(fsys); err != nil {
			return nil, nil, err
		}
	}
	replicas := replica.New(replica.Options{
		Store: store, NodeID: s.cfg.NodeID, LogConfig: logConfig, Logger: s.logger, Clock: s.cfg.Clock,
	})
	return control, replicas, control.Subscribe(replicas.Apply)
}

// openData opens the data directory.
func (s *Server) openData() (vfs.FS, error) {
	if s.cfg.FS != nil {
		return s.cfg.FS, nil
	}
	fsys, err := vfs.OpenOS(s.cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	s.closing(func(context.Context) error { return fsys.Close() })
	return fsys, nil
}

func (s *Server) openController(fsys vfs.FS, clusterID string, static configs.Layers, advertised api.Endpoint) (*controller.Controller, error) {
	store, err := s.openStore(fsys, metadataStore, logstore.Options{})
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
		ClusterID: clusterID, Static: static.Static, PartitionsMax: s.cfg.PartitionsMax, Clock: s.cfg.Clock, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	s.closing(func(context.Context) error { return control.Close() })
	return control, nil
}

func (s *Server) openStore(fsys vfs.FS, dir string, o logstore.Options) (*logstore.Store, error) {
	o.FS, o.Clock = fsys, s.cfg.Clock
	o.Events = s.logEvent
	store, err := logstore.Open(dir, o)
	if errors.Is(err, logstore.ErrLocked) {
		return nil, fmt.Errorf("%s is in use by another Moldau or an Apache Kafka: %w", s.cfg.DataDir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open data in %s: %w", s.cfg.DataDir, err)
	}
	s.closing(func(context.Context) error { return store.Close() })
	return store, nil
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
