package memory

import "runtime/metrics"

// Of is how many bytes f allocates, freed or not. What other goroutines allocate
// meanwhile is in it, and small objects are counted late, when their span is full or
// the garbage is collected: those of calls before may be in it, some MiB at worst.
func Of(f func()) uint64 {
	before := allocated()
	f()
	return allocated() - before
}

// Within tells whether f allocates at most so many bytes, and how many. It calls f again
// where that seems to be more, before it believes it.
func Within(most uint64, f func()) (taken uint64, ok bool) {
	if taken = Of(f); taken > most {
		taken = Of(f)
	}
	return taken, taken <= most
}

func allocated() uint64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}
