package main

import (
	"encoding/json"
	"testing"
)

const held = `{"Topics": {"t": {"ID": "id", "Configs": {"retention.ms": "1"}, "Partitions": [
	{"Start": 1, "Stable": 3, "End": 4, "Batches": ["1-2 epoch 0 ab", "3-3 epoch 1 cd"], "Aborted": ["7 1"]}]}},
	"Groups": {"g": {"t-0": "offset 2 epoch 0 \"\""}}}`

func parsed(t *testing.T) *holding {
	t.Helper()
	var h *holding
	if err := json.Unmarshal([]byte(held), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// Whatever a broker lacks of what another held is found.
func TestEveryDifferenceIsFound(t *testing.T) {
	for name, spoil := range map[string]func(*holding){
		"topic":       func(h *holding) { delete(h.Topics, "t") },
		"one more":    func(h *holding) { h.Topics["u"] = &topicHolding{} },
		"id":          func(h *holding) { h.Topics["t"].ID = "other" },
		"config":      func(h *holding) { h.Topics["t"].Configs["retention.ms"] = "2" },
		"one config":  func(h *holding) { h.Topics["t"].Configs["segment.bytes"] = "2" },
		"partition":   func(h *holding) { h.Topics["t"].Partitions = nil },
		"start":       func(h *holding) { h.Topics["t"].Partitions[0].Start-- },
		"last stable": func(h *holding) { h.Topics["t"].Partitions[0].Stable++ },
		"end":         func(h *holding) { h.Topics["t"].Partitions[0].End++ },
		"batch":       func(h *holding) { h.Topics["t"].Partitions[0].Batches[0] = "1-2 epoch 1 ab" },
		"last batch":  func(h *holding) { h.Topics["t"].Partitions[0].Batches = h.Topics["t"].Partitions[0].Batches[:1] },
		"aborted":     func(h *holding) { h.Topics["t"].Partitions[0].Aborted = nil },
		"group":       func(h *holding) { delete(h.Groups, "g") },
		"offset":      func(h *holding) { h.Groups["g"]["t-0"] = "offset 3 epoch 0 \"\"" },
	} {
		got := parsed(t)
		spoil(got)
		var j judge
		if j.holds(got, parsed(t)); j.faults == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	var j judge
	if j.holds(parsed(t), parsed(t)); j.faults > 0 || j.compared == 0 {
		t.Errorf("of the same: %+v", j)
	}
}

// A broker writes to its own topics by itself, behind what was there.
func TestInternalTopicsMayGrow(t *testing.T) {
	internals := func() *holding {
		h := parsed(t)
		h.Topics["__consumer_offsets"] = h.Topics["t"]
		delete(h.Topics, "t")
		return h
	}
	got := internals()
	p := got.Topics["__consumer_offsets"].Partitions[0]
	p.End, p.Stable, p.Batches = 5, 5, append(p.Batches, "4-4 epoch 1 ef")
	var j judge
	if j.holds(got, internals()); j.faults > 0 {
		t.Error("growth is a fault")
	}
	p.Batches[0] = "1-2 epoch 0 other"
	if j.holds(got, internals()); j.faults == 0 {
		t.Error("a change is none")
	}
}
