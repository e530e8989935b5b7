package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/admin"
	"moldau/server/api"
	"moldau/server/controller"
	"moldau/server/kraft"
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

// open opens what is on disk. The logs come first, because the lock on their
// directory is Kafka's own: nothing is written anywhere while a Kafka, or another
// of us, is at work there.
func (s *Server) open(static configs.Layers, advertised api.Endpoint) (*controller.Controller, *replica.Manager, error) {
	fsys, err := s.openData()
	if err != nil {
		return nil, nil, err
	}
	known, err := kraft.ReadMetaProperties(fsys, dataLogs)
	if err != nil {
		return nil, nil, err
	}
	clusterID := s.cfg.ClusterID
	if known != nil {
		if err := checkOwner(known, s.cfg.NodeID, clusterID); err != nil {
			return nil, nil, err
		}
		clusterID = known.ClusterID
	}
	store, err := s.openStore(fsys, dataStore, dataStoreName, admin.OpeningLogs, dataOptions(static))
	if err != nil {
		return nil, nil, err
	}
	control, err := s.openController(fsys, clusterID, static, advertised)
	if err != nil {
		return nil, nil, err
	}
	if err := checkMetadata(control.Image(), store); err != nil {
		return nil, nil, err
	}
	if known == nil {
		known = &kraft.MetaProperties{ClusterID: control.Image().ClusterID(), NodeID: s.cfg.NodeID, DirectoryID: kraft.NewDirectoryID()}
		if err := known.Write(fsys, dataLogs); err != nil {
			return nil, nil, err
		}
	}
	replicas := replica.New(replica.Options{
		Store: store, NodeID: s.cfg.NodeID, Logger: s.logger, Clock: s.cfg.Clock,
		LogConfig: func(img *metadata.Image, t *metadata.Topic) (logstore.Config, error) {
			return layersOf(static, img, s.cfg.NodeID).Log(t.Configs)
		},
	})
	s.health.Enter(admin.OpeningPartitions, nil)
	return control, replicas, control.Subscribe(replicas.Apply)
}

// dataOptions are those of the store of the topics' logs.
func dataOptions(static configs.Layers) logstore.Options {
	// A log keeps everything until the cluster's metadata says what it may lose:
	// retention by defaults would delete what nobody decided about.
	keep := logstore.DefaultConfig()
	keep.RetentionMs, keep.RetentionBytes = -1, -1
	workers := int(number(static, "log.cleaner.threads"))
	if !flag(static, "log.cleaner.enable") {
		workers = -1
	}
	rate := int64(0) // no limit
	if v, _ := static.Value("log.cleaner.io.max.bytes.per.second"); v.Double < 1<<62 {
		rate = int64(v.Double)
	}
	return logstore.Options{
		CompactionWorkers:        workers,
		CompactionIntervalMs:     number(static, "log.cleaner.backoff.ms"),
		CompactionMapBytes:       number(static, "log.cleaner.dedupe.buffer.size"),
		CompactionBytesPerSecond: rate,

		Log:              keep,
		CheckpointMs:     number(static, "log.flush.offset.checkpoint.interval.ms"),
		ProducerExpiryMs: number(static, "producer.id.expiration.ms"),
		JournalBytes:     number(static, "moldau.journal.bytes"),
		ReserveBytes:     reserveBytes(static),
		OpenFilesMax:     openFilesMax(static),
	}
}

// openFilesMax is moldau.open.files.max, 0 for the engine's default.
func openFilesMax(static configs.Layers) int {
	v, _ := static.Value("moldau.open.files.max")
	return int(v.Int)
}

// reserveBytes is moldau.reserve.bytes as the engine has it, whose zero value
// is the default.
func reserveBytes(static configs.Layers) int64 {
	v, set := static.Value("moldau.reserve.bytes")
	if !set {
		return 0
	}
	return orNone(v.Int)
}

// metadataOptions are those of the store of the cluster's metadata. It has one
// log, which needs no journal: should it have one it shall be small.
//
// It keeps nothing free. What the topics' store leaves, mostly on the same file
// system, is there for this one above all: a start records its leaderships, and
// what gives room back, a topic's deletion or a shorter retention, is a record
// here first. That clients could fill the reserve with commands is what it costs:
// those are few and small beside records.
func metadataOptions() logstore.Options {
	return logstore.Options{Log: controller.LogConfig(), JournalBytes: 8 << 20, JournalFileBytes: 4 << 20, ReserveBytes: -1}
}

// openData opens the data directory.
func (s *Server) openData() (vfs.FS, error) {
	if s.cfg.FS != nil {
		return s.cfg.FS, nil
	}
	// Paths are followed inside the data directory only.
	for _, name := range []string{dataLogs, "moldau"} {
		path := filepath.Join(s.cfg.DataDir, name)
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, fmt.Errorf("%s is a symbolic link: the data directory itself may be one, or %s a mount point", path, name)
		}
	}
	// Somebody names Kafka's log directory, or ours, where the directory above it
	// is meant: to start empty inside of it would look like a loss.
	if inside := filepath.Join(s.cfg.DataDir, "meta.properties"); exists(inside) {
		return nil, fmt.Errorf("%s is a Kafka log directory, for it has meta.properties: Moldau's data directory is the one above its folder %s", s.cfg.DataDir, dataLogs)
	}
	fsys, err := vfs.OpenOS(s.cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	s.closing(func(context.Context) error { return fsys.Close() })
	return fsys, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (s *Server) openController(fsys vfs.FS, clusterID string, static configs.Layers, advertised api.Endpoint) (*controller.Controller, error) {
	store, err := s.openStore(fsys, metadataStore, metadataStoreName, admin.OpeningMetadata, metadataOptions())
	if err != nil {
		return nil, err
	}
	if err := refuseCutMetadata(fsys, s.cfg.DataDir); err != nil {
		return nil, err
	}
	listener := metadata.Listener{Name: s.cfg.protocol(), Host: advertised.Host, Port: uint16(advertised.Port)}
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

// openStore opens a store, which operators see under a name, in a phase of the
// start.
func (s *Server) openStore(fsys vfs.FS, dir, name, phase string, o logstore.Options) (*logstore.Store, error) {
	o.FS, o.Clock = fsys, s.cfg.Clock
	o.Events, o.Progress = s.logEvent, &logstore.Progress{}
	s.health.Enter(phase, admin.Of(o.Progress))
	store, err := logstore.Open(dir, o)
	if errors.Is(err, logstore.ErrLocked) {
		return nil, fmt.Errorf("%s is in use by another Moldau or an Apache Kafka: %w", s.cfg.DataDir, err)
	}
	if errors.Is(err, logstore.ErrHalfRepaired) {
		return nil, fmt.Errorf("%s must be repaired to the end, by `moldau log repair`: %w", s.cfg.DataDir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open data in %s: %w", s.cfg.DataDir, err)
	}
	s.closing(func(context.Context) error { return store.Close() })
	s.stores = append(s.stores, admin.NamedStore{Name: name, Store: store})
	return store, nil
}
