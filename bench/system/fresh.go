package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"moldau/bench/client"
	"moldau/server/compat/broker"
)

// Launch is how a broker of its own would be started on a new, empty directory:
// for what is measured of its start, or of all that it ever was asked.
func (p *Pool) Launch(ctx context.Context, name string, synced bool) (broker.Launch, error) {
	l, err := p.launch(ctx, name)
	if err != nil {
		return l, err
	}
	if synced {
		switch name {
		case Moldau:
			l.Durability = "synced"
		default:
			l.Properties = append(l.Properties[:len(l.Properties):len(l.Properties)], "log.flush.interval.messages=1")
		}
	}
	l.Dir, err = p.Directory()
	return l, err
}

// Fresh is a broker of its own, or a limit program.
type Fresh struct {
	*System
	launch broker.Launch
}

// freshCloseMax is how long a broker with very many partitions may close.
const freshCloseMax = 10 * time.Minute

// Fresh starts a broker of its own on a new directory, with such properties beside
// what it has in any case, or a limit program. Its caller ends it.
func (p *Pool) Fresh(ctx context.Context, name string, properties ...string) (*Fresh, error) {
	if Limit(name) {
		s, err := p.startLimit(ctx, name)
		if err != nil {
			return nil, err
		}
		if s.data == "" {
			return nil, errors.Join(fmt.Errorf("%s writes nothing: Get it", name), s.Close())
		}
		return &Fresh{System: s, launch: broker.Launch{Dir: s.data}}, nil
	}
	l, err := p.Launch(ctx, name, false)
	if err != nil {
		return nil, err
	}
	l.CloseMax = freshCloseMax
	l.Properties = slices.Concat(l.Properties, properties)
	f := &Fresh{launch: l}
	if name == Moldau {
		f.launch.Properties = append(f.launch.Properties, smallJournal, operators(&l))
	}
	f.System, err = start(ctx, name, f.launch)
	return f, err
}

// End closes it. Its files are left, but empty, until the end of the run: for
// minutes after many were removed, ext4 takes many times as long to make one, since
// it looks at every inode that was given free.
func (f *Fresh) End() error { return errors.Join(f.Close(), emptyFiles(f.launch.Dir)) }

// Again closes it cleanly and starts it again, and tells how long each took. It is a
// broker's.
func (f *Fresh) Again(ctx context.Context) (closing, starting time.Duration, err error) {
	if Limit(f.Name) {
		return 0, 0, fmt.Errorf("%s keeps nothing that it could find again", f.Name)
	}
	began := time.Now()
	if err := f.Close(); err != nil {
		return 0, 0, err
	}
	closing = time.Since(began)
	began = time.Now()
	next, err := start(ctx, f.Name, f.launch)
	if err != nil {
		return 0, 0, err
	}
	f.System = next
	return closing, time.Since(began), nil
}

// Heap is what of Moldau's heap lives after a collection, in MB; known is false for
// other systems.
func (f *Fresh) Heap(ctx context.Context) (mb float64, known bool, err error) {
	if f.metrics == "" {
		return 0, false, nil
	}
	for range 2 { // the second frees what finalizers of the first held
		if _, err := f.get(ctx, "/debug/pprof/heap?gc=1"); err != nil {
			return 0, false, err
		}
	}
	bytes, known, err := f.Counter(ctx, "go_memstats_heap_alloc_bytes")
	return bytes / 1e6, known, err
}

// emptyFiles gives back what files below dir take of the disk.
func emptyFiles(dir string) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return os.Truncate(name, 0)
	})
}

// StartLaunch starts a broker as told; it is closed by its caller.
func StartLaunch(ctx context.Context, name string, l broker.Launch) (*System, error) {
	return start(ctx, name, l)
}

// TopicDirs are the directories of a topic's partitions.
func (s *System) TopicDirs(topic string) ([]string, error) {
	dirs, err := filepath.Glob(filepath.Join(s.Broker().LogDir(), topic+"-*"))
	if err == nil && len(dirs) == 0 {
		err = fmt.Errorf("%s has no directory of topic %s", s.Name, topic)
	}
	return dirs, err
}

// topicsPerRequest is how many topics one CreateTopics asks for: Kafka refuses
// requests of very many partitions.
const topicsPerRequest = 10

// CreateWide makes many topics, called as [client.WideTopic] does, and waits until
// every partition can be written.
func (s *System) CreateWide(ctx context.Context, prefix string, topics int, t Topic) error {
	var names []string
	for i := range topics {
		names = append(names, client.WideTopic(prefix, i))
	}
	for first := 0; first < topics; first += topicsPerRequest {
		some := names[first:min(first+topicsPerRequest, topics)]
		created, err := s.admin.CreateTopics(ctx, int32(t.Partitions), 1, s.configs(t), some...)
		if err == nil {
			err = created.Error()
		}
		if err != nil {
			return err
		}
	}
	_, err := s.ends(ctx, names)
	return err
}
