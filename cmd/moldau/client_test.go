package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moldau/server/servertest"
)

// session runs commands against one broker.
type session struct {
	t    *testing.T
	addr string
}

func newSession(t *testing.T) session { return session{t, servertest.Start(t).Addr()} }

// want runs a command and returns what it printed; another exit code than the
// wanted one fails the test.
func (s session) want(code int, stdin string, args ...string) (out, errOut string) {
	s.t.Helper()
	got, out, errOut := moldau(s.t.Context(), stdin, append(args, "-b", s.addr)...)
	if got != code {
		s.t.Fatalf("moldau %q: exit %d, want %d\n%s%s", args, got, code, out, errOut)
	}
	return out, errOut
}

func (s session) done(args ...string) string {
	s.t.Helper()
	out, _ := s.want(exitDone, "", args...)
	return out
}

func sortedLines(s string) []string {
	return slices.Sorted(strings.Lines(s))
}

func TestProducedLinesAreConsumed(t *testing.T) {
	s := newSession(t)
	s.done("topic", "create", "events", "--partitions", "3")
	s.want(exitDone, "one\ntwo\n\nlast without an end", "produce", "events")
	got := s.done("consume", "events", "--offset", "beginning", "--until-end")
	if want := sortedLines("one\ntwo\n\nlast without an end\n"); !slices.Equal(sortedLines(got), want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProduceFormatsAndFlags(t *testing.T) {
	s := newSession(t)
	s.done("topic", "create", "t", "--partitions", "2")
	file := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		stdin string
		args  string
		want  string
	}{
		{"k1\tv1\n", `-f %k\t%v\n -p 1`, "1|k1|v1|"},
		{"v2", "--key k2 --partition 0 --header a=1 --header b=x=y", "0|k2|v2|a=1 b=x=y "},
		{"1 v3\n", `-f %p_%v\n`, ""}, // does not match: see below
		{"1:v4\n", `-f %p:%v\n`, "1||v4|"},
		{"\n", "-p 0 --key k6 --empty-as-null", "0|k6||"},
		{"k8\t\n", `-f %k\t%v\n -p 0`, "0|k8||"},
		{"\tv9\n", `-f %k\t%v\n -p 0`, "0||v9|"},
		{"", "-p 1 --file " + file, "1||from a file|"},
		{"v7", "-p 0 -z gzip", "0||v7|"}, {"v7", "-p 0 -z snappy", "0||v7|"},
		{"v7", "-p 0 -z lz4", "0||v7|"}, {"v7", "-p 0 -z zstd", "0||v7|"},
	} {
		if tc.want == "" {
			if _, errOut := s.want(exitFailed, tc.stdin, append([]string{"produce", "t"}, strings.Fields(tc.args)...)...); !strings.Contains(errOut, "read record 1") {
				t.Errorf("%s: %s", tc.args, errOut)
			}
			continue
		}
		var before []string
		if out, _ := s.want(exitDone, "", "consume", "t", "-o", "beginning", "-e", "-f", `%p|%k|%v|%h{%k=%v }\n`); out != "" {
			before = sortedLines(out)
		}
		s.want(exitDone, tc.stdin, append([]string{"produce", "t"}, strings.Fields(tc.args)...)...)
		after := sortedLines(s.done("consume", "t", "-o", "beginning", "-e", "-f", `%p|%k|%v|%h{%k=%v }\n`))
		if want := slices.Sorted(slices.Values(append(before, tc.want+"\n"))); !slices.Equal(after, want) {
			t.Errorf("%s: %q, want %q", tc.args, after, want)
		}
	}
	null, _ := s.want(exitDone, "", "consume", "t", "-o", "beginning", "-e", "--format", "json")
	for _, want := range []string{`"key":"k6","value":null`, `"key":"k8","value":""`, `"key":"","value":"v9"`, `"key":null,"value":"v7"`} {
		if !strings.Contains(null, want) {
			t.Errorf("no %s in %s", want, null)
		}
	}
}

func TestProduceWithFewerAcknowledgements(t *testing.T) {
	s := newSession(t)
	for _, acks := range []string{"0", "1"} {
		topic := "acks" + acks
		s.done("topic", "create", topic)
		s.want(exitDone, "sent\n", "produce", topic, "--acks", acks)
		// It may not be readable yet, so the end is not asked for.
		if out := s.done("consume", topic, "-o", "beginning", "--max", "1"); out != "sent\n" {
			t.Errorf("acks %s: consumed %q", acks, out)
		}
	}
}

func TestConsumeFromAndTo(t *testing.T) {
	s := newSession(t)
	s.done("topic", "create", "t", "--partitions", "2", "--config", "retention.ms=-1")
	for p := range 2 {
		var lines strings.Builder
		for i := range 5 {
			fmt.Fprintf(&lines, "%d p%do%d\n", 1_700_000_000_000+1000*i, p, i)
		}
		s.want(exitDone, lines.String(), "produce", "t", "-f", `%d %v\n`, "-p", fmt.Sprint(p))
	}
	for _, tc := range []struct{ args, want string }{
		{"-o beginning -e -p 0", "p0o0 p0o1 p0o2 p0o3 p0o4"},
		{"-o 3 -e", "p0o3 p0o4 p1o3 p1o4"},
		{"-o 5 -e", ""},
		{"-o end -e", ""},
		{"-o @1700000003000 -e", "p0o3 p0o4 p1o3 p1o4"},
		{"-o @1700000002500 -e -p 1", "p1o3 p1o4"},
		{"-o 2023-11-14T22:13:24Z -e", "p0o4 p1o4"},
		{"-o @1700000009000 -e", ""},
		{"-o 1 -n 2 -p 1", "p1o1 p1o2"},
		{"-o beginning -n 4 -e -p 0", "p0o0 p0o1 p0o2 p0o3"},
	} {
		got := s.done(append([]string{"consume", "t"}, strings.Fields(tc.args)...)...)
		if want := strings.Fields(tc.want); !slices.Equal(slices.Sorted(slices.Values(strings.Fields(got))), want) {
			t.Errorf("consume %s: %q, want %q", tc.args, got, want)
		}
	}
	for args, want := range map[string]string{
		"t -o 6 -e":             "offset 6 of t-0 is outside of 0 to 5",
		"t -p 2 -e":             "topic t: it has no partition 2",
		"nope -o beginning -e":  "UNKNOWN_TOPIC_OR_PARTITION",
		"bad/name -o beginning": "topic bad/name: ",
	} {
		out, errOut := s.want(exitFailed, "", append([]string{"consume"}, strings.Fields(args)...)...)
		if out != "" || !strings.Contains(errOut, want) {
			t.Errorf("consume %s: %s%s, want %q", args, out, errOut, want)
		}
	}
}

// firstWrite tells when something has been printed.
type firstWrite struct {
	bytes.Buffer
	seen func()
}

func (w *firstWrite) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if n > 0 {
		w.seen()
	}
	return n, err
}

