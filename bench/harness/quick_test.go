package harness_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"moldau/bench/harness"
)

// A quick run has its own values, but for what was asked for.
func TestQuickLeavesWhatWasGiven(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	block := flags.Duration("block", 3*time.Second, "how long")
	logs := flags.IntSlice("logs", []int{1, 6, 32}, "how many")
	bytes := flags.Int64("bytes", 1000, "of each")
	clients := flags.Int("clients", 64, "at once")
	harness.Quick(flags, "block", "300ms")
	harness.Quick(flags, "logs", "6,32")
	harness.Quick(flags, "bytes", "10")
	if err := flags.Parse([]string{"--bytes", "500"}); err != nil {
		t.Fatal(err)
	}
	if err := harness.Hasten(flags); err != nil {
		t.Fatal(err)
	}
	if *block != 300*time.Millisecond || !slices.Equal(*logs, []int{6, 32}) || *bytes != 500 || *clients != 64 {
		t.Errorf("block %v, logs %v, bytes %d, clients %d", *block, *logs, *bytes, *clients)
	}
}
