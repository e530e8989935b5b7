package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
)

func TestLogRepairMendsAndTellsWhatIsLost(t *testing.T) {
	data, file := logDir(t)
	if out, _ := runLog(t, exitDone, "repair", data); out != "Nothing is to be mended.\n" {
		t.Error(out)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipByte(t, file, 65)
	planned, errOut := runLog(t, exitFailed, "repair", data, "--dry-run")
	if !strings.Contains(planned, "would change. Nothing was changed.") || !strings.Contains(errOut, "faults found: 1") {
		t.Errorf("%s%s", planned, errOut)
	}
	runLog(t, exitFailed, "verify", data)

	backup := filepath.Join(t.TempDir(), "old")
	out, _ := runLog(t, exitDone, "repair", filepath.Dir(file), "--backup", backup)
	for _, want := range []string{"FILE ", "CRC-32C", "no offset is given twice", "\n1 records at offsets 0 to 0 of t-0 are lost\n", "0 faults are left. The old files and receipt.json are in " + backup + "."} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	old, err := os.ReadFile(filepath.Join(backup, "logs", "t-0", filepath.Base(file)))
	if whole[65] ^= 1; err != nil || !bytes.Equal(old, whole) {
		t.Errorf("the backup is not the old file: %v", err)
	}
	var receipt logstore.Receipt
	text, err := os.ReadFile(filepath.Join(backup, "receipt.json"))
	if err != nil || json.Unmarshal(text, &receipt) != nil || !receipt.Complete || len(receipt.Changes) == 0 {
		t.Errorf("%v\n%s", err, text)
	}
	runLog(t, exitDone, "verify", data)
	if out, _ := runLog(t, exitDone, "repair", data, "--format", "json"); !strings.Contains(out, `"changes":[]`) {
		t.Error(out)
	}
}

func TestLogRepairRefuses(t *testing.T) {
	data, file := logDir(t)
	flipByte(t, file, 65)
	if _, errOut := runLog(t, exitUsage, "repair", data, "--backup", filepath.Join(data, "logs", "old")); !strings.Contains(errOut, "foreign directory") {
		t.Error(errOut)
	}
	runLog(t, exitFailed, "repair", filepath.Join(data, "nothing"))
	runLog(t, exitFailed, "repair", t.TempDir())
	runLog(t, exitUsage, "repair")
	store, err := logstore.Open(data, logstore.Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, errOut := runLog(t, exitFailed, "repair", data); !strings.Contains(errOut, "in use") {
		t.Error(errOut)
	}
	if out, _ := runLog(t, exitDone, "stat", data); !strings.Contains(out, "Not closed cleanly") {
		t.Error(out)
	}
}

func TestRepairRootHoldsAllThatARepairTouches(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"data/moldau", "data/logs/t-0", "kafka/t-0", "logs/t-0"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ dir, root, logs string }{
		{"data", ".", "data/logs"},
		{"data/logs", ".", "data/logs"},
		{"data/logs/t-0", ".", "data/logs"},
		{"kafka", ".", "kafka"},
		{"kafka/t-0", ".", "kafka"},
		{"logs", ".", "logs"},
		{"logs/t-0", ".", "logs"},
	} {
		gotRoot, gotLogs := repairRoot(filepath.Join(root, c.dir))
		if gotRoot != filepath.Join(root, c.root) || gotLogs != filepath.Join(root, c.logs) {
			t.Errorf("%s: %s and %s", c.dir, gotRoot, gotLogs)
		}
	}
}

func TestLogStatPrintsALineForEachLog(t *testing.T) {
	data, _ := logDir(t)
	out, _ := runLog(t, exitDone, "stat", data, "--deep")
	for _, want := range []string{"LOG ", "t-0 ", " 70 B ", " none 1 ", "1970-01-01T00:00:01Z"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	out, _ = runLog(t, exitDone, "stat", data, "--format", "json")
	var report logstore.StatReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || !report.Clean || report.Total.Records != 1 || report.Logs[0].End != 1 {
		t.Errorf("%v: %s", err, out)
	}
	runLog(t, exitFailed, "stat", t.TempDir())
	runLog(t, exitUsage, "stat")
}

func TestMeterTellsRateAndRest(t *testing.T) {
	p := logstore.CheckProgress{File: "data/logs/t-0/00000000000000000000.log", Done: 250e6, Total: 1000e6}
	if got, want := meterText("check", p, time.Second/2), "check [#####...............] 25 %, 250 MB of 1.0 GB, 500 MB/s, 2s left  t-0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Done = 1000e6
	if got, want := meterText("verify", p, 2*time.Second), "verify [####################] 100 %, 1.0 GB of 1.0 GB, 500 MB/s  t-0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var out bytes.Buffer
	m := newMeter(&out)
	if m.show("check", p); out.Len() > 0 {
		t.Errorf("shown on no terminal: %q", &out)
	}
}
