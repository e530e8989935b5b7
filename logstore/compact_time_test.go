package logstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"moldau/logstore"
	"moldau/logstore/record"
	"moldau/logstore/vfs"
)

// A segment of which compaction leaves nothing is as old as what was in it: were it
// as old as its file, all behind it would outlive retention.ms.
func TestRetentionBehindAnEmptiedSegment(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for _, fsys := range []vfs.FS{vfs.NewMem(), nil} {
		dir := "data"
		if fsys == nil {
			dir = t.TempDir()
		}
		c := logstore.DefaultConfig()
		c.Compact, c.Delete, c.RetentionMs, c.MinCleanableDirtyRatio = true, true, -1, 0
		c.SegmentBytes, c.SegmentMs = 400, 1<<50
		s, err := logstore.Open(dir, logstore.Options{FS: fsys, Clock: fixedClock(now), Manual: true, Log: c})
		must(t, err)
		l, err := s.OpenLog(tp)
		must(t, err)
		old := now.Add(-10 * 24 * time.Hour).UnixMilli()
		for i := range 12 { // the first of each segment and the others are overwritten in the fourth
			key := "k"
			if i > 6 {
				key = fmt.Sprint("u", i)
			}
			_, err := l.Append(t.Context(), record.Record{Key: []byte(key), Value: []byte(strings.Repeat("v", 100)), TimestampMs: old + int64(i)})
			must(t, err)
		}
		s.Housekeep(now)
		must(t, s.Checkpoint())
		if n := s.Compact(now); n != 1 || l.Segments()[0].Bytes != 0 {
			t.Fatalf("%d compacted: %+v", n, l.Segments())
		}
		for _, c.RetentionMs = range []int64{11 * 24 * 3600 * 1000, 7 * 24 * 3600 * 1000} {
			must(t, l.Configure(c))
			s.Housekeep(now)
			want := int64(0)
			if c.RetentionMs < now.UnixMilli()-old {
				want = 12
			}
			if l.StartOffset() != want {
				t.Errorf("the records are 10 days old, retention.ms is %d, and the log begins at %d: %+v", c.RetentionMs, l.StartOffset(), l.Segments())
			}
		}
		must(t, s.Close())
	}
}

// fixedClock is a time that does not pass.
type fixedClock time.Time

func (c fixedClock) Now() time.Time { return time.Time(c) }
