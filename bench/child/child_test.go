package child_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"moldau/bench/child"
)

type task struct{ A, B int }

var add = child.NewRole("add", false, func(_ context.Context, t task) (int, error) {
	if t.B == 0 {
		return 0, errors.New("nothing to add")
	}
	return t.A + t.B, nil
})

func TestServePlaysTheRole(t *testing.T) {
	for _, c := range []struct{ name, in, out, err string }{
		{"add", `{"A": 2, "B": 3}`, "5\n", ""},
		{"add", `{"A": 2}`, "", "nothing to add"},
		{"add", `{"A": `, "", "unexpected EOF"},
		{"take", `{}`, "", `no role "take"`},
	} {
		var out strings.Builder
		err := child.Serve(t.Context(), []child.Role{add}, c.name, strings.NewReader(c.in), &out)
		if out.String() != c.out || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s of %s: %q, %v", c.name, c.in, out.String(), err)
		}
	}
}

// A role that stays has answered, and ends only when it is told to.
func TestServeStays(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stays := child.NewRole("stay", true, func(context.Context, task) (string, error) {
		stop()
		return "here", ctx.Err()
	})
	if err := child.Serve(t.Context(), []child.Role{stays}, "stay", strings.NewReader("{}"), &strings.Builder{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an error is lost: %v", err)
	}
	answers := child.NewRole("stay", true, func(context.Context, task) (string, error) { return "here", nil })
	var out strings.Builder
	if err := child.Serve(ctx, []child.Role{answers}, "stay", strings.NewReader("{}"), &out); err != nil || out.String() != "\"here\"\n" {
		t.Errorf("answered %q, %v", out.String(), err)
	}
}
