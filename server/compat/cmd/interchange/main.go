package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"moldau/server/compat/broker"
)

func main() {
	golden := flag.String("golden", "", "`file` to write, a small log directory of Kafka's with what it holds, and nothing else")
	only := flag.String("only", "", "`part` of born, round-trip, compacted")
	keep := flag.Bool("keep", false, "keep the directories")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	faults, err := run(ctx, *golden, *only, *keep)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interchange:", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}

// stage is where everything happens.
type stage struct {
	judge
	dir, binary string
	port        int
}

func run(ctx context.Context, golden, only string, keep bool) (faults int, err error) {
	s := &stage{}
	if s.binary, err = broker.Build(ctx); err != nil {
		return 0, err
	}
	if s.port, err = broker.FreePort(); err != nil {
		return 0, err
	}
	if s.dir, err = os.MkdirTemp("", "interchange-"); err != nil {
		return 0, err
	}
	if keep {
		fmt.Println("directories are kept in", s.dir)
	} else {
		defer os.RemoveAll(s.dir)
	}
	if golden != "" {
		return 0, s.golden(ctx, golden)
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"born", s.born}, {"round-trip", s.roundTrip}, {"compacted", s.compactedHere}} {
		if only == "" || only == part.name {
			err = errors.Join(err, part.run(ctx))
		}
	}
	if err != nil {
		return s.faults, err
	}
	if s.compared == 0 {
		return s.faults, fmt.Errorf("no part %q", only)
	}
	fmt.Printf("%d compared, %d faults\n", s.compared, s.faults)
	return s.faults, nil
}

// kafka is how the real Kafka is started on s.dir/name/data.
func (s *stage) kafka(name string, properties ...string) broker.Launch {
	return broker.Launch{Dir: filepath.Join(s.dir, name), Port: s.port, Properties: append([]string{
		"offsets.topic.num.partitions=3", "transaction.state.log.num.partitions=2", "log.initial.task.delay.ms=100",
		// Snapshots of the metadata come soon, so that they are read, too.
		"metadata.log.max.record.bytes.between.snapshots=5000"}, properties...)}
}

// moldau is how Moldau is started on s.dir/name/data.
func (s *stage) moldau(name string) broker.Launch {
	return broker.Launch{Binary: s.binary, Dir: filepath.Join(s.dir, name), Port: s.port, Properties: []string{"node.id=1", quiet}}
}

// quiet keeps compaction from changing what is being compared.
const quiet = "log.cleaner.min.cleanable.ratio=1"

// data is the directory that a launch works in.
func data(l broker.Launch) string { return filepath.Join(l.Dir, "data") }

// visit starts a broker, lets work see it, and closes it cleanly.
func visit(ctx context.Context, l broker.Launch, work func() error) error {
	b, err := broker.Start(ctx, l)
	if err != nil {
		return err
	}
	if err := work(); err != nil {
		b.Kill()
		return fmt.Errorf("%s: %w", l.Dir, err)
	}
	return b.Stop()
}

// held starts a broker and asks it for everything; with goesOn clients go on
// there afterwards, and it is asked once more.
func (s *stage) held(ctx context.Context, l broker.Launch, want *holding, goesOn bool) (h *holding, err error) {
	err = visit(ctx, l, func() error {
		if h, err = hold(ctx, l.Addr()); err != nil {
			return err
		}
		if want != nil {
			s.holds(h, want)
		}
		if !goesOn {
			return nil
		}
		if err = goOn(ctx, l.Addr(), h); err != nil {
			return err
		}
		h, err = hold(ctx, l.Addr())
		return err
	})
	return h, err
}

// convert runs moldau log import or export.
func (s *stage) convert(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.binary, append([]string{"log"}, args...)...)
	out, err := cmd.CombinedOutput()
	fmt.Printf("   %s", strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "\n   "))
	fmt.Println()
	if err != nil {
		return fmt.Errorf("moldau log %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
