package target

import "testing"

// Seed is what a target starts from.
type Seed struct{ Data, Program []byte }

// Target is one thing to fuzz.
type Target struct {
	Name  string // of its Fuzz function
	Seeds func() ([]Seed, error)
	// Body is one execution. It fails t where an invariant does not hold, and tells
	// how far the input came. It registers nothing with t.
	Body func(t testing.TB, data, program []byte) Class

	tally *tally
}

// New makes a target.
func New(name string, seeds func() ([]Seed, error), body func(t testing.TB, data, program []byte) Class) *Target {
	return &Target{name, seeds, body, tallyOf(name)}
}

// Fuzz runs the target under Go's fuzzer, or, without -fuzz, over its seeds.
func (x *Target) Fuzz(f *testing.F) {
	seeds, err := x.Seeds()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		f.Add(s.Data, s.Program)
	}
	f.Fuzz(func(t *testing.T, data, program []byte) {
		x.tally.count(x.Body(t, data, program))
	})
}
