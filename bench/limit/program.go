package limit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// Command is the name of the hidden command that runs a program as a process of
// its own, so that it can be pinned, and its CPU time read, like a broker's.
const Command = "limit"

// Programs that [Run] knows.
const (
	Ingest       = "ingest"
	EgressByFile = "sendfile"
	EgressByCopy = "copy"
)

// Run serves one of the programs at addr until ctx is done. data is the directory
// that ingest writes to, and the file that the others answer from.
func Run(ctx context.Context, program, addr, data string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	ways := map[string]Way{EgressByFile: Sendfile, EgressByCopy: Copy}
	way, egress := ways[program]
	switch {
	case program == Ingest:
		return ServeIngest(ctx, l, data)
	case !egress:
		return errors.Join(fmt.Errorf("%q is none of %s, %s and %s", program, Ingest, EgressByFile, EgressByCopy), l.Close())
	}
	f, err := os.Open(data)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer f.Close()
	return ServeEgress(ctx, l, f, way)
}
