package main

import (
	"fmt"
	"maps"
	"slices"
)

// judge counts what is not as it must be.
type judge struct{ compared, faults int }

func (j *judge) same(what string, got, want any) {
	j.compared++
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		j.fault("%s\n   got  %.300s\n   want %.300s", what, g, w)
	}
}

func (j *judge) fault(format string, args ...any) {
	j.faults++
	fmt.Printf("FAULT: "+format+"\n", args...)
}

// holds tells whether a broker holds all that another held. It may hold more in
// internal topics, which it writes by itself.
func (j *judge) holds(got, want *holding) {
	before := j.faults
	for _, name := range slices.Sorted(maps.Keys(want.Topics)) {
		w, g := want.Topics[name], got.Topics[name]
		if g == nil {
			j.fault("topic %s is missing", name)
			continue
		}
		j.same("id of topic "+name, g.ID, w.ID)
		j.same("configs of topic "+name, g.Configs, w.Configs)
		j.same("number of partitions of topic "+name, len(g.Partitions), len(w.Partitions))
		for n := range min(len(g.Partitions), len(w.Partitions)) {
			j.partition(fmt.Sprintf("%s-%d", name, n), g.Partitions[n], w.Partitions[n], internal(name))
		}
	}
	for name := range got.Topics {
		if want.Topics[name] == nil && !internal(name) {
			j.fault("topic %s was not there before", name)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(want.Groups)) {
		j.same("committed offsets of group "+group, got.Groups[group], want.Groups[group])
	}
	if j.faults == before {
		fmt.Println("   holds it all:", got)
	}
}

func (j *judge) partition(name string, got, want *partitionHolding, mayGrow bool) {
	j.same("start offset of "+name, got.Start, want.Start)
	if !mayGrow {
		j.same("end offset of "+name, got.End, want.End)
		j.same("last stable offset of "+name, got.Stable, want.Stable)
		j.same("number of batches of "+name, len(got.Batches), len(want.Batches))
	}
	j.same("aborted transactions of "+name, got.Aborted, want.Aborted)
	for n := range want.Batches {
		if n >= len(got.Batches) || got.Batches[n] != want.Batches[n] {
			there := "nothing"
			if n < len(got.Batches) {
				there = got.Batches[n]
			}
			j.fault("%s, batch %d of %d is %s, was %s", name, n, len(want.Batches), there, want.Batches[n])
			return
		}
	}
	j.compared += len(want.Batches)
}
