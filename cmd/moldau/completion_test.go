package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// patiently lets completions of a test take what they take.
func patiently(t *testing.T) {
	before := completionTimeout
	completionTimeout = time.Minute
	t.Cleanup(func() { completionTimeout = before })
}

// completed are the words that a shell is offered.
func completed(ctx context.Context, args ...string) []string {
	_, out, _ := moldau(ctx, "", append([]string{"__complete"}, args...)...)
	words := strings.Fields(out)
	return slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, ":") })
}

func TestTopicsAreCompleted(t *testing.T) {
	patiently(t)
	s := newSession(t)
	s.done("topic", "create", "events", "errors", "audit")
	for _, tc := range []struct {
		args []string // but for the broker
		want string
	}{
		{[]string{"consume", ""}, "audit errors events"},
		{[]string{"produce", "e"}, "errors events"},
		{[]string{"topic", "describe", "x"}, ""},
		{[]string{"topic", "delete", "errors", "e"}, "events"},
		{[]string{"topic", "alter", ""}, "audit errors events"},
		{[]string{"consume", "events", ""}, ""}, // takes one
	} {
		args := slices.Insert(slices.Clone(tc.args), len(tc.args)-1, "-b", s.addr)
		if got := completed(t.Context(), args...); strings.Join(got, " ") != tc.want {
			t.Errorf("%q is completed to %q, want %q", tc.args, got, tc.want)
		}
	}
}

func TestNothingIsCompletedWithoutABroker(t *testing.T) {
	if got := completed(t.Context(), "consume", "-b", "127.0.0.1:0", ""); len(got) > 0 {
		t.Errorf("completed to %q", got)
	}
	if got := completed(t.Context(), "consume", "-b", "nonsense:", ""); len(got) > 0 {
		t.Errorf("completed to %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as the time that is waited would be over
	s := newSession(t)
	s.done("topic", "create", "events")
	if got := completed(ctx, "consume", "-b", s.addr, ""); len(got) > 0 {
		t.Errorf("completed to %q although there is no time", got)
	}
}

func TestNamesCanBeCompletedEverywhere(t *testing.T) {
	for _, c := range allCommands() {
		words := strings.Fields(c.Use)
		if len(words) < 2 || c.Name() == "create" {
			continue
		}
		named := slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "TOPIC") || strings.HasPrefix(w, "GROUP") })
		if named && c.ValidArgsFunction == nil {
			t.Errorf("%s completes no names", c.CommandPath())
		}
	}
}

func TestFlagValuesAreCompleted(t *testing.T) {
	for args, want := range map[string]string{
		"topic list --format":                        "text",
		"produce t --acks":                           "all",
		"serve --set":                                "log.retention.ms=",
		"serve --durability":                         "os",
		"topic create --config":                      "retention.ms=",
		"topic alter t --config a=1 --delete-config": "retention.ms",
	} {
		if got := completed(t.Context(), append(strings.Fields(args), "")...); !slices.Contains(got, want) {
			t.Errorf("%s is completed to %q, want %s", args, got, want)
		}
	}
}
