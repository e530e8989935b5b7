package api

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/logstore"
	"moldau/server/replica"
	"moldau/server/wire"
)

// fetching is one Fetch request under way. Its memory serves many requests:
// from the answer's last byte on it is free again.
type fetching struct {
	b       *Broker
	req     kmsg.FetchRequest
	resp    wire.FetchResponse
	answers []wire.FetchPartition // all topics' partitions, one behind the other
	reads   []reading             // one for each answer, until that is laid out
	conn    *wire.Conn

	session *fetchSession       // that the request goes on with, nil for none
	opens   bool                // it wants a new one
	rotated []*sessionPartition // for a moment

	aborted []logstore.AbortedTransaction // for a moment

	bytes int  // found by the last pass
	must  bool // answer without waiting: an error, or a diverging epoch

	seen   seenPartitions
	found  int   // of reads, have a partition
	held   int64 // bytes that this takes
	parked int64 // those of it that are reserved for the wait

	parkFunc func(context.Context) (wire.Response, error)
}

// reading is the read of one partition.
type reading struct {
	key       partitionKey
	asked     asking
	partition *replica.Partition // nil where there is none
	unknown   int16              // the error code of that
	log       *logstore.Log      // of the last pass, nil after an error
	seen      int64              // the bound that is read by, as the last pass saw it
	fetch     logstore.Fetch
	aborted   []wire.AbortedTransaction // of the last pass; its memory is reused
}

func newFetching(b *Broker) *fetching {
	f := &fetching{b: b, req: kmsg.NewFetchRequest()}
	f.parkFunc, f.resp.Release = f.park, f.recycle
	return f
}

// fetch reads batches. A request that finds less than it wants is parked.
func (b *Broker) fetch(_ context.Context, r *wire.Request) (wire.Reply, error) {
	f := b.fetchings.Get().(*fetching)
	f.conn = r.Conn
	err := r.Decode(&f.req)
	if err == nil {
		f.resp.Version, f.held = r.Version, r.DecodedBytes()
		err = f.begin(r)
	}
	f.letGo()
	if err != nil {
		f.recycle()
		return wire.Reply{}, err
	}
	if f.resp.ErrorCode != 0 {
		return wire.Reply{Response: &f.resp, HeldBytes: f.held}, nil
	}
	f.read()
	if f.enough() || f.req.MaxWaitMillis <= 0 || !f.reserveWait() {
		return wire.Reply{Response: f.answer(), HeldBytes: f.held}, nil
	}
	f.unpin()
	return wire.Reply{Park: f.parkFunc, HeldBytes: f.held}, nil
}

// letGo gives up what is not needed once the partitions are known. Tags that nobody knows
// lie in the frame, which is not counted any more when the handler has returned, and kmsg
// keeps those of earlier requests.
func (f *fetching) letGo() {
	clear(f.req.Topics)
	f.req.ForgottenTopics, f.req.UnknownTags, f.req.ReplicaState.UnknownTags = nil, kmsg.Tags{}, kmsg.Tags{}
}

// read makes one pass over the partitions. The first that has anything returns
// at least one batch, whatever the limits say: a consumer whose limit is below
// the next batch's size would hang there for ever.
func (f *fetching) read() {
	f.bytes, f.must = 0, false
	limit := min(int(f.req.MaxBytes), f.b.FetchBytesMax)
	for i := range f.reads {
		bytesMax := min(int(f.reads[i].asked.bytesMax), limit-f.bytes)
		f.bytes += f.readOne(&f.reads[i], &f.answers[i], max(bytesMax, 0))
	}
}

func (f *fetching) readOne(r *reading, answer *wire.FetchPartition, bytesMax int) (bytes int) {
	*answer = wire.FetchPartition{
		Partition: r.key.partition, HighWatermark: -1, LastStable: -1, LogStart: -1, PreferredReadReplica: -1,
	}
	r.log = nil
	if r.partition == nil {
		answer.ErrorCode = r.unknown
		return 0
	}
	log, _, err := r.partition.Lead(r.asked.leaderEpoch)
	if err == nil {
		answer.DivergingEpoch, err = diverging(r.partition, log, &r.asked)
	}
	if err == nil && answer.DivergingEpoch == nil {
		err = log.Read(&r.fetch, r.asked.offset, f.bound(), bytesMax, f.bytes == 0)
	}
	var aborted []wire.AbortedTransaction
	if err == nil && f.req.IsolationLevel == readCommitted {
		aborted, err = f.abortedIn(r, log)
	}
	if err != nil {
		r.fetch.Release()
		f.refuse(r, answer, err)
		return 0
	}
	if r.partition.Reads.Over() {
		f.b.Logger.Info("partition can be read again", "partition", r.partition.Name().String())
	}
	r.log, answer.Aborted = log, aborted
	if answer.DivergingEpoch != nil {
		f.must = true
		answer.HighWatermark, answer.LogStart = log.Offset(logstore.HighWatermark), log.StartOffset()
		answer.LastStable = min(log.Offset(logstore.LastStable), answer.HighWatermark)
	} else {
		answer.LastStable, answer.HighWatermark, answer.LogStart = r.fetch.LastStable, r.fetch.HighWatermark, r.fetch.Start
		answer.Records = &r.fetch
		bytes = r.fetch.Bytes
	}
	if r.seen = answer.HighWatermark; f.bound() == logstore.LastStable {
		r.seen = answer.LastStable
	}
	return bytes
}

