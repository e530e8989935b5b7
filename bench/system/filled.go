package system

import (
	"context"
	"fmt"

	"moldau/bench/client"
	"moldau/bench/result"
)

// Content is what a topic is filled with, by the replay client.
type Content struct {
	Partitions int
	Load       client.Load // Bytes, and the batches' shape
}

// Filled returns a topic with that content, which is filled when it is first asked
// for and stays as long as the system. A limit program has none.
func (s *System) Filled(ctx context.Context, cpus string, c Content) (string, error) {
	what := fmt.Sprintf("%+v", c)
	if topic := s.filled[what]; topic != "" || s.admin == nil {
		return topic, nil
	}
	topic, err := s.Create(ctx, Topic{Partitions: c.Partitions})
	if err != nil {
		return "", err
	}
	l := c.Load
	l.Kind, l.Topic, l.Partitions, l.PerRequest = client.Produce, topic, c.Partitions, c.Partitions
	_, o, err := s.Measure(ctx, cpus, l)
	if err == nil {
		err = s.KeptAll(ctx, topic, o)
	}
	if err != nil {
		return "", fmt.Errorf("filling a topic: %w", err)
	}
	s.filled[what] = topic
	return topic, nil
}

// Work measures a load: with a topic of its own, which is deleted afterwards,
// unless the load names one. Of a synced topic of Moldau's it tells how often the
// journal was cut meanwhile.
func (s *System) Work(ctx context.Context, cpus string, t Topic, l client.Load) (b result.Block, err error) {
	own := l.Topic == ""
	if own {
		if l.Topic, err = s.Create(ctx, t); err != nil {
			return b, err
		}
		l.Partitions = t.Partitions
	}
	begun, err := s.begin(ctx, cpus, t, l.Topic)
	if err != nil {
		return b, err
	}
	measure := s.Measure
	if t.Synced {
		measure = s.measureCuts
	}
	b, o, err := measure(ctx, cpus, l)
	if err != nil || !own {
		return b, err
	}
	o.More += begun
	if err := s.KeptAll(ctx, l.Topic, o); err != nil {
		return b, err
	}
	return b, s.Delete(ctx, l.Topic)
}

// begin writes so much to each partition that the next batches are not its first, and
// tells how many records. At its first index entry a broker that maps index files of
// full size has the system read all that it reads ahead, of both files: of a disk with
// 8 MiB that is 16 for each partition, once a segment. In a short block of many
// partitions that would be what is measured.
func (s *System) begin(ctx context.Context, cpus string, t Topic, topic string) (records int64, err error) {
	if !t.Begun {
		return 0, nil
	}
	const batches = 2 // the second of these has an entry
	o, err := client.Run(ctx, cpus, client.Load{Kind: client.Produce, Addr: s.Addr(), Trusts: s.certificate, Topic: topic, Partitions: t.Partitions, PerRequest: 1, Rounds: batches})
	if err != nil {
		return 0, fmt.Errorf("%s: first batches: %w", s.Name, err)
	}
	return o.Records, nil
}

// journalCuts is how often Moldau flushed logs so that its journal could go on.
const journalCuts = `moldau_journal_cuts_total{store="data"}`

// measureCuts is Measure that counts them.
func (s *System) measureCuts(ctx context.Context, cpus string, l client.Load) (result.Block, client.Outcome, error) {
	before, known, err := s.Counter(ctx, journalCuts)
	if err != nil {
		return result.Block{}, client.Outcome{}, err
	}
	b, o, err := s.Measure(ctx, cpus, l)
	if err != nil || !known {
		return b, o, err
	}
	after, _, err := s.Counter(ctx, journalCuts)
	b.Metrics[result.JournalCuts] = after - before
	return b, o, err
}
