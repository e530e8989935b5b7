package broker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"time"
)

// KilledAgain kills the broker and starts it again, one time in four killing it
// once more while it is still recovering. next is nil after an error; early is
// whether it was killed twice, took how long the last start needed.
func (b *Broker) KilledAgain(ctx context.Context, random *rand.Rand) (next *Broker, early bool, took time.Duration, err error) {
	b.Kill()
	if early = random.IntN(4) == 0; early {
		recovering, err := Spawn(ctx, b.Launch)
		if err != nil {
			return nil, early, 0, err
		}
		select {
		case <-time.After(time.Duration(random.IntN(60_000)) * time.Microsecond):
		case <-ctx.Done():
		}
		recovering.Kill()
	}
	start := time.Now()
	next, err = Start(ctx, b.Launch)
	return next, early, time.Since(start), err
}

// Verify lets Moldau's own checker look at the directory of a broker that is
// not running, prints what it says and returns how many faults that is. Kafka
// has no checker.
func (l *Launch) Verify(ctx context.Context, state string) int {
	if l.Binary == "" {
		return 0
	}
	out, err := exec.CommandContext(ctx, l.Binary, "log", "verify", l.LogDir()).CombinedOutput()
	if err != nil {
		fmt.Printf("FAULT moldau log verify, directory %s: %v\n%s", state, err, out)
		return 1
	}
	fmt.Printf("moldau log verify, directory %s: no fault\n", state)
	return 0
}
