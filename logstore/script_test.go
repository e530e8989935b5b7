package logstore_test

import (
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
)

var other = logstore.TopicPartition{Topic: "other", Partition: 2}

// newLogs are the steps that every random script begins with.
func newLogs() []step { return []step{create(led, 1), create(followed, 2), create(other, 3)} }

// drawStep draws one step of a script. What it does depends on the logs as they
// are when the step runs; here only fractions of them are drawn.
func drawStep(draw func(n int64) int64) step {
	part := draw(101) // per cent
	n := 1 + int(draw(3))
	newer := int32(draw(2))
	padding := int(max(0, draw(1500)-700)) // a batch of more than a sector may be torn between two
	// within is an offset between from and a log's end.
	within := func(hi *history, from int64) int64 { return from + (hi.end-from)*part/100 }
	latest := func(w *workload, tp logstore.TopicPartition) int32 {
		l, err := w.store.Log(tp)
		if err != nil {
			return 0
		}
		return max(0, l.LatestEpoch())
	}
	appends := []step{
		{"lead", func(w *workload) error {
			if w.each {
				return w.leadEach(led, latest(w, led)+newer, n)
			}
			return w.lead(led, latest(w, led)+newer, n, record.BuilderOptions{Codec: codecs[int(part)%len(codecs)]})
		}},
		{"produce", func(w *workload) error { return w.produce(led, latest(w, led), n) }},
		{"write to a transaction", func(w *workload) error { return w.transact(led, 100+part%4, n) }},
		{"commit", func(w *workload) error { return w.endTransaction(led, 100+part%4, true, newer > 0) }},
		{"abort", func(w *workload) error { return w.endTransaction(led, 100+part%4, false, newer > 0) }},
		{"follow a transaction", func(w *workload) error { return w.transact(followed, 200+part%3, n) }},
		{"follow a marker", func(w *workload) error { return w.endTransaction(followed, 200+part%3, part%2 == 0, newer > 0) }},
		{"follow", func(w *workload) error {
			return w.follow(followed, latest(w, followed)+newer, w.histories[followed].end+max(0, part-60), n)
		}},
		{"lead another", func(w *workload) error {
			return w.lead(other, latest(w, other)+newer, n, record.BuilderOptions{})
		}},
		{"append to two", func(w *workload) error { return w.together(max(latest(w, led), latest(w, other)), led, other) }},
		{"append to all", func(w *workload) error {
			return w.together(newer+max(latest(w, led), latest(w, followed), latest(w, other)), other, followed, led)
		}},
	}
	others := []step{
		{"truncate", func(w *workload) error {
			hi := w.histories[led]
			return w.truncate(led, within(hi, hi.start))
		}},
		{"truncate the follower", func(w *workload) error { return w.truncate(followed, within(w.histories[followed], 0)) }},
		{"advance", func(w *workload) error { return w.advance(led, within(w.histories[led], 0)) }},
		{"advance the follower", func(w *workload) error { return w.advance(followed, within(w.histories[followed], 0)) }},
		housekeep(0),
		housekeep(2 * time.Second),
		{"retention.bytes", func(w *workload) error {
			return w.configure(func(c *logstore.Config) { c.RetentionBytes = 20*part - 1 })
		}},
		{"segment.bytes", func(w *workload) error {
			return w.configure(func(c *logstore.Config) { c.SegmentBytes = 300 + 10*part*int64(n) })
		}},
		checkpoint, reopen, cutJournal,
		{"delete and create", func(w *workload) error {
			tp := followed
			if part < 50 {
				tp = other
			}
			if err := w.delete(tp); err != nil {
				return err
			}
			return w.create(tp, byte(part))
		}},
	}
	steps := others
	if draw(2) == 0 {
		steps = appends
	}
	s := steps[draw(int64(len(steps)))]
	return step{s.name, func(w *workload) error {
		w.padding = padding
		return s.run(w)
	}}
}

// durabilitySteps are for scripts in which a log may lose what was only written.
var durabilitySteps = []step{
	configure("synced", func(c *logstore.Config) { c.Durability = logstore.Synced }),
	configure("os", func(c *logstore.Config) { c.Durability = logstore.OS }),
	flush,
}
