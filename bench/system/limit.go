package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"moldau/bench/limit"
	"moldau/server/compat/broker"
)

// EgressFileBytes is the size of the file that the limits of a fetch answer from.
const EgressFileBytes = 512 << 20

// Names of the limit programs as systems.
const (
	Ingest       = limit.Ingest
	IngestSynced = limit.IngestSynced
	Spread       = limit.Spread
	Relay        = limit.Relay
	RelaySynced  = limit.RelaySynced
	Sendfile     = limit.EgressByFile
	Copy         = limit.EgressByCopy
	Map          = limit.EgressByMap
)

// FetchLimits are the programs that do what no broker can leave out of a fetch.
var FetchLimits = []string{Sendfile, Copy, Map}

// IngestOf is the program that does what no broker can leave out of a produce whose
// acknowledgement promises what is asked for.
func IngestOf(synced bool) string {
	if synced {
		return IngestSynced
	}
	return Ingest
}

// RelayOf is the program that has as little as may be in its start, and whose
// acknowledgement promises what is asked for.
func RelayOf(synced bool) string {
	if synced {
		return RelaySynced
	}
	return Relay
}

// Limit tells whether a system is a limit program.
func Limit(name string) bool {
	name, _ = byTLS(name)
	return slices.Contains([]string{Ingest, IngestSynced, Spread, Relay, RelaySynced}, name) || slices.Contains(FetchLimits, name)
}

// startLimit starts a limit program that the pool keeps.
func (p *Pool) startLimit(ctx context.Context, name string) (*System, error) {
	name, secure := byTLS(name)
	var files *broker.TLS
	if secure {
		var err error
		if files, err = p.tlsFiles(); err != nil {
			return nil, err
		}
	}
	if slices.Contains(FetchLimits, name) {
		file, err := p.egressFile()
		if err != nil {
			return nil, err
		}
		return p.startProgram(ctx, name, file, files)
	}
	dir, err := p.Directory()
	if err != nil {
		return nil, err
	}
	s, err := p.startProgram(ctx, name, dir, files)
	if err != nil {
		return nil, err
	}
	s.data = dir
	return s, nil
}

// SendfileOf starts a sendfile program that answers from a file of the caller's.
// The session stops it.
func (p *Pool) SendfileOf(ctx context.Context, file string) (*System, error) {
	s, err := p.startProgram(ctx, Sendfile, file, nil)
	if err == nil {
		p.session.OnClose(s.Close)
	}
	return s, err
}

// startProgram starts a limit program by this binary's hidden command, by TLS where
// there are files for it.
func (p *Pool) startProgram(ctx context.Context, name, data string, files *broker.TLS) (*System, error) {
	dir, err := p.Directory() // for what it prints
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &System{Name: name}
	keystore := ""
	if files != nil {
		keystore, s.certificate = files.Keystore, files.Certificate
	}
	s.process, err = startChild(ctx, p.session.BrokerCPUs, dir, programLine(self, name, data, keystore))
	return s, err
}

// programLine is the command of a limit program, by this binary.
func programLine(self, name, data, keystore string) func(addr string) []string {
	return func(addr string) []string { return []string{self, limit.Command, name, addr, data, keystore} }
}

// SpawnLimit starts a limit program on a new, empty directory, tells when, and does not
// wait until it listens: for what is measured of its start. Its caller stops it.
func (p *Pool) SpawnLimit(ctx context.Context, name string) (Spawned, time.Time, error) {
	dir, err := p.Directory()
	if err != nil {
		return nil, time.Time{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, time.Time{}, err
	}
	c, err := spawnChild(ctx, p.session.BrokerCPUs, dir, programLine(self, name, dir, ""))
	if err != nil {
		return nil, time.Time{}, err
	}
	return c, c.began, nil
}

// egressFile writes the file once; all ways of answering share it.
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

// removeWritten removes what a limit program wrote, but for the file that ingest-synced
// overwrites. relay still has its files open: truncated, they hold nothing.
func removeWritten(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := errors.Join(os.Truncate(name, 0), os.Remove(name)); err != nil {
			return fmt.Errorf("what a limit program wrote: %w", err)
		}
	}
	return nil
}
