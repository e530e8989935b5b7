package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"moldau/server/compat/java"
)

// NATS is the name of NATS JetStream as a system. It speaks a protocol of its own:
// streams, not topics.
const NATS = "nats"

// natsModule is the server as it comes, a tool of this module.
const natsModule = "github.com/nats-io/nats-server/v2"

// JetStream is a server that runs.
type JetStream struct {
	System
	conn    *nats.Conn
	data    string // directory
	streams jetstream.JetStream
}

// JetStream returns a server that runs, one for each durability: there it is the
// server's, not a stream's.
func (p *Pool) JetStream(ctx context.Context, synced bool) (*JetStream, error) {
	if s := p.natsServers[synced]; s != nil {
		return s, nil
	}
	s, err := p.startNATS(ctx, synced)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	p.natsServers[synced] = s
	s.beside = p.beside(&s.System)
	p.session.OnClose(func() error {
		s.conn.Close()
		return s.Close()
	})
	return s, nil
}

func (p *Pool) startNATS(ctx context.Context, synced bool) (*JetStream, error) {
	dir, err := p.Directory()
	if err != nil {
		return nil, err
	}
	binary, err := p.natsBinary(ctx)
	if err != nil {
		return nil, err
	}
	p.session.Say("starting nats")
	data := filepath.Join(dir, "data")
	c, err := startChild(ctx, p.session.BrokerCPUs, dir, func(addr string) []string {
		config := filepath.Join(dir, "nats.conf")
		if err := os.WriteFile(config, natsConfig(addr, data, synced), 0o644); err != nil {
			p.session.Say("%v", err) // the server says that it has no configuration
		}
		return []string{binary, "--config", config}
	})
	if err != nil {
		return nil, err
	}
	s := &JetStream{System: System{Name: NATS, process: c}, data: data}
	if s.conn, err = nats.Connect("nats://" + c.Addr()); err != nil {
		return nil, fmt.Errorf("%w (%w)", err, c.Stop())
	}
	s.streams, err = jetstream.New(s.conn)
	return s, err
}

// natsConfig is its configuration: defaults but for what must be said.
func natsConfig(addr, data string, synced bool) []byte {
	sync := ""
	if synced {
		sync = ", sync_interval: always"
	}
	return fmt.Appendf(nil, "listen: %q\njetstream { store_dir: %q, max_file_store: 64GB%s }\n", addr, data, sync)
}

// natsBinary builds the server, once.
func (p *Pool) natsBinary(ctx context.Context) (string, error) {
	if p.natsServer != "" {
		return p.natsServer, nil
	}
	compat, err := java.Root()
	if err != nil {
		return "", err
	}
	dir, err := p.directory()
	if err != nil {
		return "", err
	}
	p.session.Say("building nats-server")
	binary := filepath.Join(dir, "nats-server")
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(compat, "..", "..", "bench"), "-o", binary, natsModule)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building nats-server: %w\n%s", err, out)
	}
	version, err := exec.CommandContext(ctx, binary, "--version").Output()
	if err != nil {
		return "", err
	}
	p.session.Note("nats", strings.TrimSpace(string(version))+", defaults; sync_interval: always in synced rows")
	p.natsServer = binary
	return binary, nil
}

// CreateStream makes a stream of one subject, in files, and returns the subject,
// which is the stream's name, too.
func (s *JetStream) CreateStream(ctx context.Context) (string, error) {
	s.topics++
	name := fmt.Sprintf("bench-%d", s.topics)
	_, err := s.streams.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{name}, Storage: jetstream.FileStorage, Replicas: 1,
	})
	return name, err
}

// DeleteStream deletes it, and waits as Delete does.
func (s *JetStream) DeleteStream(ctx context.Context, name string) error {
	if err := s.streams.DeleteStream(ctx, name); err != nil {
		return err
	}
	return gone(ctx, filepath.Join(s.data, "jetstream", "$G", "streams", name))
}
