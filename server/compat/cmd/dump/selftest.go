package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"moldau/server/compat/dumplog"
	"moldau/server/compat/java"
)

// plantFaults shows that the check can fail: each planted fault in a copy of a
// good partition must be reported, against the file that it was planted in.
func plantFaults(ctx context.Context, kafka *java.Kafka) (bool, error) {
	dir, err := os.MkdirTemp("", "dump-self-test-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	good, err := goodPartition(ctx, filepath.Join(dir, "kafka"))
	if err != nil {
		return false, err
	}
	verdicts, err := judgeAll(ctx, kafka, good, dir)
	if err != nil {
		return false, err
	}
	missed := 0
	for i := range plants {
		p := &plants[i]
		if verdicts[i] != "" {
			missed++
			fmt.Printf("MISSED    %-42s %s\n", p.name, verdicts[i])
			continue
		}
		fmt.Printf("%-9s %s\n", map[bool]string{false: "reported", true: "silent"}[p.harmless], p.name)
	}
	undecoded, err := plantForeign(ctx, kafka, dir)
	if err != nil {
		return false, err
	}
	missed += undecoded
	fmt.Printf("%d plants, %d misjudged\n", len(plants)+len(foreign), missed)
	return missed == 0, nil
}

// judgeAll plants each fault in a copy of its own and tells, for each, what was
// wrong with the check's answer. One check judges all copies, because JVMs cost
// more than files; it also shows that one fault does not hide another.
func judgeAll(ctx context.Context, kafka *java.Kafka, good, dir string) ([]string, error) {
	spoilt := make([]string, len(plants)) // the file
	copies := map[bool][]string{}         // by whether gaps are allowed
	for i := range plants {
		p := &plants[i]
		partition, err := copyPartition(good, filepath.Join(dir, fmt.Sprintf("plant-%02d", i)))
		if err != nil {
			return nil, err
		}
		if spoilt[i], err = p.apply(partition); err != nil {
			return nil, err
		}
		copies[p.compacted] = append(copies[p.compacted], partition)
	}
	var findings []dumplog.Finding
	for compacted, dirs := range copies {
		o := dumplog.Options{Compacted: map[string]bool{plantedTopic: compacted}}
		report, err := dumplog.Check(ctx, kafka, dirs, o)
		if err != nil {
			return nil, err
		}
		findings = append(findings, report.Findings...)
	}
	verdicts := make([]string, len(plants))
	for i := range plants {
		verdicts[i] = plants[i].judge(spoilt[i], findings)
	}
	return verdicts, nil
}

// judge tells what is wrong with the findings in the plant's copy, or "".
func (p *plant) judge(spoilt string, findings []dumplog.Finding) string {
	var own []dumplog.Finding
	for _, f := range findings {
		if filepath.Dir(f.File) == filepath.Dir(spoilt) {
			own = append(own, f)
		}
	}
	if p.harmless {
		if len(own) > 0 {
			return fmt.Sprint("reported though harmless: ", own)
		}
		return ""
	}
	for _, f := range own {
		// Indexes are judged through one another and through the log, so that it is
		// the segment that a finding must name.
		segment := strings.TrimSuffix(filepath.Base(spoilt), p.file)
		if strings.HasPrefix(filepath.Base(f.File), segment) && strings.Contains(strings.ToLower(f.Text), strings.ToLower(p.report)) {
			return ""
		}
	}
	return fmt.Sprintf("not reported as such; findings: %v", own)
}
