package system

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// goneWaitMax is how long a system may take to delete what it was told to.
const goneWaitMax = 30 * time.Second

// gone waits until no file matches the pattern.
func gone(ctx context.Context, pattern string) error {
	ctx, cancel := context.WithTimeout(ctx, goneWaitMax)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		left, err := filepath.Glob(pattern)
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %s are not deleted: %w", len(left), pattern, context.Cause(ctx))
		}
	}
}
