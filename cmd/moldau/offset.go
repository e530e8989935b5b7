package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// startKind is what --offset means.
type startKind uint8

const (
	startBeginning startKind = iota
	startEnd
	startOffset    // value is an offset
	startTimestamp // value is ms since 1970
)

// start is the value of --offset and --to: where to begin to consume.
type start struct {
	kind  startKind
	value int64
}

// parseStart reads the value of a flag.
func parseStart(flag, s string) (start, error) {
	switch s {
	case "beginning":
		return start{kind: startBeginning}, nil
	case "end":
		return start{kind: startEnd}, nil
	}
	if ms, ok := strings.CutPrefix(s, "@"); ok {
		if n, err := strconv.ParseInt(ms, 10, 64); err == nil && n >= 0 {
			return start{startTimestamp, n}, nil
		}
	} else if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return start{startOffset, n}, nil
	} else if t, err := time.Parse(time.RFC3339, s); err == nil && t.UnixMilli() >= 0 {
		return start{startTimestamp, t.UnixMilli()}, nil
	}
	return start{}, usageErrorf("%s is %q, want beginning, end, an offset, @milliseconds or a time as 2006-01-02T15:04:05Z", flag, s)
}

// place is an offset, and the partition's bounds.
type place struct{ start, at, end int64 }

// span is what to consume of a partition: from an offset on, and with
// --until-end up to but without another.
type span struct{ from, to int64 }

// places asks the broker which offsets a start means for the partitions. All
// are asked for before the first is used, so that "end" is one moment for all.
func (s start) places(ctx context.Context, admin *kadm.Client, topic string, partitions []int32) (map[int32]place, error) {
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("list start offsets: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	from := starts
	switch s.kind {
	case startEnd:
		from = ends
	case startTimestamp:
		if from, err = admin.ListOffsetsAfterMilli(ctx, s.value, topic); err != nil {
			return nil, fmt.Errorf("list offsets by time: %w", err)
		}
	}
	places := make(map[int32]place, len(partitions))
	for _, p := range partitions {
		var at [3]int64
		for i, listed := range []kadm.ListedOffsets{starts, from, ends} {
			o, ok := listed.Lookup(topic, p)
			if !ok {
				return nil, fmt.Errorf("broker lists no offsets of %s-%d", topic, p)
			}
			if o.Err != nil {
				return nil, fmt.Errorf("list offsets of %s-%d: %w", topic, p, brokerError(o.Err, ""))
			}
			at[i] = o.Offset
		}
		if s.kind == startOffset {
			at[1] = s.value
		}
		places[p] = place{at[0], at[1], at[2]}
	}
	return places, nil
}

// resolve tells which spans a start means for the partitions.
func (s start) resolve(ctx context.Context, admin *kadm.Client, topic string, partitions []int32) (map[int32]span, error) {
	places, err := s.places(ctx, admin, topic, partitions)
	if err != nil {
		return nil, err
	}
	spans := make(map[int32]span, len(places))
	for _, p := range partitions {
		in := places[p]
		// Kafka's consumers go to the end silently, and then seem to hang.
		if in.at < in.start || (in.at > in.end && s.kind == startOffset) {
			return nil, fmt.Errorf("offset %d of %s-%d is outside of %d to %d", in.at, topic, p, in.start, in.end)
		}
		spans[p] = span{from: in.at, to: in.end}
	}
	return spans, nil
}
