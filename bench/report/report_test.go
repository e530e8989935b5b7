package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"moldau/bench/report"
	"moldau/bench/result"
)

// outside is whatever a page may load from elsewhere.
var outside = regexp.MustCompile(`(?i)<script|<link|<img|<iframe|@import|url\(|src=|href="[^#]`)

func TestWrite(t *testing.T) {
	run, err := result.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	run.Rows[0].Notes = []string{`<script>alert("a note")</script>`}
	dir := t.TempDir()
	if err := report.Write(dir, run); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if found := outside.FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, want := range []string{"made up for tests", "read 0.418", "missed", "0.357-0.557", "94 %", "1.20 s in all", "Goals: 1 met, 3 missed, 2 not measured"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	// A plot of bars for each row, of percentiles for each with histograms, of ratios
	// for both scenarios, and one of latency against load.
	for pattern, want := range map[string]int{
		"plots/*-bars.svg": 6, "plots/*-latency.svg": 5, "plots/*-times-better.svg": 2, "plots/*-load-*.svg": 1,
		"latency/*.hlog": 16, "latency/*.txt": 16, "openmessaging/*.json": 17, "benchstat.txt": 1,
	} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) != want {
			t.Errorf("%s: %d files, want %d", pattern, len(files), want)
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".svg") {
				wellFormed(t, f)
			}
		}
	}
	if n := strings.Count(page, "<svg"); n != 14 {
		t.Errorf("%d plots in the page", n)
	}
}

func wellFormed(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
	}
}
