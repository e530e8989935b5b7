package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `strace sync [--self-test]   every acknowledgement must follow a sync of the written file;
                            --self-test shows that a log in os mode does not pass
strace sendfile             of 256 MiB fetched at least 95 % must leave by sendfile
`

func main() {
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch args := flag.Args(); {
	case len(args) == 1 && args[0] == "sync":
		err = proveSync(ctx, "synced")
	case len(args) == 2 && args[0] == "sync" && args[1] == "--self-test":
		err = proveNoSync(ctx)
	case len(args) == 1 && args[0] == "sendfile":
		err = proveSendfile(ctx)
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "strace:", err)
		os.Exit(1)
	}
}
