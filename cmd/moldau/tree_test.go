package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// moldau runs the command as main does.
func moldau(ctx context.Context, stdin string, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(ctx, args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// commands are all commands below root, which need not be executed for it.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

func allCommands() []*cobra.Command {
	root := newRootCommand()
	root.InitDefaultHelpCmd()
	return commands(root)
}

func TestEveryCommandExplainsItself(t *testing.T) {
	all := allCommands()
	if len(all) < 12 {
		t.Fatalf("the tree has only %d commands", len(all))
	}
	for _, c := range all {
		t.Run(c.CommandPath(), func(t *testing.T) {
			if c.Short == "" || strings.HasSuffix(c.Short, ".") {
				t.Errorf("short description %q", c.Short)
			}
			if c.RunE == nil {
				t.Error("no RunE, so it cannot fail")
			}
			if c.Flag("format") == nil && c.InheritedFlags().Lookup("format") == nil {
				t.Error("no --format")
			}
			args := append(strings.Fields(c.CommandPath())[1:], "--help")
			code, out, errOut := moldau(t.Context(), "", args...)
			if code != exitDone || errOut != "" {
				t.Errorf("--help: exit %d, %s", code, errOut)
			}
			if c.Example == "" || !strings.Contains(out, c.Example) {
				t.Error("help shows no example")
			}
			if !strings.Contains(out, "Exit codes: 0 ") || strings.Count(out, "Exit codes: ") != 1 {
				t.Error("help does not tell the exit codes once")
			}
			_, again, _ := moldau(t.Context(), "", append([]string{"help"}, args[:len(args)-1]...)...)
			if again != out {
				t.Error("help and --help differ")
			}
		})
	}
	if !strings.Contains(all[0].Long, "Exit codes: 0 done, 1 failed or fault found, 2 wrong usage.") {
		t.Error("the help does not tell the exit codes")
	}
}

// An example that the command would refuse is worse than none.
func TestExamplesAreAccepted(t *testing.T) {
	for _, c := range allCommands() {
		for line := range strings.Lines(c.Example) {
			args := exampleArgs(t, line)
			root := newRootCommand()
			root.InitDefaultHelpCmd()
			target, rest, err := root.Find(args)
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := target.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if err := target.ValidateArgs(target.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if c.HasParent() && !strings.HasPrefix(target.CommandPath(), c.CommandPath()) && c.Name() != "help" {
				t.Errorf("%q is an example of %s, not of %s", line, target.CommandPath(), c.CommandPath())
			}
		}
	}
}

// exampleArgs are the words behind moldau in a line of shell.
func exampleArgs(t *testing.T, line string) []string {
	t.Helper()
	_, line, found := strings.Cut(line, "moldau ")
	if !found {
		t.Fatalf("example %q does not run moldau", line)
	}
	var args []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case strings.ContainsRune("|<>)", r):
			// What follows is the shell's, but for flags behind a redirection.
			if inWord {
				args = append(args, word.String())
			}
			_, after, _ := strings.Cut(line, " -f ")
			if r == '<' && after != "" {
				args = append(args, "-f", strings.Trim(after, "' \n"))
			}
			return args
		case r == ' ':
			if inWord {
				args = append(args, word.String())
			}
			word.Reset()
			inWord = false
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	return args
}

func TestWrongUsageExitsWithTwo(t *testing.T) {
	for _, line := range []string{
		"",
		"tpic",
		"topic",
		"topic lst",
		"topic list extra",
		"topic list --bogus",
		"topic list --format xml",
		"topic create",
		"topic create t --partitions many",
		"topic create t --config novalue",
		"topic create t --config a=1 --config a=2",
		"topic alter t",
		"topic alter t --partitions -1",
		"topic alter t --config a=1 --delete-config a",
		"topic delete",
		"topic list -b 127.0.0.1:port",
		"produce",
		"produce t --acks 2",
		"produce t --compression rar",
		"produce t --partition -2",
		"produce t --header novalue",
		"produce t --timeout 1ms",
		"produce t -f %k%v --key k",
		"produce t -f %p%v --partition 1",
		"produce t -f %z",
		"consume",
		"consume t --offset middle",
		"consume t --max -1",
		"consume t --partitions a",
		"consume t --group g --partitions 0",
		"consume t -f %z",
		"consume t -f %v --format json",
		"group",
		"group list --state asleep",
		"group describe",
		"group delete",
		"group delete g --topic t:x",
		"group delete g --topic t --topic t:1",
		"group reset",
		"group reset g",
		"group reset g --topic t",
		"group reset g --to end",
		"group reset g --topic t --all-topics --to end",
		"group reset g --topic t --to end --shift-by 1",
		"group reset g --topic t --to middle",
		"completion tcsh",
		"help nope",
		"help topic nope",
		"log",
		"config",
		"config explain",
		"config list extra",
		"serve --set novalue",
		"serve --config /nowhere/at/all",
	} {
		code, out, errOut := moldau(t.Context(), "", strings.Fields(line)...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, "moldau: ") || !strings.Contains(errOut, "--help' for usage.") {
			t.Errorf("moldau %s: exit %d\n%s%s", line, code, out, errOut)
		}
	}
}

func TestNoBrokerIsSaidSo(t *testing.T) {
	for _, args := range [][]string{
		{"topic", "list"}, {"topic", "create", "t"}, {"topic", "describe", "t"}, {"topic", "delete", "t"},
		{"topic", "alter", "t", "--partitions", "2"}, {"produce", "t"}, {"consume", "t"}, {"consume", "t", "--group", "g"},
		{"group", "list"}, {"group", "describe", "g"}, {"group", "delete", "g"}, {"group", "reset", "g", "--all-topics", "--to", "end"},
	} {
		// Nobody can listen at port 0.
		code, out, errOut := moldau(t.Context(), "x\n", append(args, "-b", "127.0.0.1:0")...)
		if code != exitFailed || out != "" || !strings.Contains(errOut, "no broker answers at 127.0.0.1:0") || !strings.Contains(errOut, "moldau serve") {
			t.Errorf("%v: exit %d\n%s%s", args, code, out, errOut)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	c, _, err := newRootCommand().Find([]string{"completion"})
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range c.ValidArgs {
		code, out, _ := moldau(t.Context(), "", "completion", shell)
		if code != exitDone || !strings.Contains(out, "moldau") {
			t.Errorf("%s: exit %d, %d bytes", shell, code, len(out))
		}
	}
	if _, out, _ := moldau(t.Context(), "", "__complete", "topic", "d"); !slices.Contains(strings.Fields(out), "describe") {
		t.Errorf("topic d is completed to %q", out)
	}
}
