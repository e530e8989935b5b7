package java

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kafka is an installed Apache Kafka.
type Kafka struct {
	root string // the compat folder
	libs string
}

// Root is the folder that the wrapper scripts and their fixtures lie in. The
// scripts hand it over, because a built command does not know its source.
func Root() (string, error) {
	if root := os.Getenv("MOLDAU_COMPAT"); root != "" {
		return root, nil
	}
	return "", errors.New("MOLDAU_COMPAT is not set: start this through its script")
}

// Install finds the jars, fetching them the first time.
func Install(ctx context.Context) (*Kafka, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	install := exec.CommandContext(ctx, filepath.Join(root, "kafka", "install"))
	install.Stderr = os.Stderr
	out, err := install.Output()
	if err != nil {
		return nil, fmt.Errorf("kafka/install: %w", err)
	}
	return &Kafka{root: root, libs: strings.TrimSpace(string(out))}, nil
}

// Command runs a class, or a .java source file, with Kafka's jars on its class
// path. JVM options that make short runs cheap are set: on two shared cores a
// tool's start would otherwise cost more than its work.
func (k *Kafka) Command(ctx context.Context, class string, args ...string) *exec.Cmd {
	argv := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m",
		"-Dlog4j2.configurationFile=" + filepath.Join(k.root, "kafka", "log4j2.xml"),
		"-cp", filepath.Join(k.libs, "*"), class,
	}
	return exec.CommandContext(ctx, "java", append(argv, args...)...)
}

// Server is Command with the JVM options that [Kafka.Broker] has: for what is
// measured, and runs for long enough that all compilers pay.
func (k *Kafka) Server(ctx context.Context, class string, args ...string) *exec.Cmd {
	argv := []string{
		"-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
		"-Dlog4j2.configurationFile=" + filepath.Join(k.root, "kafka", "log4j2.xml"),
		"-cp", filepath.Join(k.libs, "*"), class,
	}
	return exec.CommandContext(ctx, "java", append(argv, args...)...)
}

// Source is a program of this folder, for Command or Server to run.
func (k *Kafka) Source(name string) string { return filepath.Join(k.root, "java", name) }

// Broker is the script that starts a real broker, ready for its arguments.
func (k *Kafka) Broker(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(k.root, "kafka", "broker"), args...)
}
