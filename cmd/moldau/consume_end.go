package main

import (
	"context"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// quietTime is how long no record comes before the brokers are asked whether
	// there is one before the end. All is there from the start, so brokers wait
	// for more only half as long: the question comes behind the client's own
	// fetch, on the same connection.
	quietTime = 200 * time.Millisecond
	// lookBytes bounds what a broker answers. Batches without records have 61 bytes.
	lookBytes = 64 << 10
	// lookTimeout is how long it may take: a group cannot rebalance meanwhile.
	lookTimeout = 10 * time.Second
)

// pollUntilEnd has the client wait, with --until-end, as [reading.poll] does.
func pollUntilEnd(untilEnd bool) []kgo.Opt {
	if untilEnd {
		return []kgo.Opt{kgo.FetchMaxWait(quietTime / 2)}
	}
	return nil
}

// poll waits for records. With --until-end it waits for so long only, and the
// error in the fetches is then [context.Canceled].
func (r *reading) poll(ctx context.Context, client *kgo.Client) (fetches kgo.Fetches, quiet bool) {
	if !r.untilEnd {
		return client.PollFetches(ctx), false
	}
	pollCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(quietTime, cancel).Stop()
	fetches = client.PollFetches(pollCtx)
	return fetches, pollCtx.Err() != nil && ctx.Err() == nil
}

// look asks for the offset from which each span goes on. Where compaction has
// left a batch without its last records, or without any, that is behind it: the
// client steps over it as well, and tells nobody. Where there are records the
// span goes on where it is: the client is to bring them. It is to judge errors,
// too, which it meets as well: a span of which none is told is not returned.
func look(ctx context.Context, client *kgo.Client, topic string, spans map[int32]span) map[int32]span {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	m, err := kadm.NewClient(client).Metadata(ctx, topic)
	if err != nil {
		return nil
	}
	t := m.Topics[topic]
	byLeader := map[int32]*kmsg.FetchRequestTopic{}
	for p, sp := range spans {
		at, known := t.Partitions[p]
		if !known || at.Leader < 0 {
			continue
		}
		if byLeader[at.Leader] == nil {
			of := kmsg.NewFetchRequestTopic()
			of.Topic, of.TopicID = topic, t.ID
			byLeader[at.Leader] = &of
		}
		of := kmsg.NewFetchRequestTopicPartition()
		of.Partition, of.FetchOffset, of.PartitionMaxBytes = p, sp.from, lookBytes
		byLeader[at.Leader].Partitions = append(byLeader[at.Leader].Partitions, of)
	}
	ahead := map[int32]span{}
	for leader, of := range byLeader {
		req := kmsg.NewPtrFetchRequest()
		req.SessionEpoch, req.MaxBytes, req.Topics = -1, lookBytes, []kmsg.FetchRequestTopic{*of}
		answer, err := client.Broker(int(leader)).RetriableRequest(ctx, req)
		if err != nil {
			continue
		}
		for _, of := range answer.(*kmsg.FetchResponse).Topics {
			for _, of := range of.Partitions {
				if sp, asked := spans[of.Partition]; asked {
					sp.from = goesOn(&of, sp.from)
					ahead[of.Partition] = sp
				}
			}
		}
	}
	return ahead
}

// goesOn is where a partition goes on from an offset on.
func goesOn(answer *kmsg.FetchResponseTopicPartition, from int64) int64 {
	if kerr.ErrorForCode(answer.ErrorCode) != nil {
		return from
	}
	fp, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{KeepControlRecords: true, Offset: from},
		answer, kgo.DefaultDecompressor(), nil)
	if len(fp.Records) > 0 || fp.Err != nil {
		return from
	}
	return next
}

// skip takes over what look found, for the spans that are still where they were.
func (r *reading) skip(asked, ahead map[int32]span) {
	for p, to := range ahead {
		if sp, open := r.spans[p]; open && sp == asked[p] && to.from > sp.from {
			r.advance(p, sp, to.from, -1)
		}
	}
}

// look steps over what no record comes from. Spans may go meanwhile, but none
// comes from elsewhere: the client does not rebalance before [groupReading.follow]
// lets it.
func (g *groupReading) look(ctx context.Context, client *kgo.Client) {
	g.mu.Lock()
	asked := maps.Clone(g.spans)
	g.mu.Unlock()
	if len(asked) == 0 {
		return // nothing is assigned yet
	}
	ahead := look(ctx, client, g.topic, asked)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.skip(asked, ahead)
}
