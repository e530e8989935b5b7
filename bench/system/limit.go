package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"moldau/bench/limit"
)

// EgressFileBytes is the size of the file that the limits of a fetch answer from.
const EgressFileBytes = 512 << 20

// Names of the limit programs as systems.
const (
	Ingest   = limit.Ingest
	Sendfile = limit.EgressByFile
	Copy     = limit.EgressByCopy
)

// Limits are the programs that do what no broker can leave out, for produce and
// for fetch.
var (
	ProduceLimits = []string{Ingest}
	FetchLimits   = []string{Sendfile, Copy}
)

// startLimit starts a limit program by this binary's hidden command.
func (p *Pool) startLimit(ctx context.Context, name string) (*System, error) {
	dir, err := p.Directory()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	data := dir
	if name != Ingest {
		if data, err = p.egressFile(); err != nil {
			return nil, err
		}
	}
	c, err := startChild(ctx, p.session.BrokerCPUs, dir, func(addr string) []string {
		return []string{self, limit.Command, name, addr, data}
	})
	if err != nil {
		return nil, err
	}
	s := &System{Name: name, process: c}
	if name == Ingest {
		s.cleanUp = func() error { return removeAll(filepath.Join(dir, "ingest-*")) }
	}
	return s, nil
}

// egressFile writes the file once; both ways of answering share it.
func (p *Pool) egressFile() (string, error) {
	dir, err := p.directory()
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "egress")
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), EgressFileBytes)
	return name, errors.Join(err, f.Close())
}

func removeAll(pattern string) error {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("what a limit program wrote: %w", err)
		}
	}
	return nil
}
