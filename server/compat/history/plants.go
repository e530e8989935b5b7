package history

import (
	"fmt"
	"slices"
)

// plant is one way for a broker to break its promise.
type plant struct {
	name  string
	want  string // the kind that must be reported; "" for a sound history
	spoil func(h *History)
}

// sound is a history of two producers and two partitions that broke nothing:
// their records alternate, all were acknowledged, a consumer saw every third.
func sound() *History {
	h := New()
	const n = 50
	for partition := range int32(2) {
		offset := int64(0)
		for sequence := range int64(n) {
			for _, producer := range []string{"a", "b"} {
				r := Record{producer, partition, sequence}
				h.Stored(partition, Stored{offset, r.Value()})
				h.Acked(r, offset)
				if sequence%3 == 0 {
					h.Seen(partition, Stored{offset, r.Value()})
				}
				offset++
			}
		}
		h.Sent("a", partition, n)
		h.Sent("b", partition, n)
	}
	return h
}

// renumber gives the records of a log consecutive offsets and tells the
// producers those, so that a plant shows nothing but itself.
func renumber(h *History, partition int32) {
	h.seen = map[int32]map[int64]string{}
	log := h.logs[partition]
	for i := range log {
		log[i].Offset = int64(i)
		if r, ok := Parse(log[i].Value); ok {
			t := h.stream(r.Producer, r.Partition)
			if offset, acked := t.acked[r.Sequence]; acked && offset >= 0 {
				t.acked[r.Sequence] = int64(i)
			}
		}
	}
}

var plants = []plant{
	{"nothing", "", func(*History) {}},
	{"an acknowledgement without offset", "", func(h *History) { h.Acked(Record{"a", 0, 7}, -1) }},
	{"the tail lost", Lost, func(h *History) { h.logs[0] = h.logs[0][:90]; h.seen = nil }},
	{"one record lost in the middle", Lost, func(h *History) {
		h.logs[0] = slices.Delete(h.logs[0], 40, 41)
		renumber(h, 0)
	}},
	{"a whole partition lost", Lost, func(h *History) { delete(h.logs, 1); h.seen = nil }},
	{"the only acknowledgement of a producer lost", Lost, func(h *History) {
		h.Sent("c", 0, 1)
		h.Acked(Record{"c", 0, 0}, 0)
	}},
	{"a batch stored twice", Doubled, func(h *History) {
		h.logs[0] = slices.Insert(h.logs[0], 50, h.logs[0][44:48]...)
		renumber(h, 0)
	}},
	{"a record stored again at the end", Doubled, func(h *History) {
		h.logs[1] = append(h.logs[1], Stored{int64(len(h.logs[1])), Record{"b", 1, 0}.Value()})
	}},
	{"two records of one producer swapped", Reordered, func(h *History) {
		h.logs[0][40].Value, h.logs[0][42].Value = h.logs[0][42].Value, h.logs[0][40].Value
		renumber(h, 0)
	}},
	{"a batch retried behind the next one", Reordered, func(h *History) {
		batch := slices.Clone(h.logs[1][10:14])
		h.logs[1] = slices.Insert(slices.Delete(h.logs[1], 10, 14), 14, batch...)
		renumber(h, 1)
	}},
	{"a wrong offset in an acknowledgement", Moved, func(h *History) { h.Acked(Record{"a", 0, 7}, 3) }},
	{"a flipped byte", Foreign, func(h *History) {
		h.logs[0][30].Value[len(h.logs[0][30].Value)-1] ^= 1
	}},
	{"a record of the other partition", Foreign, func(h *History) { h.logs[0][30].Value = Record{"a", 1, 15}.Value() }},
	{"a record that was never sent", Foreign, func(h *History) {
		h.logs[0] = append(h.logs[0], Stored{100, Record{"a", 0, 50}.Value()})
	}},
	{"an acknowledgement of what was never sent", Foreign, func(h *History) { h.Acked(Record{"a", 0, 50}, 100) }},
	{"offsets with a hole", Hole, func(h *History) {
		for i := 60; i < len(h.logs[0]); i++ {
			h.logs[0][i].Offset++
		}
	}},
	{"offsets that go back", Hole, func(h *History) { h.logs[0][60].Offset = 3 }},
	{"a record left out without an answer", Skipped, func(h *History) {
		delete(h.stream("a", 0).acked, 20)
		h.logs[0] = slices.Delete(h.logs[0], 40, 41)
		renumber(h, 0)
	}},
	{"a failed record", GivenUp, func(h *History) {
		delete(h.stream("a", 0).acked, 49)
		h.Failed(Record{"a", 0, 49}, "OUT_OF_ORDER_SEQUENCE_NUMBER")
	}},
	{"a record without answer at the end", Unanswered, func(h *History) { delete(h.stream("b", 1).acked, 49) }},
	{"a read record gone", Vanished, func(h *History) { h.Seen(0, Stored{100, Record{"a", 0, 49}.Value()}) }},
	{"a read record replaced by another", Vanished, func(h *History) { h.Seen(0, Stored{6, Record{"a", 0, 4}.Value()}) }},
}

// Misjudged plants each fault in a sound history and returns what the checker
// got wrong: nothing, or the check is worth nothing. judged is how many it tried.
func Misjudged() (wrong []string, judged int) {
	for _, p := range plants {
		h := sound()
		p.spoil(h)
		faults := h.Check()
		found := slices.ContainsFunc(faults, func(f Fault) bool { return f.Kind == p.want })
		if p.want == "" && len(faults) > 0 || p.want != "" && !found {
			wrong = append(wrong, fmt.Sprintf("%s: must be %q, is %v", p.name, p.want, faults))
		}
	}
	return wrong, len(plants)
}
