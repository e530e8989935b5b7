package system_test

import (
	"os"
	"path/filepath"
	"testing"

	"moldau/bench/system"
)

// What is not a Go program, or was not built of a commit, is of none.
func TestRevision(t *testing.T) {
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{name, filepath.Join(t.TempDir(), "none")} {
		if got := system.Revision(program); got != "unknown" {
			t.Errorf("%s: %q", program, got)
		}
	}
}

func TestKafkaVersion(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("kafka/pom.xml", "<artifactId>other</artifactId><version>9.9</version>\n<artifactId>kafka_2.13</artifactId><version>4.3.1</version>\n")
	write("libs/kafka_2.13-4.2.0.jar", "")
	write("libs/kafka-clients-4.1.0.jar", "")
	for _, c := range []struct{ libs, compat, want string }{
		{"", dir, "4.3.1"},
		{"", filepath.Join(dir, "libs"), "unknown"},
		{filepath.Join(dir, "libs"), dir, "4.2.0"}, // the jars that are there, not those that would be fetched
		{filepath.Join(dir, "kafka"), dir, "unknown"},
	} {
		t.Setenv("MOLDAU_KAFKA_LIBS", c.libs)
		t.Setenv("MOLDAU_COMPAT", c.compat)
		if got := system.KafkaVersion(); got != c.want {
			t.Errorf("jars %q, list %q: %q, want %q", c.libs, c.compat, got, c.want)
		}
	}
}
