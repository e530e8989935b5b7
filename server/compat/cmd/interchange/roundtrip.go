package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"moldau/server/compat/broker"
	"moldau/server/compat/dumplog"
	"moldau/server/compat/java"
)

func step(format string, args ...any) { fmt.Printf("== "+format+"\n", args...) }

// born goes from Moldau to Kafka with what no Kafka has ever seen.
func (s *stage) born(ctx context.Context) error {
	step("Moldau is written to, and closed cleanly")
	ours := s.moldau("born")
	var written *holding
	err := visit(ctx, ours, func() (err error) {
		w := &writer{addr: ours.Addr(), random: rand.New(rand.NewPCG(5, 6)), scale: 8}
		if err = w.classic(ctx); err != nil {
			return err
		}
		written, err = hold(ctx, ours.Addr())
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println("   holds:", written)
	step("moldau log export, by copy; Kafka starts there")
	theirs := s.kafka("given", quiet, "controller.quorum.voters=", fmt.Sprintf("controller.quorum.bootstrap.servers=127.0.0.1:%d", s.port+1))
	if err := s.convert(ctx, "export", data(ours), "--to", data(theirs)); err != nil {
		return err
	}
	if err := s.dump(ctx, data(theirs)); err != nil {
		return err
	}
	_, err = s.held(ctx, theirs, written, true)
	return err
}

// roundTrip goes from Kafka to Moldau and back to Kafka, and once more from a
// Kafka that was killed.
func (s *stage) roundTrip(ctx context.Context) error {
	first := s.kafka("kafka", "log.cleaner.backoff.ms=200", "log.cleaner.min.cleanable.ratio=0.01")
	step("Kafka is written to, and closed cleanly")
	var written *holding
	err := visit(ctx, first, func() (err error) {
		w := &writer{addr: first.Addr(), random: rand.New(rand.NewPCG(1, 2)), scale: 8}
		if err := w.all(ctx); err != nil {
			return err
		}
		return awaitCleaner(ctx, first.LogDir())
	})
	if err != nil {
		return err
	}
	// What it compacts last, it does at its end: so it is asked after a restart.
	if written, err = s.held(ctx, s.kafka("kafka", quiet), nil, false); err != nil {
		return err
	}
	fmt.Println("   holds:", written)

	step("moldau log import, by copy; Moldau starts there")
	imported := s.moldau("imported")
	if err := s.convert(ctx, "import", data(first), "--to", data(imported)); err != nil {
		return err
	}
	s.unchanged(ctx, first, written)
	if err := s.verify(ctx, data(imported)); err != nil {
		return err
	}
	ours, err := s.held(ctx, imported, written, true)
	if err != nil {
		return err
	}
	if err := s.verify(ctx, data(imported)); err != nil {
		return err
	}

	step("moldau log export, by hard link; Kafka starts there, its voters named by controller.quorum.voters")
	exported := s.kafka("exported", quiet)
	if err := s.convert(ctx, "export", data(imported), "--to", data(exported), "--method", "link"); err != nil {
		return err
	}
	if err := s.dump(ctx, data(exported)); err != nil {
		return err
	}
	theirs, err := s.held(ctx, exported, ours, true)
	if err != nil {
		return err
	}

	step("Moldau starts once more where the export came from")
	if _, err := s.held(ctx, imported, ours, false); err != nil {
		return err
	}

	step("moldau log export, moving; Kafka starts there, with controller.quorum.bootstrap.servers")
	moved := s.kafka("moved", quiet, "controller.quorum.voters=", fmt.Sprintf("controller.quorum.bootstrap.servers=127.0.0.1:%d", s.port+1))
	if err := s.convert(ctx, "export", data(imported), "--to", data(moved), "--method", "move"); err != nil {
		return err
	}
	if _, err := s.held(ctx, moved, ours, false); err != nil {
		return err
	}
	return s.killed(ctx, exported, theirs)
}

// killed kills a Kafka under load and takes over what it leaves.
func (s *stage) killed(ctx context.Context, l broker.Launch, before *holding) error {
	step("the Kafka that was exported to is written to, and killed")
	b, err := broker.Start(ctx, l)
	if err != nil {
		return err
	}
	w := &writer{addr: l.Addr(), random: rand.New(rand.NewPCG(3, 4)), scale: 8}
	err = w.plain(ctx)
	if err == nil {
		err = w.transactions(ctx)
	}
	var written *holding
	if err == nil {
		written, err = hold(ctx, l.Addr())
	}
	b.Kill()
	if err != nil {
		return err
	}
	fmt.Println("   holds:", written)

	step("moldau log import, moving; Moldau starts there")
	imported := s.moldau("recovered")
	if err := s.convert(ctx, "import", data(l), "--to", data(imported), "--dry-run"); err != nil {
		return err
	}
	if err := s.convert(ctx, "import", data(l), "--to", data(imported), "--method", "move"); err != nil {
		return err
	}
	ours, err := s.held(ctx, imported, written, true)
	if err != nil {
		return err
	}

	step("Kafka does not start where everything was moved away")
	if err := s.refuses(ctx, data(l)); err != nil {
		return err
	}

	step("and back to Kafka, by copy")
	back := s.kafka("back", quiet)
	if err := s.convert(ctx, "export", data(imported), "--to", data(back)); err != nil {
		return err
	}
	_, err = s.held(ctx, back, ours, true)
	return err
}

// refuses tells whether Kafka refuses to start on a log directory, for want of
// meta.properties.
func (s *stage) refuses(ctx context.Context, dir string) error {
	l := broker.Launch{Dir: filepath.Join(s.dir, "refused"), Port: s.port, Properties: []string{"log.dirs=" + dir}}
	// The script formats what has no such file, and looks for it here.
	if err := errors.Join(os.MkdirAll(data(l), 0o755), os.WriteFile(filepath.Join(data(l), "meta.properties"), nil, 0o644)); err != nil {
		return err
	}
	if b, err := broker.Start(ctx, l); err == nil {
		s.fault("it does")
		b.Kill()
		return nil
	}
	said, err := os.ReadFile(l.LogFile())
	if err == nil && !strings.Contains(string(said), "meta.properties") {
		s.fault("it does not, and says:\n%.500s", said)
	}
	return err
}

// verify lets Moldau's checker look at a data directory.
func (s *stage) verify(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, s.binary, "log", "verify", "--deep", dir).CombinedOutput()
	if err != nil {
		s.fault("moldau log verify %s: %v\n%s", dir, err, out)
	}
	return nil
}

// dump lets Kafka's dump tool look at a log directory.
func (s *stage) dump(ctx context.Context, dir string) error {
	kafka, err := java.Install(ctx)
	if err != nil {
		return err
	}
	report, err := dumplog.Check(ctx, kafka, []string{dir}, dumplog.Options{Compacted: map[string]bool{compacted: true, cut: true}})
	if err != nil {
		return err
	}
	s.compared += report.Files
	for _, f := range report.Findings {
		s.fault("Kafka's dump tool: %v", f)
	}
	return nil
}

// unchanged starts the Kafka that was taken over once more, where it was.
func (s *stage) unchanged(ctx context.Context, l broker.Launch, want *holding) {
	l.Properties = append(l.Properties, quiet)
	if _, err := s.held(ctx, l, want, false); err != nil {
		s.fault("the source: %v", err)
	}
}
