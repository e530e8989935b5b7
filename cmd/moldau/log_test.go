package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moldau/logstore"
	"moldau/logstore/record"
)

// runLog runs a log command and returns what it prints.
func runLog(t *testing.T, wantCode int, args ...string) (out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	if code := run(t.Context(), append([]string{"log"}, args...), strings.NewReader(""), &o, &e); code != wantCode {
		t.Fatalf("log %v: exit %d, want %d\n%s%s", args, code, wantCode, &o, &e)
	}
	return o.String(), e.String()
}

// logDir is a data directory with one log of one batch.
func logDir(t *testing.T) (data, file string) {
	t.Helper()
	data = t.TempDir()
	store, err := logstore.Open(data, logstore.Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Create(logstore.TopicPartition{Topic: "t"}, logstore.TopicID{1}, logstore.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBuilder(record.BuilderOptions{})
	b.Append(1000, []byte("k"), []byte("v"))
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AppendLeader(batch, 0); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return data, filepath.Join(data, "logs", "t-0", "00000000000000000000.log")
}

func flipByte(t *testing.T, file string, at int) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLogVerifyExitsByFaults(t *testing.T) {
	data, file := logDir(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{data, link, filepath.Join(data, "logs"), filepath.Dir(file)} {
		out, _ := runLog(t, exitDone, "verify", "--deep", dir)
		if want := "1 partitions, 1 segments, 1 batches, 1 records, 70 bytes: 0 faults, 0 notes\n"; out != want {
			t.Errorf("%s: %s", dir, out)
		}
	}
	flipByte(t, file, 65)
	out, errOut := runLog(t, exitFailed, "verify", data)
	if !strings.Contains(out, "fault: ") || !strings.Contains(out, "CRC") || !strings.Contains(errOut, "faults found: 1") {
		t.Errorf("%s%s", out, errOut)
	}
	out, _ = runLog(t, exitFailed, "verify", data, "--format", "json")
	var report struct {
		Faults   int
		Findings []struct{ Severity, File, Text string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Faults != 1 || report.Findings[0].Severity != "fault" {
		t.Errorf("%v: %s", err, out)
	}
	runLog(t, exitFailed, "verify", filepath.Join(data, "nothing"))
	runLog(t, exitFailed, "verify", t.TempDir())
	runLog(t, exitUsage, "verify")
	runLog(t, exitUsage)
}

// dumpFile holds an aborted transaction and its marker, then a batch that was
// cut.
func dumpFile(t *testing.T) string {
	t.Helper()
	producer := &record.Producer{ID: 9, Epoch: 2, BaseSequence: 5}
	data := record.NewBuilder(record.BuilderOptions{BaseOffset: 7, LeaderEpoch: 3, Producer: producer, Transactional: true, Codec: record.Zstd})
	data.Append(1000, nil, []byte("a\n"), record.Header{Key: []byte("h"), Value: nil})
	data.Append(1005, []byte("k"), nil)
	marker := record.NewBuilder(record.BuilderOptions{BaseOffset: 9, LeaderEpoch: 3, Producer: &record.Producer{ID: 9, Epoch: 2, BaseSequence: -1}, Transactional: true, Control: true})
	marker.Append(1010, []byte{0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 1})
	var file []byte
	for _, b := range []*record.Builder{data, marker, marker} {
		batch, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		file = append(file, batch...)
	}
	name := filepath.Join(t.TempDir(), "00000000000000000007.log")
	if err := os.WriteFile(name, file[:len(file)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLogDumpPrintsBatchesAndRecords(t *testing.T) {
	name := dumpFile(t)
	out, errOut := runLog(t, exitFailed, "dump", name, "--records")
	for i, want := range []string{
		name,
		"  @0 offsets 7-8 count 2 epoch 3 size ",
		`    7 at 1000 key null value "a\n" "h"=null`,
		`    8 at 1005 key "k" value null`,
		" offsets 9-9 count 1 epoch 3 size 78 none max timestamp 1010 transactional control producer 9/2 sequence -1--1",
		"    9 at 1010 abort",
		" FAULT record batch is cut short: unexpected EOF",
	} {
		if lines := strings.Split(out, "\n"); len(lines) != 8 || !strings.Contains(lines[i], want) {
			t.Errorf("line %d lacks %q:\n%s", i, want, out)
		}
	}
	if !strings.Contains(errOut, "faults found in 1 files") {
		t.Error(errOut)
	}

	out, _ = runLog(t, exitFailed, "dump", filepath.Dir(name), "--records", "--format", "json")
	var kinds []string
	for line := range strings.Lines(out) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, kind := range []string{"batch", "record", "fault"} {
			if v, ok := object[kind]; ok {
				kinds = append(kinds, kind)
				if kind == "record" && v == 7.0 && (object["key"] != nil || object["value"] != "YQo=") {
					t.Error(line)
				}
			}
		}
	}
	if got := strings.Join(kinds, " "); got != "batch record record batch record fault" {
		t.Errorf("%s\n%s", got, out)
	}
}

func TestLogDumpGoesOnAfterABadBatch(t *testing.T) {
	data, file := logDir(t)
	if out, _ := runLog(t, exitDone, "dump", data); !strings.Contains(out, "@0 offsets 0-0") {
		t.Error(out)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(whole, whole...), 0o644); err != nil {
		t.Fatal(err)
	}
	flipByte(t, file, 65)
	out, _ := runLog(t, exitFailed, "dump", file)
	if !strings.Contains(out, "@0 FAULT") || !strings.Contains(out, "@70 offsets 0-0") {
		t.Error(out)
	}
	for _, args := range [][]string{{"dump", t.TempDir()}, {"dump", filepath.Join(data, "nothing")}, {"dump", strings.TrimSuffix(file, "log") + "index"}} {
		runLog(t, exitFailed, args...)
	}
	runLog(t, exitUsage, "dump")
}
