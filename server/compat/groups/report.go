package groups

import "fmt"

// Report checks, prints some faults of each kind and how much was looked at, and
// returns how many there are.
func (h *History) Report() int {
	found := h.Check()
	const shown = 5
	kinds := map[string]int{}
	for _, f := range found {
		if kinds[f.Kind]++; kinds[f.Kind] <= shown {
			fmt.Println("FAULT", f)
		}
	}
	for kind, n := range kinds {
		if n > shown {
			fmt.Printf("... and %d more %s\n", n-shown, kind)
		}
	}
	c := h.Counts()
	fmt.Printf("%d members lived in %d groups through %d generations and owned partitions %d times; %d commits acknowledged, %d refused, %d unknown, %d reads of committed offsets; %d records given: %d faults\n",
		c.Tenants, c.Groups, c.Generations, c.Spells, c.Acked, c.Refused, c.Unknown, c.Reads, c.Records, len(found))
	return len(found)
}

// SelfTest judges the checker, prints what it got wrong and returns how often.
func SelfTest() int {
	wrong, judged := Misjudged()
	for _, w := range wrong {
		fmt.Println("MISJUDGED", w)
	}
	fmt.Printf("%d planted histories, %d misjudged\n", judged, len(wrong))
	return len(wrong)
}
