package systemtest

import (
	"context"
	"io"
	"testing"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
	"moldau/bench/result"
	"moldau/bench/system"
)

// Plan plans a scenario as the command does, with arguments for its own flags.
func Plan(t *testing.T, of func(func(*harness.Session) *system.Pool) harness.Scenario, o harness.Options, args ...string) ([]harness.Workload, error) {
	t.Helper()
	scenario := of(system.NewPool)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	if scenario.Flags != nil {
		scenario.Flags(flags)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if o.Quick {
		if err := harness.Hasten(flags); err != nil {
			t.Fatal(err)
		}
	}
	if o.Durability == nil {
		o.Durability = []string{"os", "synced"}
	}
	return scenario.Plan(context.Background(), harness.NewSession(o, &result.Run{}, io.Discard))
}
