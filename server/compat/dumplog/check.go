package dumplog

import (
	"context"
	"fmt"

	"moldau/server/compat/java"
)

// Finding is one thing that the tool, or its end, said against a file.
type Finding struct {
	File string // as far as it is known
	Pass string // which options were in force
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("%s: [%s] %s", f.File, f.Pass, f.Text) }

// Report is what a check saw. Its counts show that it looked at something.
type Report struct {
	Partitions, Files int
	Batches, Records  int64
	Entries           int64 // of indexes
	Decoded           Decoded
	Findings          []Finding
}

// OffsetsTopic is where groups are kept. Its records are decoded too.
const OffsetsTopic = "__consumer_offsets"

// Decoded counts the records of OffsetsTopic by what they are.
type Decoded struct {
	Commits, Groups, Others int64
}

func (r *Report) add(o Report) {
	r.Decoded.Commits += o.Decoded.Commits
	r.Decoded.Groups += o.Decoded.Groups
	r.Decoded.Others += o.Decoded.Others
	r.Batches += o.Batches
	r.Records += o.Records
	r.Entries += o.Entries
	r.Findings = append(r.Findings, o.Findings...)
}

// Options select what is a fault.
type Options struct {
	// Compacted topics may have gaps between offsets.
	Compacted map[string]bool
}

// decoding is the option under which records are shown by their meaning.
const decoding = "--offsets-decoder"

// argumentBytesMax keeps a list of files below the kernel's limit for one
// argument, 128 KiB.
const argumentBytesMax = 96 << 10

// Check runs the tool over every file of the directories, in as few JVMs as
// the options allow: one for data and producer state, and one for each of the
// ways to look at indexes, which exclude one another. Printing an index
// verifies it as --verify-index-only does and shows its order besides.
func Check(ctx context.Context, kafka *java.Kafka, dirs []string, o Options) (*Report, error) {
	partitions, err := find(dirs)
	if err != nil {
		return nil, err
	}
	report := &Report{Partitions: len(partitions)}
	var data, indexes, offsets []string
	for _, p := range partitions {
		found, err := p.shape()
		if err != nil {
			return nil, err
		}
		report.Findings = append(report.Findings, found...)
		for _, suffix := range []string{"log", "snapshot", "txnindex", "checkpoint"} {
			data = append(data, p.files[suffix]...)
		}
		if p.topic() == OffsetsTopic {
			offsets = append(offsets, p.files["log"]...)
		}
		indexes = append(indexes, p.files["index"]...)
		indexes = append(indexes, p.files["timeindex"]...)
	}
	report.Files = len(data) + len(indexes)
	for _, pass := range []struct {
		name    string
		options []string
		files   []string
	}{
		{"--deep-iteration", []string{"--deep-iteration"}, data},
		{"plain", nil, indexes},
		{"--verify-index-only", []string{"--verify-index-only"}, indexes},
		{"--index-sanity-check", []string{"--index-sanity-check"}, indexes},
		{decoding, []string{decoding}, offsets},
	} {
		r := run{kafka: kafka, options: pass.options, report: report, decodes: pass.name == decoding}
		before := len(report.Findings)
		if err := r.all(ctx, pass.files); err != nil {
			return nil, err
		}
		report.Findings = append(report.Findings[:before], judge(report.Findings[before:], pass.name, o)...)
	}
	return report, nil
}
