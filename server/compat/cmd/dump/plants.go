package main

import (
	"fmt"
	"os"
	"path/filepath"

	"moldau/server/compat/spoil"
)

// plant is one fault and what the check must say of it.
type plant struct {
	name string
	file string // suffix of the file that is spoilt: of the first segment, or "last" of the last
	last bool
	// spoil changes a file's bytes in the copy; nil removes the file.
	spoil func(b []byte) []byte
	// report is in the finding's text; file it must name follows from the above.
	report string
	// compacted runs the check with gaps allowed.
	compacted bool
	// harmless is a change that must not be reported.
	harmless bool
}

// Sizes and places are Kafka's: an index entry is a relative offset and a
// position, a time entry a timestamp and a relative offset.
const (
	indexEntryBytes     = 8
	timeIndexEntryBytes = 12
)

var plants = []plant{
	{name: "nothing", file: ".log", spoil: func(b []byte) []byte { return b }, harmless: true},
	{name: "byte flipped in record data", file: ".log", spoil: spoil.FlipRecordByte, report: "isvalid: false"},
	{name: "byte flipped in the last segment", file: ".log", last: true, spoil: spoil.FlipRecordByte, report: "isvalid: false"},
	{name: "bit flipped in a batch's CRC", file: ".log", spoil: spoil.Flip(17), report: "isvalid: false"},
	{name: "magic 7", file: ".log", spoil: spoil.Set(16, 7), report: "magic: 7"},
	{name: "torn tail", file: ".log", last: true, spoil: spoil.Cut(100), report: "invalid bytes at the end of"},
	{name: "torn header", file: ".log", last: true, spoil: spoil.KeepOfLastBatch(20), report: "invalid bytes at the end of"},
	{name: "zero-filled tail", file: ".log", last: true, spoil: spoil.AppendZeros, report: "Exception"},
	{name: "batch missing in the middle", file: ".log", last: true, spoil: spoil.WithoutBatch(3), report: "Non-consecutive offsets in"},
	{name: "base offset going back", file: ".log", spoil: spoil.RepeatFirstBatch, report: "Non-consecutive offsets in"},
	{name: "gap", file: ".log", last: true, spoil: spoil.WithoutLastData, report: "Non-consecutive offsets in"},
	{name: "gap in a compacted topic", file: ".log", last: true, spoil: spoil.WithoutLastData, compacted: true, harmless: true},
	{name: "index entry's offset one too high", file: ".index", spoil: spoil.Add32(2*indexEntryBytes+3, 1), report: "Mismatches in :"},
	{name: "index entry's position of another batch", file: ".index", spoil: spoil.CopyField(indexEntryBytes+4, 2*indexEntryBytes+4, 4), report: "Mismatches in :"},
	{name: "index entries swapped", file: ".index", spoil: spoil.Swap(indexEntryBytes, 2*indexEntryBytes, indexEntryBytes), report: "does not rise"},
	{name: "index scrambled", file: ".index", spoil: spoil.Scramble, report: ""},
	{name: "index behind the log", file: ".index", spoil: spoil.SetLast32(indexEntryBytes, 4, 1<<30), report: ""},
	{name: "index missing", file: ".index", report: "no such index"},
	{name: "time index missing", file: ".timeindex", report: "no such index"},
	{name: "wrong time entry", file: ".timeindex", spoil: spoil.Add32(timeIndexEntryBytes+7, 5), report: "timestamp mismatch in"},
	{name: "time entries swapped", file: ".timeindex", spoil: spoil.Swap(timeIndexEntryBytes, 2*timeIndexEntryBytes, timeIndexEntryBytes), report: "out of order timestamp in"},
	{name: "time entry of an offset inside a batch", file: ".timeindex", spoil: spoil.Add32(timeIndexEntryBytes+11, 255), report: "indexed offsets are not found in"},
	{name: "time index scrambled", file: ".timeindex", spoil: spoil.Scramble, report: ""},
	{name: "time index preallocated", file: ".timeindex", spoil: spoil.AppendZeros, report: "Corrupt time index"},
	{name: "snapshot's CRC", file: ".snapshot", last: true, spoil: spoil.Flip(3), report: "corrupt"},
	{name: "snapshot's version", file: ".snapshot", last: true, spoil: spoil.Set(1, 9), report: "version"},
	{name: "snapshot cut", file: ".snapshot", last: true, spoil: spoil.Cut(10), report: ""},
	{name: "transaction index of another version", file: ".txnindex", spoil: spoil.Set(1, 9), report: "version 9"},
	{name: "transaction index cut", file: ".txnindex", spoil: spoil.Cut(3), report: "multiple"},
	{name: "index cut", file: ".index", spoil: spoil.Cut(3), report: "multiple"},
	{name: "time index cut", file: ".timeindex", last: true, spoil: spoil.Cut(3), report: "multiple"},
}

// apply spoils the copy and returns the file it was done to.
func (p *plant) apply(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+p.file))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("plant %q: no %s in the good partition (%v)", p.name, p.file, err)
	}
	file := files[0]
	if p.last {
		file = files[len(files)-1]
	}
	if p.spoil == nil {
		return file, os.Remove(file)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	after := p.spoil(append([]byte(nil), before...))
	if string(after) == string(before) && !p.harmless {
		return "", fmt.Errorf("plant %q changed nothing", p.name)
	}
	return file, os.WriteFile(file, after, 0o644)
}
