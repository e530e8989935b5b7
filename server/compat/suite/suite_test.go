package suite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"moldau/server/compat/suite"
)

func TestJudge(t *testing.T) {
	pin := []suite.Pin{{Name: "TestTxn", Reason: "EndTxn (26): not served"}}
	exit := errors.New("exit status 1")
	for _, c := range []struct {
		name   string
		out    string
		pins   []suite.Pin
		exit   error
		want   suite.Counts
		faults []string // a part of each
	}{
		{"counts alone", "hello\nSUITE passed 3 failed 0 pinned 0\n", nil, nil, suite.Counts{Passed: 3}, nil},
		{"no newline at the end", "SUITE passed 3 failed 0 pinned 0", nil, nil, suite.Counts{Passed: 3}, nil},
		{"counts say failed", "SUITE passed 3 failed 1 pinned 2\n", nil, exit, suite.Counts{Passed: 3, Failed: 1, Pinned: 2}, nil},
		{"tests", "TEST passed a b\t0.1 s\nnoise\nTEST passed c\nSUITE passed 2 failed 0 pinned 0\n", nil, nil, suite.Counts{Passed: 2}, nil},
		{"a test failed", "TEST passed a\nTEST failed c d\nSUITE passed 1 failed 1 pinned 0\n", nil, exit, suite.Counts{Passed: 1, Failed: 1}, []string{"c d failed"}},
		{"pinned, counted as failed", "TEST passed a\nTEST failed TestTxn\nSUITE passed 1 failed 1 pinned 0\n", pin, exit, suite.Counts{Passed: 1, Pinned: 1}, nil},
		{"pinned, counted as pinned", "TEST passed a\nTEST failed TestTxn\nSUITE passed 1 failed 0 pinned 1\n", pin, nil, suite.Counts{Passed: 1, Pinned: 1}, nil},
		{"a rotten pin", "TEST passed a\nTEST passed TestTxn\nSUITE passed 2 failed 0 pinned 0\n", pin, nil, suite.Counts{Passed: 2}, []string{"TestTxn is pinned, but passes"}},
		{"a pin that nothing answers to", "TEST passed a\nSUITE passed 1 failed 0 pinned 0\n", pin, nil, suite.Counts{Passed: 1}, []string{"TestTxn is pinned, but was not run"}},
		{"a pin without tests", "SUITE passed 1 failed 0 pinned 1\n", pin, nil, suite.Counts{Passed: 1, Pinned: 1}, []string{"reports no tests"}},
		{"no last line", "TEST passed a\n", nil, nil, suite.Counts{Passed: 1}, []string{"no SUITE line"}},
		{"a word after it", "SUITE passed 1 failed 0 pinned 0\nbye\n", nil, nil, suite.Counts{}, []string{"no SUITE line"}},
		{"a word behind it", "SUITE passed 1 failed 0 pinned 0 bye\n", nil, nil, suite.Counts{}, []string{"no SUITE line"}},
		{"it crashed in silence", "SUITE passed 1 failed 0 pinned 0\n", nil, exit, suite.Counts{Passed: 1}, []string{"exit status 1"}},
		{"nothing ran", "SUITE passed 0 failed 0 pinned 0\n", nil, nil, suite.Counts{}, []string{"ran no test"}},
		{"wrong sums", "TEST passed a\nTEST failed b\nSUITE passed 2 failed 0 pinned 0\n", nil, nil, suite.Counts{Passed: 1, Failed: 1}, []string{"b failed", "SUITE line says 2"}},
		{"twice", "TEST passed a\nTEST passed a\nSUITE passed 2 failed 0 pinned 0\n", nil, nil, suite.Counts{Passed: 2}, []string{"a is reported twice"}},
		{"a broken line", "TEST skipped a\nTEST passed b\nSUITE passed 1 failed 0 pinned 0\n", nil, nil, suite.Counts{Passed: 1}, []string{"is no TEST line"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// However the output is cut, it means the same.
			for _, size := range []int{1, 7, len(c.out)} {
				var o suite.Output
				for chunk := range slices.Chunk([]byte(c.out), size) {
					_, _ = o.Write(chunk)
				}
				v := suite.Judge(&o, c.pins, c.exit)
				if v.Counts != c.want {
					t.Errorf("in chunks of %d: %+v, want %+v", size, v.Counts, c.want)
				}
				if good := c.want.Failed == 0 && len(c.faults) == 0; v.Good() != good {
					t.Errorf("in chunks of %d: good is %v, want %v", size, v.Good(), good)
				}
				if len(v.Faults) != len(c.faults) {
					t.Fatalf("in chunks of %d: faults %q, want %q", size, v.Faults, c.faults)
				}
				for i, part := range c.faults {
					if !strings.Contains(strings.Join(v.Faults, "\n"), part) {
						t.Errorf("in chunks of %d: fault %d is not in %q", size, i, v.Faults)
					}
				}
			}
		})
	}
}

