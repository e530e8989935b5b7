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
	if err := t.observer.Read(ctx, "who asks in the end"); err != nil {
		return 0, fmt.Errorf("final read: %w", err)
	}
	err = t.broker.Stop()
	t.broker = nil
	if err != nil {
		return 0, fmt.Errorf("clean close: %w", err)
	}
	fmt.Printf("%d kills under load, %d more while recovering\n", t.cycles+1, t.early)
	found := t.history.Report()
	dumped, err := t.dump(ctx)
	if err != nil {
		return 0, err
	}
	verified := t.launch.Verify(ctx, "closed cleanly")
	return faults + found + dumped + verified, nil
}

// dump lets Kafka's tool judge what was closed cleanly, and decode what the
// groups are kept in.
func (t *trial) dump(ctx context.Context) (int, error) {
	kafka, err := java.Install(ctx)
	if err != nil {
		return 0, err
	}
	dirs, err := filepath.Glob(filepath.Join(t.launch.LogDir(), dumplog.OffsetsTopic+"-*"))
	if err != nil {
		return 0, err
	}
	report, err := dumplog.Check(ctx, kafka, dirs, dumplog.Options{Compacted: map[string]bool{dumplog.OffsetsTopic: true}})
	if err != nil {
		return 0, err
	}
	for _, f := range report.Findings {
		fmt.Println("FAULT", f)
	}
	faults := len(report.Findings)
	fmt.Printf("dump: %d files, %d batches, %d records; decoded %d commits, %d groups, %d others: %d faults\n", report.Files,
		report.Batches, report.Records, report.Decoded.Commits, report.Decoded.Groups, report.Decoded.Others, faults)
	if report.Decoded.Commits == 0 || report.Decoded.Groups == 0 {
		fmt.Println("FAULT no commits or no groups were there to decode")
		faults++
	}
	return faults, nil
}
