package logstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// keptRecord is one of the map's model.
type keptRecord struct {
	key, value string // "" for a tombstone
	committed  bool
	decided    bool
}

// Compaction against a map: below the offset that it has come to, there is of each
// key the newest record that was committed, and nothing else; above it, all.
func TestCompactionAgainstAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := compactedConfig()
		c.SegmentBytes = rapid.Int64Range(400, 3000).Draw(rt, "segment.bytes")
		padding := ""
		if rapid.Bool().Draw(rt, "large") { // so that batches of which nothing stays go unread
			padding, c.SegmentBytes = strings.Repeat("-", 4000), 60*c.SegmentBytes
		}
		tombstonesStay := rapid.Bool().Draw(rt, "tombstones stay")
		if tombstonesStay {
			c.DeleteRetentionMs = 1 << 50
		}
		clock, told := newClock(), &events{}
		o := logstore.Options{FS: vfs.NewMem(), Clock: clock, Manual: true, Log: c, Events: told.add, CompactionMapBytes: 24 * rapid.OneOf(rapid.Int64Range(2, 30), rapid.Just[int64](1<<12)).Draw(rt, "map")}
		s, err := logstore.Open("data", o)
		must(rt, err)
		defer func() { _ = s.Close() }()
		l, err := s.Create(tp, logstore.TopicID{1}, c)
		must(rt, err)
		var all []keptRecord
		open := map[int64][]int{} // indexes in all, by producer
		sequences := map[int64]int32{}
		write := func(rt *rapid.T) {
			bo := record.BuilderOptions{Codec: rapid.SampledFrom(codecs).Draw(rt, "codec")}
			producer := rapid.Int64Range(-1, 2).Draw(rt, "producer")
			if producer >= 0 {
				bo.Producer = &record.Producer{ID: producer, BaseSequence: sequences[producer]}
				bo.Transactional = producer > 0
			}
			b := record.NewBuilder(bo)
			for range rapid.IntRange(1, 5).Draw(rt, "records") {
				r := keptRecord{key: fmt.Sprint("k", rapid.IntRange(0, 6).Draw(rt, "key")), committed: !bo.Transactional, decided: !bo.Transactional}
				var value []byte
				if rapid.IntRange(0, 4).Draw(rt, "value") > 0 {
					r.value = fmt.Sprint("v", len(all), padding)
					value = []byte(r.value)
				}
				b.Append(clock.ms(), []byte(r.key), value)
				if bo.Transactional {
					open[producer] = append(open[producer], len(all))
				}
				all = append(all, r)
			}
			batch, err := b.Finish()
			must(rt, err)
			a, err := l.AppendLeader(append([]byte(nil), batch...), 0)
			must(rt, err)
			if a.Last != int64(len(all))-1 {
				rt.Fatalf("appended up to %d, want %d", a.Last, len(all)-1)
			}
			if producer >= 0 {
				sequences[producer] += int32(b.Count())
			}
		}
		check := func(rt *rapid.T) {
			must(rt, l.Flush())
			upto, newest := l.Compaction().FirstDirty, map[string]int64{}
			for i, r := range all {
				if int64(i) < upto && r.committed && r.key != "" {
					newest[r.key] = int64(i)
				}
			}
			next := int64(0)
			missing := func(to int64) {
				for ; next < to; next++ {
					r := all[next]
					gone := r.key == "" || r.decided && !r.committed || next < upto && (newest[r.key] != next || r.value == "" && !tombstonesStay)
					if next >= upto && r.key != "" && r.decided && r.committed || !gone && r.decided {
						rt.Fatalf("%d, %+v, is missing; compacted up to %d", next, r, upto)
					}
				}
			}
			for r, err := range l.Records(t.Context(), 0, logstore.LastStable) {
				must(rt, err)
				missing(r.Offset)
				want := all[r.Offset]
				if string(r.Key) != want.key || string(r.Value) != want.value || !want.committed {
					rt.Fatalf("%d is %s=%s, want %+v", r.Offset, r.Key, r.Value, want)
				}
				if r.Offset < upto && newest[want.key] != r.Offset {
					rt.Fatalf("%d, %+v, is there, though compacted up to %d; the newest is %d", r.Offset, want, upto, newest[want.key])
				}
				next = r.Offset + 1
			}
			missing(l.Offset(logstore.LastStable))
			if failed := eventsOf[logstore.CompactionFailed](told); len(failed) > 0 {
				rt.Fatalf("%+v", failed)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"write": write, "write more": write, "write on": write,
			"end": func(rt *rapid.T) {
				id, commit := rapid.Int64Range(1, 2).Draw(rt, "producer"), rapid.Bool().Draw(rt, "commit")
				_, err := l.AppendMarker(logstore.Marker{ProducerID: id, Commit: commit}, 0)
				must(rt, err)
				all = append(all, keptRecord{})
				for _, i := range open[id] {
					all[i].committed, all[i].decided = commit, true
				}
				delete(open, id)
			},
			"compact": func(rt *rapid.T) {
				must(rt, l.Flush())
				s.Housekeep(clock.Now())
				must(rt, s.Checkpoint())
				s.Compact(clock.Now())
			},
			"wait": func(*rapid.T) { clock.add(2 * time.Second) },
			"open anew": func(rt *rapid.T) {
				must(rt, s.Close())
				s, err = logstore.Open("data", o)
				must(rt, err)
				l, err = s.Log(tp)
				must(rt, err)
			},
			"": check,
		})
		must(rt, s.Close())
		report, err := logstore.Check(o.FS, "data", logstore.CheckOptions{Deep: true})
		if err != nil || report.Faults() > 0 {
			rt.Fatalf("%v %v", err, slices.DeleteFunc(report.Findings, func(f logstore.Finding) bool { return f.Severity != logstore.Fault }))
		}
	})
}
