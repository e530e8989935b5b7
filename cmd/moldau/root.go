package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes, as documented in every command's help.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole command but for the process around it.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(errOut, "moldau: %v\n", err)
	var f *failure
	var u *usageError
	if errors.As(err, &f) && !errors.As(err, &u) {
		return exitFailed
	}
	fmt.Fprintf(errOut, "Run '%s --help' for usage.\n", c.CommandPath())
	return exitUsage
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "moldau",
		Short: "An event-streaming log that speaks Kafka's protocol",
		Long: `Moldau is an event-streaming log. It speaks the protocol of Apache Kafka 4.3 and
keeps Kafka's files: Kafka's clients and tools work with it, and these commands
work with Kafka.

Exit codes: 0 done, 1 failed or fault found, 2 wrong usage.`,
		Example: `  moldau serve
  moldau topic create events --partitions 6
  echo hello | moldau produce events
  moldau consume events --offset beginning --until-end`,
		Version:           version(),
		RunE:              requireSubcommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	format := formatText
	root.PersistentFlags().Var(&format, "format", "`text` or json")
	help := newHelpCommand()
	root.SetHelpCommand(help)
	root.AddCommand(
		newServeCommand(),
		newTopicCommand(),
		newGroupCommand(),
		newProduceCommand(),
		newConsumeCommand(),
		newLogCommand(),
		newConfigCommand(),
		newCompletionCommand(),
	)
	documentExitCodes(root)
	documentExitCodes(help) // not in the tree before the root is executed
	markFailures(root)
	completeFlags(root)
	return root
}

// documentExitCodes tells them in the help of every command that does not tell
// its own.
func documentExitCodes(c *cobra.Command) {
	if !strings.Contains(c.Long, "Exit codes: ") {
		if c.Long == "" {
			c.Long = c.Short + "."
		}
		c.Long += "\n\nExit codes: 0 done, 1 failed, 2 wrong usage."
	}
	for _, sub := range c.Commands() {
		documentExitCodes(sub)
	}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// usageError is what a command finds wrong with its command line itself.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usageErrorf(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// failure is an error of a command that had begun to run. All others are about
// the command line.
type failure struct{ err error }

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

// markFailures wraps the errors of every command. Cobra returns its own and the
// commands' alike, and has no types to tell them apart by.
func markFailures(c *cobra.Command) {
	if body := c.RunE; body != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := body(c, args); err != nil {
				return &failure{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markFailures(sub)
	}
}

// requireSubcommand is the body of a command that does nothing by itself. It
// fails: in a script a missing word shall not pass for success.
func requireSubcommand(c *cobra.Command, _ []string) error {
	c.SetOut(c.ErrOrStderr())
	if err := c.Help(); err != nil {
		return err
	}
	return usageErrorf("%s needs a subcommand", c.CommandPath())
}

// newHelpCommand takes the place of cobra's, which succeeds for commands that do
// not exist.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "Show the help of a command",
		Example: `  moldau help topic create`,
		RunE: func(c *cobra.Command, args []string) error {
			target, rest, err := c.Root().Find(args)
			if err != nil {
				return &usageError{err}
			}
			if len(rest) > 0 {
				return usageErrorf("unknown command %q for %q", rest[0], target.CommandPath())
			}
			target.InitDefaultHelpFlag()
			target.InitDefaultVersionFlag()
			return target.Help()
		},
	}
}
