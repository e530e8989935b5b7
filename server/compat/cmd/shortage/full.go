package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"moldau/server/compat/broker"
)

const reserveBytes = 16 << 20

// full fills the disk, with records up to the reserve, with another program's file
// to the last block, and empties it again.
func (t *trial) full(ctx context.Context) error {
	if err := t.start(ctx, fmt.Sprint("moldau.reserve.bytes=", reserveBytes)); err != nil {
		return err
	}
	t.fillWithRecords(ctx)
	free := t.disk.free()
	t.expect(free > reserveBytes/2 && free < reserveBytes*3/2, "records stop at %d MiB free, %d MiB are reserved", free>>20, reserveBytes>>20)
	t.expect(t.metric(ctx, `moldau_disk_reserve_reached{store="data"}`) == 1, "metrics say that the reserve is reached")
	t.servesWhileFull(ctx, "at the reserve")
	if err := t.disk.fill(0); err != nil {
		return err
	}
	t.expect(t.disk.free() < 64<<10, "another program takes all but %d bytes", t.disk.free())
	t.servesWhileFull(ctx, "on a full disk")
	t.broker.Kill()
	b, err := broker.Start(ctx, t.launch)
	t.expect(err != nil && t.said("no space left on the device"), "it does not start without a free byte, and says why")
	if err == nil {
		b.Kill()
	}
	if err := remove(t.disk.ballast()); err != nil {
		return err
	}
	start := time.Now()
	if t.broker, err = broker.Start(ctx, t.launch); err != nil {
		return err
	}
	t.expect(true, "it starts with no more than the reserve, in %v", time.Since(start).Round(time.Millisecond))
	t.servesWhileFull(ctx, "after kill -9 and a start at the reserve")
	return t.roomAgain(ctx)
}

// fullWithoutReserve fills the device itself: appends meet ENOSPC.
func (t *trial) fullWithoutReserve(ctx context.Context) error {
	if err := t.start(ctx, "moldau.reserve.bytes=0"); err != nil {
		return err
	}
	t.produce(ctx, 256, patience)
	if err := t.disk.fill(8 << 20); err != nil {
		return err
	}
	t.fillWithRecords(ctx)
	t.expect(t.disk.free() < 4<<20, "records stop at %d KiB free", t.disk.free()>>10)
	t.servesWhileFull(ctx, "on a full device")
	if err := remove(t.disk.ballast()); err != nil {
		return err
	}
	return t.takenAgain(ctx)
}

// fillWithRecords produces until not even a single record is taken any more.
func (t *trial) fillWithRecords(ctx context.Context) {
	for t.produce(ctx, 128, 3*time.Second) > 0 {
	}
	for range 1000 {
		if t.refusal(ctx) != nil {
			return
		}
	}
}

func (t *trial) servesWhileFull(ctx context.Context, when string) {
	err := t.refusal(ctx)
	t.expect(err != nil && retriable(err), "%s an append is refused, by which clients retry: %v", when, err)
	t.allThere(ctx, when)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = t.kadm.ListTopics(ctx)
	t.expect(err == nil, "%s topics are listed (error: %v)", when, err)
}

// said tells whether the broker's log has a text.
func (t *trial) said(text string) bool {
	log, err := os.ReadFile(t.launch.LogFile())
	return err == nil && strings.Contains(string(log), text)
}

// roomAgain lets the broker itself give room back, by a shorter retention.
func (t *trial) roomAgain(ctx context.Context) error {
	t.allThere(ctx, "before records are deleted")
	starts, err := t.kadm.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	deleteTo := starts.Offsets()
	deleted, err := t.kadm.DeleteRecords(ctx, deleteTo)
	if err == nil {
		err = deleted.Error()
	}
	t.expect(err == nil, "records are deleted on a full disk (error: %v)", err)
	t.mu.Lock()
	clear(t.acked) // on purpose gone
	t.mu.Unlock()
	return t.takenAgain(ctx)
}

// takenAgain expects that appends succeed again, soon, and without a restart.
func (t *trial) takenAgain(ctx context.Context) error {
	start := time.Now()
	n := t.produce(ctx, 64, patience)
	t.expect(n == 64, "with %d MiB free %d of 64 records are taken, %v after", t.disk.free()>>20, n, time.Since(start).Round(time.Millisecond))
	t.expect(t.metric(ctx, `moldau_disk_reserve_reached{store="data"}`) == 0, "metrics say that the reserve is whole")
	return nil
}