func TestConsumeFollowsUntilItIsInterrupted(t *testing.T) {
	s := newSession(t)
	s.want(exitDone, "one\n", "produce", "t")
	for _, tc := range []struct {
		args string
		code int
	}{
		{"-o beginning", exitDone},
		{"-o beginning --max 2", exitFailed},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &firstWrite{seen: cancel}
		var errOut bytes.Buffer
		args := append([]string{"consume", "t", "-b", s.addr}, strings.Fields(tc.args)...)
		if code := run(ctx, args, nil, out, &errOut); code != tc.code || out.String() != "one\n" {
			t.Errorf("%s: exit %d, want %d\n%s%s", tc.args, code, tc.code, out, &errOut)
		}
		cancel()
	}
}

func TestInterruptedProduceSendsWhatItRead(t *testing.T) {
	s := newSession(t)
	s.done("topic", "create", "t")
	ctx, cancel := context.WithCancel(t.Context())
	in, typed := io.Pipe()
	defer typed.Close()
	go func() {
		for range 1000 {
			fmt.Fprintln(typed, "line")
		}
		cancel() // and the input never ends
	}()
	var out, errOut bytes.Buffer
	code := run(ctx, []string{"produce", "t", "-b", s.addr, "--format", "json"}, in, &out, &errOut)
	if code != exitFailed || !strings.Contains(errOut.String(), "interrupted") {
		t.Errorf("exit %d: %s", code, &errOut)
	}
	var report deliveryReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	consumed := s.done("consume", "t", "-o", "beginning", "-e")
	if n := int64(strings.Count(consumed, "\n")); n != report.Acknowledged || report.Failed != 0 {
		t.Errorf("%d records are in the log, reported is %+v", n, report)
	}
}

func TestProduceFailsIfARecordIsNotAcknowledged(t *testing.T) {
	s := newSession(t)
	s.done("topic", "create", "t", "--config", "max.message.bytes=200")
	out, errOut := s.want(exitFailed, "good\n"+strings.Repeat("x", 5000)+"\n", "produce", "t", "--format", "json")
	if !strings.Contains(errOut, "MESSAGE_TOO_LARGE") {
		t.Errorf("error is %q", errOut)
	}
	var report deliveryReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Failed == 0 {
		t.Errorf("%s: %v", out, err)
	}
}

