package main

import (
	"context"
	"os"
	"sync/atomic"
	"time"
)

func remove(name string) error { return os.Remove(name) }

// frozen lets the disk stand still under load, for long once and then again and
// again for moments.
func (t *trial) frozen(ctx context.Context) error {
	if err := t.start(ctx, "log.roll.ms=600000"); err != nil {
		return err
	}
	if n := t.produce(ctx, 512, patience); n < 512 {
		t.expect(false, "%d of 512 records are taken", n)
		return nil
	}
	t.allThere(ctx, "before")
	if err := t.disk.freeze(); err != nil {
		return err
	}
	const during = 200
	var acked, answered atomic.Int32
	done := make(chan struct{})
	t.send(ctx, during, func(err error) {
		if err == nil {
			acked.Add(1)
		}
		if answered.Add(1) == during {
			close(done)
		}
	})
	// What is in memory is served meanwhile.
	start := time.Now()
	t.allThere(ctx, "while the disk stands still")
	_, err := t.kadm.ListTopics(ctx)
	t.expect(err == nil && time.Since(start) < 10*time.Second, "reads and metadata took %v", time.Since(start).Round(time.Millisecond))
	pause(ctx, 8*time.Second-time.Since(start))
	t.expect(acked.Load() == 0, "%d of %d records are acknowledged while nothing can be written", acked.Load(), during)
	if err := t.disk.thaw(); err != nil {
		return err
	}
	start = time.Now()
	select {
	case <-done:
	case <-time.After(patience):
	}
	t.expect(acked.Load() == during, "%d of %d are, %v after it moves again", acked.Load(), during, time.Since(start).Round(time.Millisecond))
	return t.stuttering(ctx)
}

// stuttering is a slow disk: it stands still nine tenths of the time.
func (t *trial) stuttering(ctx context.Context) error {
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			err := t.disk.freeze()
			if err == nil {
				time.Sleep(180 * time.Millisecond)
				err = t.disk.thaw()
			}
			if err != nil {
				stopped <- err
				return
			}
			select {
			case <-stop:
				stopped <- nil
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	start := time.Now()
	n := t.produce(ctx, 1024, 2*patience)
	close(stop)
	if err := <-stopped; err != nil {
		return err
	}
	t.expect(n == 1024, "on a slow disk %d of 1024 records are taken, in %v", n, time.Since(start).Round(time.Millisecond))
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
