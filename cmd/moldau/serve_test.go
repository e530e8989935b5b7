package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServeTellsWrongUsage(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{
		{"--listen", "foo"},
		{"--listen", ""},
		{"--listen", "127.0.0.1:many"},
		{"--listen", "127.0.0.1:65536"},
		{"--advertise", "foo"},
		{"--advertise", "0.0.0.0:9092"},
		{"--admin", "foo"},
		{"--data", ""},
		{"--durability", "perhaps"},
		{"--log-level", "loud"},
		{"--format", "xml"},
	} {
		code, _, errOut := moldau(t.Context(), "", append([]string{"serve", "--data", data}, args...)...)
		if code != exitUsage || !strings.Contains(errOut, "--help") {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the data directory was made")
	}
}

// cancelled makes serve start and close.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestServeLogsInTheFormatAskedFor(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		code, out, errOut := moldau(cancelled(t), "", "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--format", format)
		if code != exitDone || out != "" {
			t.Fatalf("%s: exit %d, %q on stdout", format, code, out)
		}
		lines := 0
		for line := range strings.Lines(errOut) {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); (err == nil) != (format == "json") {
				t.Errorf("%s: logged %s", format, line)
			}
			lines++
		}
		if lines == 0 {
			t.Errorf("%s: nothing is logged", format)
		}
	}
}
