package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau/server"
	"moldau/server/metadata/configs"
)

func newCompletionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for a shell",
		Long: `Print a script that completes moldau's commands, flags, and the names of topics
and groups in bash, zsh, fish or powershell. For names the broker of
--bootstrap-server is asked, as far as it was typed; if none answers within a
second there are none.`,
		Example: `  source <(moldau completion bash)
  moldau completion fish > ~/.config/fish/completions/moldau.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			root, out := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(out)
			}
		},
	}
}

// completionTimeout is how long a person at a prompt is kept waiting for names. Tests
// have more patience.
var completionTimeout = time.Second

// namer asks a broker for names of one kind.
type namer func(ctx context.Context, admin *kadm.Client) ([]string, error)

func topicNames(ctx context.Context, admin *kadm.Client) ([]string, error) {
	topics, err := admin.ListTopics(ctx)
	return topics.Names(), err
}

// complete completes arguments, of which a command takes argsMax; 0 is any
// number. Whatever goes wrong, there are just no names: at a prompt nobody
// wants an error.
func (b *bootstrap) complete(names namer, argsMax int) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if argsMax > 0 && len(args) >= argsMax {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
		defer cancel()
		admin, err := b.connectAdmin(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer admin.Close()
		all, err := names(ctx, admin)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all = slices.DeleteFunc(all, func(name string) bool {
			return !strings.HasPrefix(name, prefix) || slices.Contains(args, name)
		})
		slices.Sort(all)
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// flagWords are the values of the flags that have few, whichever command they
// are of.
var flagWords = map[string][]string{
	"acks":        {"all", "1", "0"},
	"compression": {"none", "gzip", "snappy", "lz4", "zstd"},
	"durability":  {"synced", "os"},
	"format":      {"text", "json"},
	"log-level":   {"debug", "info", "warn", "error"},
	"offset":      {"beginning", "end"},
	"state":       groupStates,
	"to":          {"beginning", "end"},
}

// completeFlags tells the shell the values of all commands' flags.
func completeFlags(c *cobra.Command) {
	for flag, words := range flagWords {
		registerFlag(c, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	if c.Flag("set") != nil {
		var names []string
		for _, p := range server.KnownProperties() {
			names = append(names, p.Name+"=")
		}
		registerFlag(c, "set", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	}
	if c.HasParent() && c.Parent().Name() == "topic" {
		var sets, deletes []string
		for _, e := range (configs.Layers{}).Topic(nil, nil) {
			sets, deletes = append(sets, e.Name+"="), append(deletes, e.Name)
		}
		registerFlag(c, "config", cobra.FixedCompletions(sets, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
		registerFlag(c, "delete-config", cobra.FixedCompletions(deletes, cobra.ShellCompDirectiveNoFileComp))
	}
	registerFlag(c, "data", cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
}

// registerFlag does nothing for a flag that the command does not have.
func registerFlag(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if c.Flag(flag) != nil {
		// It fails only for one that is registered, as a parent's is.
		_ = c.RegisterFlagCompletionFunc(flag, f)
	}
}
