package limit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Command is the name of the hidden command that runs a program as a process of
// its own, so that it can be pinned, and its CPU time read, like a broker's.
const Command = "limit"

// Programs that [Run] knows.
const (
	Ingest       = "ingest"
	IngestSynced = "ingest-synced"
	Spread       = "spread"
	Relay        = "relay"
	RelaySynced  = "relay-synced"
	EgressByFile = "sendfile"
	EgressByCopy = "copy"
	EgressByMap  = "mmap"
)

// JournalBytes is the size of the file that ingest-synced overwrites: that of the
// journal that a broker has beside it.
const JournalBytes = 64 << 20

// Run serves one of the programs at addr until ctx is done. data is the directory
// that the first five write to, and the file that the others answer from. keystore is a
// PEM file of key and certificate, by which connections are of TLS, or empty; by TLS
// only a copy is sent, and there is no relay.
func Run(ctx context.Context, program, addr, data, keystore string) error {
	var journal *File
	if program == IngestSynced { // it is there before anybody connects
		f, err := CreateOverwritten(filepath.Join(data, "ingest"), JournalBytes)
		if err != nil {
			return err
		}
		defer f.Close()
		journal = f
	}
	l, err := listen(addr, keystore)
	if err != nil {
		return err
	}
	ways := map[string]Way{EgressByFile: Sendfile, EgressByCopy: Copy, EgressByMap: Map}
	if keystore != "" {
		ways[EgressByCopy] = Pieces
	}
	way, egress := ways[program]
	switch {
	case program == Ingest:
		return ServeIngest(ctx, l, data)
	case program == IngestSynced:
		return ServeIngestSynced(ctx, l, journal)
	case program == Spread:
		return ServeSpread(ctx, l, data)
	case keystore == "" && (program == Relay || program == RelaySynced):
		return ServeRelay(ctx, l, data, program == RelaySynced)
	case !egress:
		return errors.Join(fmt.Errorf("no program %q (by TLS: %v)", program, keystore != ""), l.Close())
	}
	f, err := os.Open(data)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer f.Close()
	return ServeEgress(ctx, l, f, way)
}
