package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moldau/server/interchange"
	"moldau/server/servertest"
)

// closedData is the data directory of a broker that was stopped.
func closedData(t *testing.T) string {
	t.Helper()
	b := servertest.Start(t)
	b.Close()
	return b.DataDir()
}

func TestLogExportAndImport(t *testing.T) {
	b := servertest.Start(t)
	var out strings.Builder
	if code := run(t.Context(), []string{"topic", "create", "orders", "--partitions", "2", "-b", b.Addr()}, strings.NewReader(""), &out, &out); code != exitDone {
		t.Fatal(out.String())
	}
	if code := run(t.Context(), []string{"produce", "orders", "-b", b.Addr()}, strings.NewReader("first\nsecond\n"), &out, &out); code != exitDone {
		t.Fatal(out.String())
	}
	data := b.DataDir()
	kafka, again := filepath.Join(t.TempDir(), "kafka"), filepath.Join(t.TempDir(), "data")
	_, errOut := runLog(t, exitFailed, "export", data, "--to", kafka)
	if !strings.Contains(errOut, "a broker is at work there") {
		t.Error(errOut)
	}
	b.Close()

	dry, _ := runLog(t, exitDone, "export", data, "--to", kafka, "--dry-run")
	if _, err := os.Stat(kafka); err == nil || !strings.Contains(dry, "Nothing was written.") {
		t.Errorf("%v: %s", err, dry)
	}
	text, _ := runLog(t, exitDone, "export", data, "--to", kafka)
	if !strings.Contains(text, "orders ") || !strings.Contains(text, "log.dirs="+kafka+" and node.id=1") {
		t.Error(text)
	}
	asJSON, _ := runLog(t, exitDone, "import", kafka, "--to", again, "--format", "json", "--method", "link")
	var r interchange.Receipt
	if err := json.Unmarshal([]byte(asJSON), &r); err != nil || len(r.Topics) != 1 || r.Topics[0].Name != "orders" || r.Method != interchange.Link {
		t.Errorf("%v: %s", err, asJSON)
	}
	ends := int64(0)
	for _, p := range r.Topics[0].Partitions {
		ends += p.End
	}
	if ends != 2 {
		t.Errorf("there are %d records", ends)
	}
	verified, _ := runLog(t, exitDone, "verify", again)
	if !strings.Contains(verified, "0 faults") {
		t.Error(verified)
	}
	_, errOut = runLog(t, exitFailed, "import", kafka, "--to", again)
	if !strings.Contains(errOut, "the target is not empty") {
		t.Error(errOut)
	}
}

func TestLogImportAndExportUsage(t *testing.T) {
	runLog(t, exitUsage, "import")
	runLog(t, exitUsage, "import", t.TempDir(), "--method", "steal")
	runLog(t, exitUsage, "export", t.TempDir())
	runLog(t, exitFailed, "import", t.TempDir(), "--to", filepath.Join(t.TempDir(), "data"))
}
