package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"moldau/bench/limit"
)

func main() {
	flags := flag.NewFlagSet("limit ingest|sendfile|copy", flag.ExitOnError)
	addr := flags.String("listen", "127.0.0.1:0", "address")
	dir := flags.String("dir", "", "`directory` that ingest writes to")
	file := flags.String("file", "", "`file` that sendfile and copy answer from")
	if len(os.Args) < 2 {
		flags.Usage()
		os.Exit(2)
	}
	_ = flags.Parse(os.Args[2:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], *addr, *dir, *file); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, addr, dir, file string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	ways := map[string]limit.Way{"sendfile": limit.Sendfile, "copy": limit.Copy}
	way, egress := ways[program]
	switch {
	case program == "ingest":
		return limit.ServeIngest(ctx, l, dir)
	case !egress:
		return errors.Join(fmt.Errorf("%q is none of ingest, sendfile and copy", program), l.Close())
	}
	f, err := os.Open(file)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer f.Close()
	return limit.ServeEgress(ctx, l, f, way)
}