func TestTopics(t *testing.T) {
	s := newSession(t)
	for _, step := range []struct {
		code int
		args string
		want string // in standard output, or in the error where the code is not 0
	}{
		{0, "topic list", "TOPIC"},
		{0, "topic create a b --partitions 3 --config retention.ms=3600000 --replication-factor 1", "created"},
		{1, "topic create a", "TOPIC_ALREADY_EXISTS"},
		{1, "topic create a c", "1 of 2 topics failed"},
		{0, "topic create a --if-not-exists", "exists"},
		{0, "topic create dry --dry-run", "would be created"},
		{1, "topic create a --dry-run", "TOPIC_ALREADY_EXISTS"},
		{1, "topic create bad/name", "INVALID_TOPIC_EXCEPTION"},
		{1, "topic create d --config nonsense=1", "INVALID_CONFIG"},
		{1, "topic describe dry", "UNKNOWN_TOPIC_OR_PARTITION"},
		{0, "topic describe a", "retention.ms=3600000"},
		{0, "topic describe a --all-configs", "segment.bytes=1073741824"},
		{0, "topic alter a --config retention.ms=7200000 --partitions 5", "altered"},
		{0, "topic describe a", "retention.ms=7200000"},
		{0, "topic describe a", "topic a, 5 partitions"},
		{0, "topic alter a --delete-config retention.ms --partitions 6 --dry-run", "would be altered"},
		{0, "topic describe a", "topic a, 5 partitions"},
		{0, "topic alter a --delete-config retention.ms", "altered"},
		{1, "topic alter a --partitions 2", "INVALID_PARTITIONS"},
		{1, "topic alter a --config nonsense=1", "INVALID_CONFIG"},
		{1, "topic alter nope --config retention.ms=1", "UNKNOWN_TOPIC_OR_PARTITION"},
		{0, "topic delete a --dry-run", "would be deleted"},
		{0, "topic delete a", "deleted"},
		{1, "topic delete a", "UNKNOWN_TOPIC_OR_PARTITION"},
		{1, "topic delete a --dry-run", "UNKNOWN_TOPIC_OR_PARTITION"},
		{0, "topic delete a --if-exists", "does not exist"},
	} {
		out, errOut := s.want(step.code, "", strings.Fields(step.args)...)
		if !strings.Contains(out+errOut, step.want) {
			t.Errorf("moldau %s: %q is not in\n%s%s", step.args, step.want, out, errOut)
		}
	}
	if out := s.done("topic", "describe", "b"); strings.Contains(out, "segment.bytes") {
		t.Errorf("defaults are shown unasked:\n%s", out)
	}
	if out := s.done("topic", "list"); strings.Contains(out, "a ") || !strings.Contains(out, "b ") {
		t.Errorf("list:\n%s", out)
	}
}

// Every command that prints results prints JSON when told so, and nothing else.
func TestFormatJSONIsHonoured(t *testing.T) {
	s := newSession(t)
	data, _ := logDir(t)
	ours, theirs := closedData(t), filepath.Join(t.TempDir(), "kafka")
	runs := map[string]struct{ stdin, args string }{
		"moldau topic create":   {"", "topic create t u -b " + s.addr},
		"moldau topic alter":    {"", "topic alter t --partitions 2 -b " + s.addr},
		"moldau topic describe": {"", "topic describe t u -b " + s.addr},
		"moldau topic list":     {"", "topic list -b " + s.addr},
		"moldau produce":        {"v\n", "produce t -b " + s.addr},
		"moldau consume":        {"", "consume t -o beginning -e -b " + s.addr},
		"moldau group reset":    {"", "group reset g --topic t --to end -b " + s.addr},
		"moldau group list":     {"", "group list -b " + s.addr},
		"moldau group describe": {"", "group describe g -b " + s.addr},
		"moldau group delete":   {"", "group delete g -b " + s.addr},
		"moldau topic delete":   {"", "topic delete t u -b " + s.addr},
		"moldau log dump":       {"", "log dump " + filepath.Join(data, "logs", "t-0")},
		"moldau log verify":     {"", "log verify " + data},
		"moldau log stat":       {"", "log stat " + data},
		"moldau log repair":     {"", "log repair " + data},
		"moldau log export":     {"", "log export " + ours + " --to " + theirs},
		"moldau log import":     {"", "log import " + theirs + " --to " + filepath.Join(t.TempDir(), "data")},
		"moldau config explain": {"", "config explain " + kafkaFile(t)},
		"moldau config list":    {"", "config list"},
	}
	// These print no results: text for shells and people, or a log.
	without := []string{"moldau serve", "moldau help", "moldau completion"}
	order := []string{"moldau topic create", "moldau topic alter", "moldau topic describe", "moldau topic list",
		"moldau produce", "moldau consume", "moldau group reset", "moldau group list", "moldau group describe",
		"moldau group delete", "moldau topic delete", "moldau log dump", "moldau log verify",
		"moldau log stat", "moldau log repair", "moldau log export", "moldau log import",
		"moldau config explain", "moldau config list"}
	for _, c := range allCommands() {
		path := c.CommandPath()
		if !c.HasSubCommands() && !slices.Contains(order, path) && !slices.Contains(without, path) {
			t.Errorf("%s is not in this test", path)
		}
	}
	for _, path := range order {
		r := runs[path]
		code, out, errOut := moldau(t.Context(), r.stdin, append(strings.Fields(r.args), "--format", "json")...)
		if code != exitDone || out == "" {
			t.Errorf("%s: exit %d\n%s%s", path, code, out, errOut)
		}
		for line := range strings.Lines(out) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s prints %q", path, line)
			}
		}
	}
}
