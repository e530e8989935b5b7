package harness

import (
	"fmt"

	"github.com/spf13/pflag"
)

// quickValue is the annotation of a flag that has another value in a quick run.
const quickValue = "quick"

// Quick says what a declared flag is in a quick run, unless it is given.
func Quick(flags *pflag.FlagSet, name, value string) {
	f := flags.Lookup(name)
	if f == nil {
		panic("no flag " + name)
	}
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[quickValue] = []string{value}
	f.Usage += fmt.Sprintf(" (%s in a quick run)", value)
}

// Hasten sets the flags that were not given to what they are in a quick run.
func Hasten(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if value := f.Annotations[quickValue]; len(value) == 1 && !f.Changed && err == nil {
			err = f.Value.Set(value[0])
		}
	})
	return err
}
