package logstore_test

import (
	"testing"
	"time"

	"moldau/logstore"
)

var compact = step{"compact", (*workload).compact}

// compactedConfig has tombstones and markers go a second after their first
// compaction.
func compactedConfig() logstore.Config {
	c := crashConfig()
	c.Compact, c.Delete, c.MinCleanableDirtyRatio, c.DeleteRetentionMs = true, false, 0, 1000
	c.SegmentMs = 1 << 50
	return c
}

var mergeable = configure("segment.bytes for several", func(c *logstore.Config) { c.SegmentBytes = 2000 })

func TestCrashAtEveryOperationOfACompaction(t *testing.T) {
	for name, script := range map[string][]step{
		"one segment at a time": {
			create(led, 1), produce(0, 4), lead(0, 4), compact, lead(0, 3), housekeep(2 * time.Second), compact, produce(1, 2), reopen, lead(1, 3), compact,
		},
		"several segments become one": {
			create(led, 1), produce(0, 4), lead(0, 6), mergeable, compact, lead(0, 8), housekeep(2 * time.Second), compact, reopen, lead(1, 8), compact,
		},
		"transactions": {
			create(led, 1), transact(led, 101, 2), transact(led, 102, 2), abort(led, 101), commit(led, 102), transact(led, 101, 1), lead(0, 1), abort(led, 101), lead(0, 2),
			compact, housekeep(2 * time.Second), transact(led, 101, 2), abort(led, 101), lead(0, 3), mergeable, compact, housekeep(2 * time.Second), lead(0, 9), compact,
		},
		"truncation, retention and deletes beside": {
			create(led, 1), create(followed, 2), lead(0, 6), follow(0, 0, 5, 10), compact, truncate(led, 11), lead(0, 3), advance(led, 5), compact,
			follow(1, 60, 70), configure("retention.bytes", func(c *logstore.Config) { c.Delete, c.RetentionBytes = true, 500 }), lead(0, 2), compact, deleteLog(followed),
			create(followed, 3), lead(0, 3), compact,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "one segment at a time" {
				crashEverywhere(t, compactedConfig(), script)
				return
			}
			t.Parallel()
			stopEverywhere(t, func() *workload { return newWorkload(t, compactedConfig()) }, script)
		})
	}
}
