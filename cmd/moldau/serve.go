package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"moldau/server"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	config     server.Config
	durability string
	logLevel   slog.LevelVar
	level      string
}

func newServeCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a broker",
		Long: `Run a broker that Kafka clients can use at once: it needs no set-up, creates
its data directory, and creates topics when they are first asked for.

Ctrl-C or SIGTERM closes it cleanly, a second one at once.`,
		Example: `  moldau serve
  moldau serve --data /var/lib/moldau --listen 0.0.0.0:9092 --advertise broker.example.org:9092
  moldau serve --durability os --admin 127.0.0.1:9644`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// Only what was asked for is a static config: tools show those of a broker
			// beside every topic.
			if c.Flags().Changed("durability") {
				f.config.Properties = map[string]string{"moldau.durability": f.durability}
			}
			return f.run(c.Context(), c.ErrOrStderr(), outputOf(c).json)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.config.Listen, "listen", "127.0.0.1:9092", "`host:port` to accept clients at; port 0 takes a free one")
	flags.StringVar(&f.config.Advertise, "advertise", "", "`host:port` that clients are told to use (default: where they reached the broker)")
	flags.StringVar(&f.config.DataDir, "data", "./moldau-data", "`directory` that holds all data")
	flags.StringVar(&f.config.Admin, "admin", "", "`host:port` for HTTP GET /live (default: none)")
	flags.StringVar(&f.durability, "durability", "synced", "`synced`: acknowledge what is on stable storage; os: what is in the page cache")
	flags.StringVar(&f.level, "log-level", "info", "`level` to log at: debug, info, warn, error")
	return c
}

func (f *serveFlags) run(ctx context.Context, log io.Writer, json bool) error {
	if f.durability != "synced" && f.durability != "os" {
		return usageErrorf("--durability is %q, want synced or os", f.durability)
	}
	if err := f.logLevel.UnmarshalText([]byte(strings.ToUpper(f.level))); err != nil {
		return usageErrorf("--log-level is %q, want debug, info, warn or error", f.level)
	}
	// Empty would be taken for the default, which is not what somebody wants
	// whose script lost a variable.
	if f.config.Listen == "" {
		return usageErrorf("--listen is empty, want host:port")
	}
	if f.config.DataDir == "" {
		return usageErrorf("--data is empty, want a directory")
	}
	if err := f.config.Validate(); err != nil {
		return &usageError{err}
	}
	f.config.Logger = slog.New(f.handler(log, json))
	tuneCollector()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one has its default effect again: it ends
	// the process.
	context.AfterFunc(ctx, stop)
	defer stop()
	return server.Run(ctx, f.config)
}

// handler writes the log in the form that --format asks for.
func (f *serveFlags) handler(log io.Writer, json bool) slog.Handler {
	o := &slog.HandlerOptions{Level: &f.logLevel}
	if json {
		return slog.NewJSONHandler(log, o)
	}
	return slog.NewTextHandler(log, o)
}

// tuneCollector lets the heap grow to four times what lives before it is
// collected. A broker's heap is small beside the frames it passes on, so at
// Go's default of twice it is collected many times a second for a few MiB. The
// frames in flight are bounded elsewhere; GOGC and GOMEMLIMIT, where set, win.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}
