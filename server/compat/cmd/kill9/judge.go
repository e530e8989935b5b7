package main

import (
	"context"
	"fmt"
	"path/filepath"

	"moldau/server/compat/broker"
	"moldau/server/compat/dumplog"
	"moldau/server/compat/java"
)

// judge kills the broker a last time, so that what is read is what the disk
// holds, and lets everybody who can read the files look at them.
func (t *trial) judge(ctx context.Context) (faults int, err error) {
	t.broker.Kill()
	faults = t.launch.Verify(ctx, "left by kill -9")
	if t.broker, err = broker.Start(ctx, t.launch); err != nil {
		return 0, err
	}
	if err := readAll(ctx, t.launch.Addr(), t.partitions, t.history); err != nil {
		return 0, fmt.Errorf("final read: %w", err)
	}
	err = t.broker.Stop()
	t.broker = nil
	if err != nil {
		return 0, fmt.Errorf("clean close: %w", err)
	}
	found := t.history.Check()
	const shown = 20
	for i, f := range found {
		if i == shown {
			fmt.Printf("... and %d more\n", len(found)-shown)
			break
		}
		fmt.Println("FAULT", f)
	}
	c := t.history.Counts()
	fmt.Printf("%d kills under load, %d more while recovering: %d records sent, %d acknowledged, %d failed; %d read in the end, %d seen on the way: %d faults\n",
		t.cycles+1, t.early, c.Sent, c.Acked, c.Failed, c.Stored, c.Seen, len(found))
	dumped, err := t.dump(ctx)
	if err != nil {
		return 0, err
	}
	verified := t.launch.Verify(ctx, "closed cleanly")
	return faults + len(found) + dumped + verified, nil
}

// dump lets Kafka's tool judge what was closed cleanly.
func (t *trial) dump(ctx context.Context) (int, error) {
	kafka, err := java.Install(ctx)
	if err != nil {
		return 0, err
	}
	var dirs []string
	for p := range t.partitions {
		dirs = append(dirs, filepath.Join(t.launch.LogDir(), fmt.Sprintf("%s-%d", topic, p)))
	}
	report, err := dumplog.Check(ctx, kafka, dirs, dumplog.Options{})
	if err != nil {
		return 0, err
	}
	for _, f := range report.Findings {
		fmt.Println("FAULT", f)
	}
	fmt.Printf("dump: %d files, %d batches, %d records: %d faults\n", report.Files, report.Batches, report.Records, len(report.Findings))
	return len(report.Findings), nil
}
