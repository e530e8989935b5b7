package main

import (
	"regexp"
	"strings"
	"testing"

	"moldau/server/compat/suite"
)

// TestReports feeds the events of a run in which a test of every fate was.
func TestReports(t *testing.T) {
	events := `
		{"Action":"start","Package":"x/kafka"}
		{"Action":"run","Package":"x/kafka","Test":"TestGood"}
		{"Action":"output","Package":"x/kafka","Test":"TestGood","Output":"hello\n"}
		{"Action":"pass","Package":"x/kafka","Test":"TestGood","Elapsed":1.5}
		{"Action":"run","Package":"x/kafka","Test":"TestParent"}
		{"Action":"run","Package":"x/kafka","Test":"TestParent/good"}
		{"Action":"run","Package":"x/kafka","Test":"TestParent/bad"}
		{"Action":"output","Package":"x/kafka","Test":"TestParent/bad","Output":"TEST passed sham\n"}
		{"Action":"fail","Package":"x/kafka","Test":"TestParent/bad"}
		{"Action":"pass","Package":"x/kafka","Test":"TestParent/good"}
		{"Action":"fail","Package":"x/kafka","Test":"TestParent"}
		{"Action":"run","Package":"x/kafka","Test":"TestGoodParent"}
		{"Action":"run","Package":"x/kafka","Test":"TestGoodParent/a/b"}
		{"Action":"run","Package":"x/kafka","Test":"TestGoodParent/a"}
		{"Action":"pass","Package":"x/kafka","Test":"TestGoodParent/a/b"}
		{"Action":"pass","Package":"x/kafka","Test":"TestGoodParent/a"}
		{"Action":"pass","Package":"x/kafka","Test":"TestGoodParent"}
		{"Action":"run","Package":"x/kafka","Test":"TestFailsItself"}
		{"Action":"run","Package":"x/kafka","Test":"TestFailsItself/good"}
		{"Action":"pass","Package":"x/kafka","Test":"TestFailsItself/good"}
		{"Action":"fail","Package":"x/kafka","Test":"TestFailsItself"}
		{"Action":"run","Package":"x/kafka/a/b","Test":"TestSkipped"}
		{"Action":"output","Package":"x/kafka/a/b","Test":"TestSkipped","Output":"no TLS\n"}
		{"Action":"skip","Package":"x/kafka/a/b","Test":"TestSkipped"}
		{"Action":"run","Package":"x/kafka","Test":"TestHangs"}
		{"Action":"run","Package":"x/kafka","Test":"TestHangs/here"}
		{"Action":"output","Package":"x/kafka","Output":"panic: test timed out\n"}
		{"Action":"fail","Package":"x/kafka"}`
	var out strings.Builder
	r := tests{report: suite.Reporter{W: &out}, base: "x/kafka"}
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	r.unfinished()
	if code := r.report.End(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	got := strings.Join(regexp.MustCompile(`(?m)^(TEST|SUITE) .*$`).FindAllString(out.String(), -1), "\n")
	want := strings.Join([]string{
		"TEST passed TestGood\t1.5 s",
		"TEST failed TestParent/bad\t0.0 s",
		"TEST passed TestParent/good\t0.0 s",
		"TEST passed TestGoodParent/a/b\t0.0 s",
		"TEST passed TestGoodParent/a\t0.0 s",
		"TEST passed TestFailsItself/good\t0.0 s",
		"TEST failed TestFailsItself\t0.0 s",
		"TEST failed a/b.TestSkipped\t0.0 s",
		"TEST failed TestHangs/here\t0.0 s",
		"SUITE passed 5 failed 4 pinned 0",
	}, "\n")
	if got != want {
		t.Errorf("reports\n%s\nwant\n%s", got, want)
	}
	for _, part := range []string{"no TLS", "panic: test timed out"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("nothing says %q", part)
		}
	}
	if err := r.read(strings.NewReader("no json")); err == nil {
		t.Error("what is no event is taken for one")
	}
}

func TestSkipPattern(t *testing.T) {
	got := skipPattern([]string{"TestA/b.c", "TestD"})
	if want := `^TestA$/^b\.c$|^TestD$`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
