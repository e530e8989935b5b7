package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore/record"
	"moldau/server/compat/topics"
)

// begun is an aborted transaction as Fetch names it.
type begun struct{ producerID, first int64 }

func (b begun) compare(o begun) int { return cmp.Compare(b.first, o.first) }

// stable is what a broker says of its committed records.
type stable struct {
	offset  int64
	aborted []begun // by first offset
	records int     // that a client sees
}

// fetchStable fetches all committed records, answer by answer.
func fetchStable(ctx context.Context, addr string) (s stable, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return s, err
	}
	defer cl.Close()
	listed, err := kadm.NewClient(cl).ListTopics(ctx, topic)
	if err != nil {
		return s, err
	}
	for next := int64(0); ; {
		p, err := topics.Fetch(ctx, cl, topics.Partition{Topic: topic, ID: listed[topic].ID}, next, topics.ReadCommitted)
		if err != nil {
			return s, err
		}
		s.offset = p.LastStableOffset
		for _, a := range p.AbortedTransactions {
			if b := (begun{a.ProducerID, a.FirstOffset}); !slices.Contains(s.aborted, b) {
				s.aborted = append(s.aborted, b)
			}
		}
		end, records := committed(p)
		s.records += records
		if end < 0 {
			slices.SortFunc(s.aborted, begun.compare)
			return s, nil
		}
		next = end
	}
}

// committed counts the records that a client takes from an answer, and says where
// it goes on, -1 for an answer without any batch.
func committed(p kmsg.FetchResponseTopicPartition) (end int64, records int) {
	end = -1
	aborted := map[int64]bool{}
	pending := slices.Clone(p.AbortedTransactions)
	for rest := p.RecordBatches; ; {
		b, tail, err := record.Next(rest)
		if err != nil {
			return end, records
		}
		pending = slices.DeleteFunc(pending, func(a kmsg.FetchResponseTopicPartitionAbortedTransaction) bool {
			if a.FirstOffset > b.LastOffset() {
				return false
			}
			aborted[a.ProducerID] = true
			return true
		})
		switch {
		case b.Control():
			delete(aborted, b.ProducerID()) // whatever it says, it ends it
		case !b.Transactional() || !aborted[b.ProducerID()]:
			records += int(b.Count())
		}
		end, rest = b.LastOffset()+1, tail
	}
}
