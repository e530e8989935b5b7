package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"moldau/server/compat/broker"
	"moldau/server/compat/spoil"
)

func main() {
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	misjudged, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
	}
	if err != nil || misjudged > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context) (misjudged int, err error) {
	binary, err := broker.Build(ctx)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "verify-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	states, err := kafkaDirectories(ctx, dir)
	if err != nil {
		return 0, err
	}
	j := judge{binary: binary, scratch: filepath.Join(dir, "copies")}
	for _, s := range states {
		if err := j.state(ctx, s); err != nil {
			return 0, err
		}
	}
	fmt.Printf("%d judged, %d misjudged\n", j.judged, j.misjudged)
	return j.misjudged, nil
}

// judge runs Moldau's checker and compares its verdict with the truth.
type judge struct {
	binary, scratch   string
	judged, misjudged int
}

// faults are planted in sealed segments.
var faults = []struct {
	name, suffix string
	spoil        spoil.Spoiler
}{
	{"a byte flipped in record data", ".log", spoil.FlipRecordByte},
	{"a .log cut in mid-batch", ".log", spoil.CutInBatch},
	{"a scrambled .index", ".index", spoil.Scramble},
	{"a scrambled .timeindex", ".timeindex", spoil.Scramble},
}

// state judges one log directory: as it is, with its last segment torn, and
// with each fault in each of its partitions that has a sealed segment.
func (j *judge) state(ctx context.Context, s state) error {
	if err := j.verdict(ctx, s.name, s.dir, true, ""); err != nil {
		return err
	}
	for _, topic := range s.topics {
		partition := filepath.Join(s.dir, topic+"-0")
		sealed, last, err := segments(partition)
		if err != nil {
			return err
		}
		if s.killed {
			name := fmt.Sprintf("%s, %s: tail torn", s.name, topic)
			if err := j.spoilt(ctx, name, partition, last+".log", spoil.Cut(5), true); err != nil {
				return err
			}
		}
		for _, f := range faults {
			name := fmt.Sprintf("%s, %s: %s", s.name, topic, f.name)
			if err := j.spoilt(ctx, name, partition, sealed+f.suffix, f.spoil, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// spoilt judges a copy of a partition with one file changed.
func (j *judge) spoilt(ctx context.Context, name, partition, file string, change spoil.Spoiler, sound bool) error {
	copied := filepath.Join(j.scratch, filepath.Base(partition))
	if err := os.RemoveAll(copied); err != nil {
		return err
	}
	if err := os.CopyFS(copied, os.DirFS(partition)); err != nil {
		return err
	}
	file = filepath.Join(copied, file)
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, change(b), 0o644); err != nil {
		return err
	}
	mention := ""
	if sound {
		mention = "torn"
	}
	return j.verdict(ctx, name, copied, sound, mention)
}

// verdict runs the checker: exit 0 where the directory is sound, 1 where not,
// and in either case with a word on what it must mention.
func (j *judge) verdict(ctx context.Context, name, dir string, sound bool, mention string) error {
	cmd := exec.CommandContext(ctx, j.binary, "log", "verify", dir)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return err
	}
	j.judged++
	want := 1
	if sound {
		want = 0
	}
	if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(string(out), mention) {
		j.misjudged++
		fmt.Printf("MISJUDGED  %s: exit %d, must be %d, and must mention %q:\n%s", name, code, want, mention, out)
		return nil
	}
	fmt.Printf("%-10s %s\n", map[bool]string{true: "sound", false: "fault"}[sound], name)
	return nil
}
