package memory

import "runtime/metrics"

// Of is how many bytes f allocates, freed or not. What other goroutines allocate
// meanwhile is in it, and small objects are counted late, when their span is full or
// the garbage is collected: those of calls before may be in it, some MiB at worst. So
// whoever finds too much asks again before he believes it.
func Of(f func()) uint64 {
	before := allocated()
	f()
	return allocated() - before
}

func allocated() uint64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}
