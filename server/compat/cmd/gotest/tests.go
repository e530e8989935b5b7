package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"moldau/server/compat/suite"
)

// event is one of go test's, by its own documentation ("go doc test2json").
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64 // seconds
	Output  string
}

// id tells tests apart.
type id struct{ pkg, test string }

// test is one that was seen and has not ended.
type test struct {
	output   []string
	subtests bool // it has some
	failed   bool // one of them failed
}

// tests turns events into reports.
type tests struct {
	report  suite.Reporter
	base    string
	running map[id]*test
}

// outputLinesMax is how much of what a failed test said is repeated: its end.
const outputLinesMax = 100

func (t *tests) read(events io.Reader) error {
	t.running = map[id]*test{}
	for d := json.NewDecoder(events); ; {
		var e event
		err := d.Decode(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("go test -json: %w", err)
		}
		if e.Test == "" {
			t.loose(e)
		} else {
			t.ofTest(e)
		}
	}
}

// loose shows what belongs to no running test, such as build errors.
func (t *tests) loose(e event) {
	if s := strings.TrimSpace(e.Output); s != "" && s != "PASS" {
		fmt.Fprintf(t.report.W, "    %s\n", s)
	}
}

func (t *tests) ofTest(e event) {
	of := id{e.Package, e.Test}
	switch e.Action {
	case "run":
		t.running[of] = &test{}
		if parent := t.parent(of); parent != nil {
			parent.subtests = true
		}
	case "output":
		if r := t.running[of]; r != nil {
			r.output = append(r.output[max(0, len(r.output)-outputLinesMax+1):], e.Output)
		} else {
			t.loose(e) // a panic's stack comes behind its test's end
		}
	case "pass", "skip", "fail":
		t.end(of, e)
	}
}

func (t *tests) end(of id, e event) {
	r := t.running[of]
	delete(t.running, of)
	if r == nil {
		r = &test{}
	}
	var err error
	switch e.Action {
	case "skip":
		err = errors.New("skipped:\n" + strings.Join(r.output, ""))
	case "fail":
		err = errors.New("failed:\n" + strings.Join(r.output, ""))
		if parent := t.parent(of); parent != nil {
			parent.failed = true
		}
	}
	if r.subtests && (err == nil || r.failed) {
		return // its subtests speak for it
	}
	t.report.Test(t.name(of), err, time.Duration(e.Elapsed*float64(time.Second)))
}

// parent is the top-level test that a subtest belongs to, or nil. Names do not
// tell more: beside a subtest "a" there may be one called "a/b".
func (t *tests) parent(of id) *test {
	top, _, sub := strings.Cut(of.test, "/")
	if !sub {
		return nil
	}
	return t.running[id{of.pkg, top}]
}

// unfinished fails what was running when the test binary ended.
func (t *tests) unfinished() {
	left := slices.SortedFunc(maps.Keys(t.running), func(a, b id) int {
		return cmp.Or(strings.Compare(a.pkg, b.pkg), strings.Compare(a.test, b.test))
	})
	for _, of := range left {
		if r := t.running[of]; !r.subtests {
			t.report.Test(t.name(of), errors.New("it did not end:\n"+strings.Join(r.output, "")), 0)
		}
	}
}

func (t *tests) name(of id) string {
	pkg := strings.TrimPrefix(strings.TrimPrefix(of.pkg, t.base), "/")
	if pkg == "" {
		return of.test
	}
	return pkg + "." + of.test
}
