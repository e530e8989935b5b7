package logstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"moldau/logstore/manifest"
	"moldau/logstore/vfs"
)

// Names in a store's directory. logs is a Kafka log directory and nothing else;
// what is ours lies beside it.
const (
	logsDir      = "logs"
	ownDir       = "moldau"
	journalDir   = "journal" // in ownDir
	deleteSuffix = "-delete"
	straySuffix  = "-stray"
	nameBytesMax = 255
)

// Store is a directory of logs.
type Store struct {
	fs      vfs.FS
	osTree  *vfs.OS // fs where the store opened it itself, else nil
	dir     string  // relative to the file system's root
	logsIn  string  // the log directory, likewise
	opt     Options
	lock    io.Closer // nil when read-only
	agenda  *agenda
	failing failing
	closing chan struct{}
	workers sync.WaitGroup // housekeeping, and syncs in flight
	changes sync.WaitGroup // what Close waits for: logs that are being created or taken away, checkpoints
	making  sync.Mutex     // held by an OpenLog that makes a log
	births  sync.Mutex     // held by a CreateAll that makes logs

	counters counters

	committer       committer
	space           reserve
	manifest        *manifest.File // nil when read-only
	nextIncarnation atomic.Uint64
	dropped         atomic.Int64                          // what the manifest says of the last log that was deleted
	journalStart    atomic.Uint64                         // what the manifest says of it
	failed          atomic.Pointer[error]                 // why the store was poisoned
	found           struct{ generation, sequence uint64 } // the journal's last, at open

	mu        sync.RWMutex
	logs      map[TopicPartition]*Log  // under mu; nil where the name is taken and there is no log
	ordered   atomic.Pointer[[]*Log]   // those of logs that are there, by name; nil after a change, which is made under mu
	broken    map[TopicPartition]error // under mu; why a log on disk was not opened
	undropped map[TopicPartition]bool  // under mu; deleted logs that the manifest could not be told of
	unmade    map[TopicPartition]bool  // under mu; logs that could not be made, and of which something may be left
	closed    bool                     // under mu
	configs   map[Config]*Config       // under mu; each by what it says

	closeOnce   sync.Once
	closeFailed error // under closeOnce

	openFiles   openFiles
	distrust    distrust
	throttle    throttle // of compactions
	compactions compactions
	checkpoints checkpoints
}

// checkpoints are Kafka's checkpoint files, written for Kafka: what counts here
// is the manifest. A mutex of its own keeps their writers in line; it is taken
// before all locks of logs.
type checkpoints struct {
	mu      sync.Mutex
	found   *past             // what they said at open, for logs that could not be opened
	written map[string][]byte // what each file holds, to write only what changed
	closed  bool              // the directory may be another's by now
}

// path is a name in the log directory, relative to the file system's root.
func (s *Store) path(name string) string { return path.Join(s.logsIn, name) }

// ownPath is a name among what is ours alone.
func (s *Store) ownPath(name string) string { return path.Join(s.dir, ownDir, name) }

func (s *Store) nowMs() int64 { return s.opt.Clock.Now().UnixMilli() }

// Log is the log of that name, or ErrNotFound, or why it could not be opened.
func (s *Store) Log(tp TopicPartition) (*Log, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.broken[tp]; err != nil {
		return nil, fmt.Errorf("logstore: open %s: %w", tp, err)
	}
	l := s.logs[tp]
	if l == nil || l.hidden {
		return nil, fmt.Errorf("logstore: %s: %w", tp, ErrNotFound)
	}
	return l, nil
}

func (s *Store) isBroken(tp TopicPartition) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.broken[tp] != nil
}

// Logs is all logs, sorted by name.
func (s *Store) Logs() []*Log { return s.logsThat(func(l *Log) bool { return !l.hidden }) }

// everyLog is Logs, with those that are being created or taken away: the manifest
// and the journal are about them, too.
func (s *Store) everyLog() []*Log { return s.logsThat(func(*Log) bool { return true }) }

func (s *Store) logsThat(wanted func(*Log) bool) []*Log {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := s.ordered.Load()
	if all == nil {
		logs := make([]*Log, 0, len(s.logs))
		for _, l := range s.logs {
			if l != nil {
				logs = append(logs, l)
			}
		}
		slices.SortFunc(logs, func(a, b *Log) int { return compareNames(a.tp, b.tp) })
		all = &logs
		s.ordered.Store(all)
	}
	logs := make([]*Log, 0, len(*all))
	for _, l := range *all {
		if wanted(l) {
			logs = append(logs, l)
		}
	}
	return logs
}

// placeLog puts a log, or nil, in its name's place. The caller holds s.mu.
func (s *Store) placeLog(tp TopicPartition, l *Log) {
	s.logs[tp] = l
	s.ordered.Store(nil)
}

// removeLog gives the name free. The caller holds s.mu.
func (s *Store) removeLog(tp TopicPartition) {
	delete(s.logs, tp)
	s.ordered.Store(nil)
}

// sharedConfigsMax is how many configurations are kept to be shared.
const sharedConfigsMax = 1024

// shared is a configuration that equals c: thousands of logs have the same.
func (s *Store) shared(c Config) *Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.configs[c]; p != nil {
		return p
	}
	if s.configs == nil || len(s.configs) >= sharedConfigsMax {
		s.configs = map[Config]*Config{}
	}
	s.configs[c] = &c
	return &c
}

// newLog is a log without segments.
func (s *Store) newLog(tp TopicPartition, id TopicID, c Config) *Log {
	l := &Log{store: s, tp: tp, name: tp.String(), id: id, dir: s.path(tp.String()), producers: newProducers(s.opt.ProducerExpiryMs)}
	l.retention.atMs = math.MaxInt64
	l.config.Store(s.shared(c))
	l.commit.progress = sync.NewCond(&l.mu)
	for b := range l.bounds {
		l.bounds[b].kind = Bound(b)
	}
	l.drawJitter()
	return l
}

// begin makes segments the log's, all of them durable up to their ends.
func (l *Log) begin(segments ...*segment) {
	v := &view{segments}
	end := v.active().endMark()
	for b := range l.bounds {
		l.bounds[b].store(end)
	}
	for _, s := range segments {
		s.tail.synced = s.size()
	}
	l.commit.flushed = end.offset()
	l.view.Store(v)
	if slices.ContainsFunc(segments, (*segment).isOpen) {
		l.store.openFiles.list(l)
	}
}

// makeDirs creates a directory and its parents.
func makeDirs(fsys vfs.FS, dir string) error {
	if dir == "." || dir == "" {
		return nil
	}
	if info, err := fsys.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeDirs(fsys, path.Dir(dir)); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(path.Dir(dir))
}
