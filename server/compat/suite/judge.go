package suite

import "fmt"

// Verdict is what a run comes to. It is good if nothing failed and Faults is
// empty.
type Verdict struct {
	Counts
	// Faults are what is wrong beside, or behind, the failed tests.
	Faults []string
}

// Good tells whether all is as it must be.
func (v *Verdict) Good() bool { return v.Failed == 0 && len(v.Faults) == 0 }

func (v *Verdict) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

// Judge compares what a suite reported with its pins. exit is how it ended.
func Judge(o *Output, pins []Pin, exit error) Verdict {
	v := Verdict{Faults: append([]string(nil), o.Faults...)}
	said, ended := o.Counts()
	if !ended {
		v.fault("its last line is no SUITE line")
	}
	if len(o.Results) == 0 {
		v.Counts = said
		for _, p := range pins {
			v.fault("%s is pinned, but the suite reports no tests", p.Name)
		}
	} else {
		v.results(o.Results, pins)
		if ended && (said.Passed != v.Passed || said.Failed+said.Pinned != v.Failed+v.Pinned) {
			v.fault("its SUITE line says %d passed and %d not, its TEST lines %d and %d",
				said.Passed, said.Failed+said.Pinned, v.Passed, v.Failed+v.Pinned)
		}
	}
	switch {
	case exit != nil && v.Failed+v.Pinned == 0:
		v.fault("it reports no failure, but: %v", exit)
	case ended && v.Passed+v.Failed+v.Pinned == 0:
		v.fault("it ran no test")
	}
	return v
}

// results sorts each result under passed, failed or pinned.
func (v *Verdict) results(results []Result, pins []Pin) {
	seen := map[string]bool{} // by test, whether it passed
	for _, r := range results {
		if _, twice := seen[r.Name]; twice {
			v.fault("%s is reported twice", r.Name)
		}
		seen[r.Name] = r.Passed
	}
	pinned := map[string]bool{}
	for _, p := range pins {
		pinned[p.Name] = true
		switch passed, ran := seen[p.Name]; {
		case !ran:
			v.fault("%s is pinned, but was not run", p.Name)
		case passed:
			v.fault("%s is pinned, but passes: unpin it", p.Name)
		}
	}
	for _, r := range results {
		switch {
		case r.Passed:
			v.Passed++
		case pinned[r.Name]:
			v.Pinned++
		default:
			v.Failed++
			v.fault("%s failed", r.Name)
		}
	}
}
