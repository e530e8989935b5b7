package main

import (
	"slices"
	"testing"
)

// One list has the targets of the whole repository, wherever they lie.
func TestFindTargets(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	all, err := findTargets(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []fuzzTarget{{"FuzzBatch", "fuzz/storage", true}, {"FuzzScan", "logstore/journal", false}, {"FuzzRead", "logstore/manifest", false}} {
		if !slices.Contains(all, want) {
			t.Errorf("%+v is not among %+v", want, all)
		}
	}
	if picked, err := chosen(all, []string{"logstore/manifest.FuzzRead"}); err != nil || len(picked) != 1 {
		t.Errorf("picked %+v, %v", picked, err)
	}
	if picked, err := chosen(all, []string{"FuzzNothing"}); err == nil {
		t.Errorf("picked %+v", picked)
	}
}

func TestNote(t *testing.T) {
	res := result{target: fuzzTarget{name: "FuzzX", pkg: "a/b"}}
	for _, line := range []string{
		"2026-01-01 DEBUG finished processing input corpus, entries: 3, initial coverage bits: 1200",
		"2026-01-01 DEBUG new interesting input, id: 1, new bits: 2, total bits: 1202, size: 3",
		"fuzz: elapsed: 3s, execs: 2736 (912/sec), new interesting: 52 (total: 70)",
		"    soak.go:58: FuzzX: 512 executions, 24297/s, seed 1",
		"    Failing input written to testdata/fuzz/FuzzX/a0ac",
		"    soak.go:66: failed, kept as testdata/fuzz/FuzzX/b0",
		"    --- FAIL: FuzzX (0.00s)",
		"    --- FAIL: FuzzX/seed#3 (0.00s)",
	} {
		res.note(line)
	}
	want := []string{"a/b/testdata/fuzz/FuzzX/a0ac", "a/b/testdata/fuzz/FuzzX/b0", "FuzzX/seed#3"}
	if res.coverageBits != 1202 || res.executions != 512 || !slices.Equal(res.findings, want) {
		t.Errorf("%+v", res)
	}
}
