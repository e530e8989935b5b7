package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"moldau/server"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	config     server.Config
	file       string
	properties []string
	durability string
	logLevel   slog.LevelVar
	level      string
}

// flagProperties are the flags of which each is a property under a shorter name.
var flagProperties = map[string]string{
	"listen": "listeners", "advertise": "advertised.listeners", "data": "log.dirs",
	"admin": "moldau.admin.listener", "durability": "moldau.durability",
}

func newServeCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a broker",
		Long: `Run a broker that Kafka clients can use at once: it needs no set-up, creates
its data directory, and creates topics when they are first asked for.

Properties have Apache Kafka's names. They come from the file of --config, such
as Kafka's server.properties, over that from the environment, where the variable
MOLDAU_LOG_RETENTION_MS is log.retention.ms and MOLDAU_DURABILITY is
moldau.durability, and over that from flags. 'moldau config list' lists them,
'moldau config explain FILE' tells what becomes of those in a file. What has no
effect is logged as a warning.

log.dirs is taken for --data: the logs are in its folder logs. Of listeners the
first PLAINTEXT one is opened or, where there is none, the first SSL one, whose
key and certificates ssl.keystore.location names a PEM file of; it is read anew
when it changes. Those of SASL are not opened, and a file that has no other is
refused.

Ctrl-C or SIGTERM closes it cleanly, a second one at once.`,
		Example: `  moldau serve
  moldau serve --data /var/lib/moldau --listen 0.0.0.0:9092 --advertise broker.example.org:9092
  moldau serve --config server.properties --set log.retention.hours=24 --set num.partitions=3
  moldau serve --durability os --admin 127.0.0.1:9644
  moldau serve --set listeners=SSL://127.0.0.1:9093 --set ssl.keystore.location=broker.pem`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			unknown, err := f.configure(c.Flags(), os.Environ())
			if err != nil {
				return err
			}
			return f.run(c.Context(), c.ErrOrStderr(), outputOf(c).json, unknown)
		},
	}
	f.register(c.Flags())
	return c
}

func (f *serveFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.config.Listen, "listen", "127.0.0.1:9092", "`host:port` to accept clients at; port 0 takes a free one")
	flags.StringVar(&f.config.Advertise, "advertise", "", "`host:port` that clients are told to use (default: where they reached the broker)")
	flags.StringVar(&f.config.DataDir, "data", "./moldau-data", "`directory` that holds all data")
	flags.StringVar(&f.config.Admin, "admin", "", "`host:port` for operators, over HTTP: /live, /ready, /metrics, /dashboard.json, /debug/pprof/ (default: none; without a host: 127.0.0.1)")
	flags.StringVar(&f.file, "config", "", "`file` of properties, such as Kafka's server.properties")
	flags.StringArrayVar(&f.properties, "set", nil, "`name=value` of a property; may be repeated")
	flags.StringVar(&f.durability, "durability", "synced", "`synced`: acknowledge what is on stable storage; os: what is in the page cache")
	flags.StringVar(&f.level, "log-level", "info", "`level` to log at: debug, info, warn, error")
}

// configure puts the config together: file, environment, flags. It also returns
// the environment variables that look like properties and are none.
func (f *serveFlags) configure(flags *pflag.FlagSet, environ []string) (unknown []string, err error) {
	if err := f.checkFlags(flags); err != nil {
		return nil, err
	}
	all := settings{}
	if f.file != "" {
		if all, err = fileSettings(f.file); err != nil {
			return nil, err
		}
	}
	fromEnvironment, unknown := environmentSettings(environ)
	all.overrideWith(fromEnvironment)
	set, err := flagSettings(f.properties)
	if err != nil {
		return nil, err
	}
	all.overrideWith(set)
	for flag, property := range flagProperties {
		if !flags.Changed(flag) {
			continue
		}
		for _, alias := range server.PropertyAliases(property) {
			if _, both := set[alias]; both {
				return nil, usageErrorf("--%s and --set %s exclude each other", flag, alias)
			}
		}
		if flag != "listen" { // it is an address: listeners may ask for TLS, and be refused
			all.drop(property)
		}
	}
	// Only what was asked for is a static config: tools show those of a broker
	// beside every topic.
	if flags.Changed("durability") {
		all["moldau.durability"] = setting{f.durability, "--durability"}
	}
	if err := all.check(); err != nil {
		return nil, &usageError{err}
	}
	f.config.Properties = all.values()
	if err := f.config.Validate(); err != nil {
		return nil, &usageError{err}
	}
	return unknown, nil
}

// checkFlags also leaves unset what nobody gave: a property may say it.
func (f *serveFlags) checkFlags(flags *pflag.FlagSet) error {
	if f.durability != "synced" && f.durability != "os" {
		return usageErrorf("--durability is %q, want synced or os", f.durability)
	}
	if err := f.logLevel.UnmarshalText([]byte(strings.ToUpper(f.level))); err != nil {
		return usageErrorf("--log-level is %q, want debug, info, warn or error", f.level)
	}
	for _, one := range []struct {
		flag  string
		value *string
		want  string
	}{{"listen", &f.config.Listen, "host:port"}, {"data", &f.config.DataDir, "a directory"}, {"config", &f.file, "a file"}} {
		switch {
		case !flags.Changed(one.flag):
			*one.value = ""
		case *one.value == "":
			// It would be taken for the default, which is not what somebody wants
			// whose script lost a variable.
			return usageErrorf("--%s is empty, want %s", one.flag, one.want)
		}
	}
	return nil
}

func (f *serveFlags) run(ctx context.Context, log io.Writer, json bool, unknownVariables []string) error {
	f.config.Logger = slog.New(f.handler(log, json))
	if len(unknownVariables) > 0 {
		f.config.Logger.Warn("environment variables have no effect", "names", unknownVariables)
	}
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