// diverging compares what the client read last with what the log has: an epoch
// that ended before the client's offset tells that it read what was truncated.
func diverging(p *replica.Partition, log *logstore.Log, asked *asking) (*wire.EpochEnd, error) {
	if asked.lastEpoch < 0 {
		return nil, nil
	}
	epoch, end := p.EpochEnd(log, asked.lastEpoch)
	switch {
	case end < 0:
		return nil, logstore.ErrOffsetRange
	case epoch < asked.lastEpoch || end < asked.offset:
		return &wire.EpochEnd{Epoch: epoch, EndOffset: end}, nil
	}
	return nil, nil
}

// refuse fills the answer for a partition that could not be read.
func (f *fetching) refuse(r *reading, answer *wire.FetchPartition, err error) {
	f.must = true
	answer.ErrorCode = errorCode(err)
	switch answer.ErrorCode {
	case kerr.KafkaStorageError.Code:
		if !errors.Is(err, replica.ErrOffline) && r.partition.Reads.Begins() {
			f.b.Logger.Error("partition cannot be read", "partition", r.partition.Name().String(), "offset", r.asked.offset, "err", err)
		}
		if f.req.Version <= 5 {
			// Clients of that time do not know the error and would give up on it.
			answer.ErrorCode = kerr.NotLeaderForPartition.Code
		}
	case kerr.NotLeaderForPartition.Code, kerr.FencedLeaderEpoch.Code:
		if f.req.Version >= 16 {
			leader, epoch := r.partition.Leader()
			answer.CurrentLeader = &wire.LeaderEpoch{LeaderID: leader, Epoch: epoch}
			f.resp.NodeEndpoints = f.b.withEndpoint(f.resp.NodeEndpoints, f.conn, leader)
		}
	}
}

// enough tells whether there is what the client wants to wait for. Partitions
// that are unknown here do not cut a wait short, as little as in Kafka: until its
// metadata is new, a client asks for them again and again.
func (f *fetching) enough() bool {
	wanted := min(int(f.req.MinBytes), int(f.req.MaxBytes), f.b.FetchBytesMax)
	return f.must || f.bytes >= wanted || f.found == 0
}

// park waits for enough bytes, or the end of the client's patience. It watches
// the bound that it reads by, of every partition at once, and reads again when
// one of them moved: no partition is looked at while nothing happens.
func (f *fetching) park(ctx context.Context) (_ wire.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.recycle()
			panic(p) // the connection's to handle
		}
	}()
	patience := time.NewTimer(time.Duration(f.req.MaxWaitMillis) * time.Millisecond)
	defer patience.Stop()
	moved := logstore.NewWaiter()
	for waiting := true; waiting; {
		f.watch(moved)
		select {
		case <-moved.C:
		case <-patience.C:
			waiting = false
		case <-f.conn.Draining():
			waiting = false
		case <-ctx.Done():
			err = ctx.Err()
		}
		for i := range f.reads {
			if log := f.reads[i].log; log != nil {
				log.Unwatch(moved)
			}
		}
		if err != nil {
			f.recycle()
			return nil, err
		}
		f.unpin()
		f.read()
		if f.enough() {
			break
		}
	}
	resp := f.answer()
	f.b.errors.count(keyFetch, resp)
	return resp, nil
}

// watch has moved signalled when a partition has more to read. A log that
// failed never will, and would signal at once, again and again.
func (f *fetching) watch(moved *logstore.Waiter) {
	for i := range f.reads {
		if r := &f.reads[i]; r.log != nil && r.log.Err() == nil {
			r.log.Watch(f.bound(), r.seen, moved)
		}
	}
}

// unpin gives back what the last pass found.
func (f *fetching) unpin() {
	for i := range f.reads {
		f.answers[i].Records = nil
		f.reads[i].fetch.Release()
	}
}

// keptBytesMax is how much memory of one request is kept for the next.
const keptBytesMax = 1 << 20

// recycle gives back whatever the request still holds.
func (f *fetching) recycle() {
	f.b.parkedBytes.Add(-f.parked)
	f.parked, f.seen.places = 0, nil
	for i := range f.reads {
		f.reads[i].fetch.Release()
	}
	// What the next request does not say, because it is of an older version, stays
	// as it is here.
	f.req.SessionID, f.req.IsolationLevel = 0, 0
	if f.held > keptBytesMax {
		return
	}
	f.conn, f.session, f.opens, f.found = nil, nil, false, 0
	for i := range f.reads {
		r := &f.reads[i]
		r.key.topic, r.partition, r.log = topicKey{}, nil, nil
		if cap(r.aborted) > abortedMax {
			r.aborted = nil
		}
	}
	clear(f.answers)
	f.reads, f.answers = f.reads[:0], f.answers[:0]
	f.resp.ErrorCode, f.resp.SessionID, f.resp.Topics, f.resp.NodeEndpoints = 0, 0, f.resp.Topics[:0], nil
	f.b.fetchings.Put(f)
}

// grown is s with n elements, which keep the memory they have.
func grown[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return append(s[:cap(s)], make([]T, n-cap(s))...)
}
