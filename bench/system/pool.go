package system

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"moldau/bench/harness"
	"moldau/bench/limit"
	"moldau/bench/wire"
	"moldau/server/compat/broker"
)

// Names of systems.
const (
	Moldau     = "moldau"
	Kafka      = "kafka"       // its defaults
	KafkaTuned = "kafka-tuned" // what its documentation recommends for throughput
)

// Pool holds the running systems of a session.
type Pool struct {
	session *harness.Session
	dir     string
	running map[string]*System
	binary  string
	// NATS JetStream, by whether it syncs always.
	natsServers map[bool]*JetStream
	natsServer  string // its binary
	files       *broker.TLS
}

// NewPool begins with none running; the session stops them.
func NewPool(s *harness.Session) *Pool {
	return &Pool{session: s, running: map[string]*System{}, natsServers: map[bool]*JetStream{}}
}

// Get returns a system that runs, was warmed up, and is told by its name.
func (p *Pool) Get(ctx context.Context, name string) (*System, error) {
	if s := p.running[name]; s != nil {
		return s, nil
	}
	s, err := p.start(ctx, name)
	if err != nil {
		return nil, err
	}
	p.running[name] = s
	s.beside = p.beside(s)
	p.session.OnClose(s.Close)
	if !JVM(name) {
		return s, nil
	}
	p.session.Say("warming %s up, with %.1f GiB at most", name, float64(p.session.WarmUpBytes())/(1<<30))
	took, err := s.warmUp(ctx, p.session.ClientCPUs, p.session.WarmUpBytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.session.Note(name+" was warmed up by", took)
	return s, nil
}

// beside tells which processes are those of the other systems.
func (p *Pool) beside(s *System) func() []int {
	return func() (others []int) {
		for _, other := range p.running {
			if other != s {
				others = append(others, other.PID())
			}
		}
		for _, other := range p.natsServers {
			if &other.System != s {
				others = append(others, other.PID())
			}
		}
		return others
	}
}

// Expect is about how long it takes until systems run and are warmed up, those that
// the session wants; they may already.
func (p *Pool) Expect(names ...string) (d time.Duration) {
	for _, name := range names {
		switch {
		case !p.session.Wants(name, false):
		case JVM(name):
			d += 5*time.Second + time.Duration(float64(p.session.WarmUpBytes())/(1<<30)*float64(5*time.Second))
		default:
			d += 2 * time.Second
		}
	}
	return d
}

func (p *Pool) start(ctx context.Context, name string) (*System, error) {
	if Limit(name) {
		return p.startLimit(ctx, name)
	}
	launch, err := p.launch(ctx, name)
	if err != nil {
		return nil, err
	}
	p.session.Say("starting %s", name)
	base, secure := byTLS(name)
	if secure {
		p.session.Note("by TLS", "TLS 1.3, "+tls.CipherSuiteName(wire.Cipher)+", a certificate of ECDSA P-256")
	}
	if JVM(name) {
		launch.Properties = slices.Concat(launch.Properties, quickDeletion)
		p.session.Note(name+" is configured by", heap+"; "+strings.Join(launch.Properties, ", "))
	}
	if base == Moldau {
		p.session.Note(name+" is configured by", smallJournal)
		launch.Properties = append(launch.Properties, smallJournal, operators(&launch))
	}
	return start(ctx, base, launch)
}

// launch says how a system is started.
func (p *Pool) launch(ctx context.Context, name string) (broker.Launch, error) {
	dir, err := p.directory()
	if err != nil {
		return broker.Launch{}, err
	}
	l := broker.Launch{Dir: filepath.Join(dir, name), CPUs: p.session.BrokerCPUs}
	name, secure := byTLS(name)
	if secure {
		if l.TLS, err = p.tlsFiles(); err != nil {
			return l, err
		}
	}
	switch name {
	case Moldau:
		l.Durability = "os"
		l.Binary, err = p.Binary(ctx)
	case Kafka:
	case KafkaTuned:
		l.Properties = tuned
	default:
		err = fmt.Errorf("no system %q", name)
	}
	if err == nil {
		l.Port, err = broker.FreePort()
	}
	return l, err
}

// Binary is Moldau's, built once.
func (p *Pool) Binary(ctx context.Context) (string, error) {
	if p.binary != "" {
		return p.binary, nil
	}
	var err error
	if p.session.Moldau != "" {
		p.binary, err = filepath.Abs(p.session.Moldau)
	} else {
		p.session.Say("building moldau")
		p.binary, err = broker.Build(ctx) // or what MOLDAU_BIN names
	}
	if err != nil {
		return "", err
	}
	built := Revision(p.binary)
	if built == unknown && p.session.Moldau == "" && os.Getenv("MOLDAU_BIN") == "" {
		built = cmp.Or(p.session.Run.Environment["commit"], unknown) // a work tree that Go does not look into
	}
	p.session.Note("moldau was built of", built)
	return p.binary, nil
}

// Directory is a new one on the disk to measure, removed with the session.
func (p *Pool) Directory() (string, error) {
	dir, err := p.directory()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, "")
}

func (p *Pool) directory() (string, error) {
	if p.dir == "" {
		dir, err := os.MkdirTemp(p.session.Dir, "moldau-bench-")
		if err != nil {
			return "", err
		}
		p.dir = dir
		p.session.OnClose(func() error { return os.RemoveAll(dir) })
	}
	return p.dir, nil
}

// smallJournal has a block of synced appends pay for what it defers. By default the
// journal is cut, and the logs in it flushed, every 256 MiB: a short block would end,
// and its topic be deleted, before that. Here it is every 32.
var smallJournal = fmt.Sprintf("moldau.journal.bytes=%d", limit.JournalBytes)

// heap is what the script that starts Kafka gives it.
const heap = "-Xms1g -Xmx1g, G1"

// quickDeletion lets a Kafka whose topics are deleted after each block delete as fast
// as it is written: otherwise the machine's write-back becomes the benchmark.
var quickDeletion = []string{"log.retention.check.interval.ms=2000", "log.segment.delete.delay.ms=100"}

// tuned is what Kafka's operators set on a small machine with fast clients.
var tuned = []string{
	"num.network.threads=2", "num.io.threads=2", "num.replica.fetchers=1",
	"socket.send.buffer.bytes=1048576", "socket.receive.buffer.bytes=1048576",
	"log.cleaner.enable=false", "compression.type=producer",
}
