package broker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"moldau/server/compat/java"
)

// Build builds Moldau from the repository that this folder lies in. MOLDAU_BIN
// names a binary to use instead.
func Build(ctx context.Context) (string, error) {
	if binary := os.Getenv("MOLDAU_BIN"); binary != "" {
		return filepath.Abs(binary)
	}
	root, err := java.Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(os.Getenv("MOLDAU_COMPAT_CACHE"), "bin", "moldau")
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "..", ".."), "-o", binary, "./cmd/moldau")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building moldau: %w\n%s", err, out)
	}
	return binary, nil
}
