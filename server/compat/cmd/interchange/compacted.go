package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau/server/compat/broker"
	"moldau/server/compat/topics"
)

// compactedHere takes a topic that Moldau has compacted to Kafka, whose cleaner goes
// on with it.
func (s *stage) compactedHere(ctx context.Context) error {
	step("Moldau is written to, and compacts")
	ours := s.moldau("compacted")
	eager := []string{"log.cleaner.backoff.ms=200", "log.cleaner.min.cleanable.ratio=0.01", "log.flush.offset.checkpoint.interval.ms=200"}
	cleaning := ours
	cleaning.Properties = append([]string{"node.id=1"}, eager...)
	w := &writer{addr: ours.Addr(), random: rand.New(rand.NewPCG(7, 8)), scale: 8}
	var produced int64
	err := visit(ctx, cleaning, func() error {
		err := errors.Join(topics.Create(ctx, ours.Addr(), compacted, 1, set("internal.segment.bytes", fmt.Sprint(32<<10*w.scale),
			"cleanup.policy", "compact", "min.compaction.lag.ms", "0")), w.compacted(ctx))
		if err != nil {
			return err
		}
		bounded, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if produced, err = endOf(bounded, ours.Addr(), compacted); err != nil {
			return err
		}
		return awaitCleaned(ctx, cleaning.LogDir(), produced/2)
	})
	if err != nil {
		return err
	}
	var before *holding
	var kept []consumed
	err = visit(ctx, ours, func() (err error) {
		if before, err = hold(ctx, ours.Addr()); err == nil {
			kept, err = consumeAll(ctx, ours.Addr(), compacted)
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("   holds: %d records of %d\n", len(kept), produced)
	s.compared++
	if len(kept) == 0 || int64(len(kept)) >= produced*9/10 {
		s.fault("%d of %d records are left: nothing was compacted", len(kept), produced)
	}

	step("moldau log export, by copy; Kafka starts there, and a consumer reads to the end")
	theirs := s.kafka("cleaned", quiet)
	if err := s.convert(ctx, "export", data(ours), "--to", data(theirs)); err != nil {
		return err
	}
	if err := s.dump(ctx, data(theirs)); err != nil {
		return err
	}
	err = visit(ctx, theirs, func() error {
		h, err := hold(ctx, theirs.Addr())
		if err != nil {
			return err
		}
		s.holds(h, before)
		got, err := consumeAll(ctx, theirs.Addr(), compacted)
		if err == nil {
			s.sameRecords(got, kept)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.cleanedOn(ctx, s.kafka("cleaned", eager...), kept)
}

// cleanedOn lets Kafka's cleaner go on where Moldau's was.
func (s *stage) cleanedOn(ctx context.Context, l broker.Launch, kept []consumed) error {
	step("more is written, and Kafka's cleaner goes over all of it")
	w := &writer{addr: l.Addr(), random: rand.New(rand.NewPCG(9, 10)), scale: 8}
	cleaned, err := cleanedUpTo(l.LogDir())
	if err != nil {
		return err
	}
	err = visit(ctx, l, func() error {
		if err := w.compacted(ctx); err != nil {
			return err
		}
		return awaitCleaned(ctx, l.LogDir(), max(cleaned, kept[len(kept)-1].offset))
	})
	if err != nil {
		return err
	}
	var all []consumed
	err = visit(ctx, s.kafka("cleaned", quiet), func() (err error) {
		all, err = consumeAll(ctx, l.Addr(), compacted)
		return err
	})
	if err != nil {
		return err
	}
	s.cleaned(all, kept)
	if err := s.dump(ctx, data(l)); err != nil {
		return err
	}
	return s.nothingSaid(l)
}

// cleaned tells whether what Kafka kept of what it was given is some of it, as it
// was, and whether no key is gone.
func (s *stage) cleaned(all, kept []consumed) {
	given, newest := map[int64]consumed{}, map[string]int64{}
	for _, r := range kept {
		given[r.offset], newest[r.key] = r, r.offset
	}
	boundary, left := kept[len(kept)-1].offset, 0
	for n, r := range all {
		s.compared++
		if newest[r.key] <= r.offset {
			delete(newest, r.key)
		}
		if n > 0 && r.offset <= all[n-1].offset {
			s.fault("offset %d comes behind %d", r.offset, all[n-1].offset)
		}
		if r.offset > boundary {
			continue
		}
		left++
		if given[r.offset] != r {
			s.fault("offset %d is %v, was %v", r.offset, r, given[r.offset])
		}
	}
	fmt.Printf("   of %d records %d are left, of those written since %d\n", len(kept), left, len(all)-left)
	for key, offset := range newest {
		s.fault("nothing is left of key %s, which had a record at offset %d", key, offset)
	}
	if left == 0 || left >= len(kept) {
		s.fault("Kafka's cleaner removed none, or all")
	}
}

// nothingSaid tells of complaints of logs and their cleaner in what a broker logged.
func (s *stage) nothingSaid(l broker.Launch) error {
	f, err := os.Open(l.LogFile())
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		complains := strings.Contains(line, " ERROR ") || strings.Contains(line, " WARN ")
		if complains && strings.Contains(line, "internals.log.") || strings.Contains(line, "uncleanable") {
			s.fault("Kafka says: %s", line)
		}
	}
	s.compared++
	return lines.Err()
}

// consumed is a record as a consumer gets it.
type consumed struct {
	offset, timestampMs int64
	key, value          string
	tombstone           bool
}

// consumeAll reads a topic of one partition to its end.
func consumeAll(ctx context.Context, addr, topic string) ([]consumed, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	end, err := endOf(ctx, addr, topic)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var records []consumed
	for len(records) == 0 || records[len(records)-1].offset < end-1 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("consume %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records = append(records, consumed{r.Offset, r.Timestamp.UnixMilli(), string(r.Key), string(r.Value), r.Value == nil})
		})
	}
	return records, nil
}

func (s *stage) sameRecords(got, want []consumed) {
	s.same("number of records", len(got), len(want))
	for n := range min(len(got), len(want)) {
		if got[n] != want[n] {
			s.fault("record %d is %v, was %v", n, got[n], want[n])
			return
		}
		s.compared++
	}
}

// endOf asks until there is an answer: a broker that just started may not lead yet.
func endOf(ctx context.Context, addr, topic string) (int64, error) {
	for {
		ends, err := topics.Ends(ctx, addr, topic)
		if err == nil {
			return ends[topic][0], nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return 0, errors.Join(context.Cause(ctx), err)
		}
	}
}

// awaitCleaned waits until the cleaner has come beyond an offset.
func awaitCleaned(ctx context.Context, logDir string, offset int64) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		at, err := cleanedUpTo(logDir)
		if err != nil || at > offset {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("cleaned up to %d, not beyond %d: %w", at, offset, context.Cause(ctx))
		}
	}
}

// cleanedUpTo is the first offset that was not cleaned, as the checkpoint says.
func cleanedUpTo(logDir string) (int64, error) {
	b, err := os.ReadFile(filepath.Join(logDir, "cleaner-offset-checkpoint"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	for line := range strings.Lines(string(b)) {
		if at, ok := strings.CutPrefix(line, compacted+" 0 "); ok {
			return strconv.ParseInt(strings.TrimSpace(at), 10, 64)
		}
	}
	return 0, err
}