// TestReporterKeepsTheContract feeds a reporter's lines to the judge, with an
// error that tries to look like one of them.
func TestReporterKeepsTheContract(t *testing.T) {
	var o suite.Output
	r := suite.Reporter{W: &o}
	r.Test("first test", nil, time.Second)
	r.Test("second", errors.New("lost:\nTEST passed second\n"), 0)
	if code := r.End(); code != 1 {
		t.Errorf("exit code %d after a failed test", code)
	}
	v := suite.Judge(&o, nil, nil)
	if v.Counts != (suite.Counts{Passed: 1, Failed: 1}) || len(v.Faults) != 1 {
		t.Errorf("%+v", v)
	}
	if code := (&suite.Reporter{W: &o}).End(); code == 0 {
		t.Error("a suite without a test ended well")
	}
}

func TestReadPins(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pinned")
	if pins, err := suite.ReadPins(file); err != nil || pins != nil {
		t.Fatalf("without a file: %v, %v", pins, err)
	}
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("# why\n\nTestTxn/with a space  EndTxn (26): not served\nTestAcl\tCreateAcls (30): not served\n")
	pins, err := suite.ReadPins(file)
	want := []suite.Pin{{"TestTxn/with a space", "EndTxn (26): not served"}, {"TestAcl", "CreateAcls (30): not served"}}
	if err != nil || !slices.Equal(pins, want) {
		t.Fatalf("%q, %v", pins, err)
	}
	for _, bad := range []string{"TestTxn\n", "TestTxn EndTxn: one space\n", "TestTxn  no colon\n", "A  b: c\nA  b: c\n"} {
		write(bad)
		if pins, err := suite.ReadPins(file); err == nil {
			t.Errorf("%q gives %q", bad, pins)
		}
	}
}

// TestFailing drops the pins that another broker needs not.
func TestFailing(t *testing.T) {
	pin := func(name string) suite.Pin { return suite.Pin{Name: name, Reason: "EndTxn (26): not served"} }
	var o suite.Output
	_, _ = o.Write([]byte("TEST passed a\nTEST failed b\nTEST failed c\nSUITE passed 1 failed 2 pinned 0\n"))
	pins := suite.Failing([]suite.Pin{pin("a"), pin("b"), pin("not run")}, &o)
	if !slices.Equal(pins, []suite.Pin{pin("b")}) {
		t.Errorf("%q", pins)
	}
	v := suite.Judge(&o, pins, nil)
	if v.Counts != (suite.Counts{Passed: 1, Failed: 1, Pinned: 1}) || len(v.Faults) != 1 {
		t.Errorf("%+v", v)
	}
}

// TestRun runs a test of every fate.
func TestRun(t *testing.T) {
	var o suite.Output
	code := suite.Run(t.Context(), &o, time.Minute, []suite.Test{
		{Name: "good", Run: func(context.Context) error { return nil }},
		{Name: "bad", Run: func(context.Context) error { return errors.New("lost") }},
		{Name: "panics", Run: func(context.Context) error { panic("shape") }},
	})
	want := []suite.Result{{Name: "good", Passed: true}, {Name: "bad"}, {Name: "panics"}}
	if code != 1 || !slices.Equal(o.Results, want) {
		t.Errorf("exit code %d, %+v", code, o.Results)
	}
}

// TestRunEndsWhatHangs lets a test wait for the end of its time, and another
// one longer than that.
func TestRunEndsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		release := make(chan struct{})
		suite.Run(t.Context(), &out, time.Minute, []suite.Test{
			{Name: "waits", Run: func(ctx context.Context) error { <-ctx.Done(); return errors.New("half of them came") }},
			{Name: "hangs", Run: func(context.Context) error { <-release; return nil }},
		})
		close(release)
		for _, part := range []string{"half of them came", "did not end within 1m0s", "SUITE passed 0 failed 2"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("nothing says %q:\n%s", part, out.String())
			}
		}
	})
}
