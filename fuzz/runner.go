package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"moldau/fuzz/corpus"
	"moldau/fuzz/target"
)

// runner runs targets as go test does.
type runner struct {
	options
	root string
}

// result is what came of one target.
type result struct {
	target       fuzzTarget
	executions   uint64
	took         time.Duration
	counts       target.Counts
	coverageBits int      // of edges, by how often they were taken; of a guided run
	findings     []string // files
	failure      string   // what the last one said
}

var (
	progressLine = regexp.MustCompile(`^fuzz: elapsed: .*execs: (\d+)`)
	coverageLine = regexp.MustCompile(`(?:initial coverage|total) bits: (\d+)`)
	findingLine  = regexp.MustCompile(`Failing input written to (\S+)|failed, kept as (\S+)|^\s+--- FAIL: (Fuzz\w+/\S+)`)
	blindLine    = regexp.MustCompile(`: (\d+) executions, `)
)

func (r *runner) run(ctx context.Context, t fuzzTarget) (res result, err error) {
	tallies, err := os.MkdirTemp("", "moldau-fuzz-")
	if err != nil {
		return res, err
	}
	defer os.RemoveAll(tallies)
	fmt.Printf("== %s (%s)\n", t.name, t.pkg)
	res = result{target: t}
	args := []string{"test", "./" + t.pkg, "-run", "^$", "-fuzz", "^" + t.name + "$", "-fuzztime", r.duration.String(), "-fuzzminimizetime", "10x", "-parallel", strconv.Itoa(r.parallel)}
	env := append(os.Environ(), target.TallyDirectory+"="+tallies, corpus.Directory+"="+r.corpus)
	if r.blind {
		args = []string{"test", "./" + t.pkg, "-run", "^TestSoak$", "-count", "1", "-v", "-timeout", (r.duration + 5*time.Minute).String()}
		cache, err := exec.Command("go", "env", "GOCACHE").Output()
		if err != nil {
			return res, err
		}
		env = append(env, target.SoakTarget+"="+t.name, target.SoakTime+"="+r.duration.String(), target.SoakSeed+"="+r.seed,
			target.SoakCorpora+"="+filepath.Join(strings.TrimSpace(string(cache)), "fuzz", "moldau", t.pkg))
	} else {
		env = append(env, "GODEBUG=fuzzdebug=1")
	}
	began := time.Now()
	failed, err := r.follow(ctx, args, env, &res)
	if err != nil {
		return res, err
	}
	res.took = time.Since(began)
	if failed && len(res.findings) == 0 && ctx.Err() == nil {
		return res, fmt.Errorf("go %s failed:\n%s", strings.Join(args, " "), res.failure)
	}
	counts, err := target.Read(tallies)
	res.counts = counts[t.name]
	return res, err
}

// follow runs go test, shows its progress, and picks from its output what counts.
func (r *runner) follow(ctx context.Context, args, env []string, res *result) (failed bool, err error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = r.root, env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return false, err
	}
	done := make(chan error, 1)
	go func() {
		done <- cmd.Wait()
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	var said []string
	for lines.Scan() {
		said = append(said, res.note(lines.Text())...)
	}
	failed = <-done != nil
	res.failure = strings.Join(said[max(len(said)-40, 0):], "\n")
	return failed, lines.Err()
}

// note takes in one line of go test's, and returns it if it may tell of a failure.
func (res *result) note(line string) (said []string) {
	if m := coverageLine.FindStringSubmatch(line); m != nil {
		res.coverageBits, _ = strconv.Atoi(m[1])
	}
	if strings.Contains(line, " DEBUG ") {
		return nil
	}
	if m := progressLine.FindStringSubmatch(line); m != nil {
		res.executions, _ = strconv.ParseUint(m[1], 10, 64)
		fmt.Println(line)
		return nil
	}
	if m := blindLine.FindStringSubmatch(line); m != nil {
		res.executions, _ = strconv.ParseUint(m[1], 10, 64)
	}
	if m := findingLine.FindStringSubmatch(line); m != nil {
		file := m[1] + m[2] + m[3]
		if m[3] == "" {
			file = filepath.ToSlash(filepath.Join(res.target.pkg, file))
		}
		res.findings = append(res.findings, file)
	}
	if len(line) > 2000 {
		line = line[:2000] + "..."
	}
	return []string{line}
}
