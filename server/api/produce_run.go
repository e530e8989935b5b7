package api

import (
	"context"

	"moldau/logstore"
	"moldau/server/replica"
	"moldau/server/wire"
)

// joint is several Produce requests of one connection that are served together: what
// they have for one partition is appended at once, in their order. Its memory serves
// many runs.
type joint struct {
	productions []*production
	parts       []jointPart
	known       map[*replica.Partition]int // of parts
	appends     []logstore.LeaderAppend
}

// jointPart is what they have for one partition.
type jointPart struct {
	partition *replica.Partition
	batches   []jointBatch
}

// jointBatch is one request's batch.
type jointBatch struct {
	p       *production
	answer  *produced
	records []byte
}

// ServeRun serves Produce requests that arrived together. It ends before one that wants
// no answer: if that fails it ends the connection, and what is behind it is not to be
// appended. It is cheaper where several have something for the same partition.
func (b *Broker) ServeRun(ctx context.Context, rs []*wire.Request, replies []wire.Reply) (n int, cheaper bool, err error) {
	j := b.joints.Get().(*joint)
	defer b.recycle(j)
	for _, r := range rs {
		p := b.parse(r)
		if p == nil {
			break
		}
		if !p.joins() {
			if len(j.productions) == 0 {
				n, err = b.alone(p, r, replies)
				return n, false, err
			}
			p.req.LetGo()
			p.recycle()
			break
		}
		j.productions = append(j.productions, p)
	}
	switch len(j.productions) {
	case 0: // the first is to be refused
		reply, err := b.Serve(ctx, rs[0])
		if err != nil {
			return 0, false, err
		}
		replies[0] = reply
		return 1, false, nil
	case 1:
		n, err = b.alone(j.productions[0], rs[0], replies)
		return n, false, err
	}
	for i, p := range j.productions {
		p.joint = j
		p.appendAll(rs[i])
	}
	cheaper = j.append()
	for i, p := range j.productions {
		replies[i], _ = p.reply() // fails for acks=0 only
		b.errors.watch(keyProduce, &replies[i])
	}
	return len(j.productions), cheaper, nil
}

// parse makes a production of a request, nil of one that is to be refused.
func (b *Broker) parse(r *wire.Request) *production {
	if route := &table[keyProduce]; r.Version < route.decodes || r.Version > route.max {
		return nil
	}
	p, err := b.begin(r)
	if err != nil {
		return nil
	}
	return p
}

// joins tells that a production may be appended with others: each of its partitions
// takes memory then.
func (p *production) joins() bool {
	n := 0
	for i := range p.req.Topics {
		n += len(p.req.Topics[i].Partitions)
	}
	return p.req.Acks != acksNone && n <= waitingMax
}

// alone serves the first request of a run.
func (b *Broker) alone(p *production, r *wire.Request, replies []wire.Reply) (n int, err error) {
	p.appendAll(r)
	if replies[0], err = p.reply(); err != nil {
		return 0, err
	}
	b.errors.watch(keyProduce, &replies[0])
	return 1, nil
}

// add takes a batch for a partition.
func (j *joint) add(partition *replica.Partition, batch jointBatch) {
	i, ok := j.known[partition]
	if !ok {
		i = len(j.parts)
		j.known[partition] = i
		if i < cap(j.parts) {
			j.parts = j.parts[:i+1] // with the memory of its batches
		} else {
			j.parts = append(j.parts, jointPart{})
		}
		j.parts[i].partition = partition
	}
	j.parts[i].batches = append(j.parts[i].batches, batch)
}

// append appends all that was added, and fills the answers. It tells whether any came
// together.
func (j *joint) append() (together bool) {
	for i := range j.parts {
		part := &j.parts[i]
		together = together || len(part.batches) > 1
		j.appends = j.appends[:0]
		for _, b := range part.batches {
			j.appends = append(j.appends, logstore.LeaderAppend{Batches: b.records})
		}
		log := part.partition.AppendEach(j.appends)
		for k, b := range part.batches {
			a := &j.appends[k]
			b.p.appended(part.partition, b.answer, log, a.Appended, a.Err)
		}
		clear(j.appends)
	}
	return together
}

// recycle keeps a joint's memory for others, if it is not large.
func (b *Broker) recycle(j *joint) {
	if cap(j.parts) > waitingMax || cap(j.appends) > waitingMax {
		return
	}
	for i := range j.parts {
		part := &j.parts[i]
		clear(part.batches)
		part.partition, part.batches = nil, part.batches[:0]
	}
	clear(j.productions)
	clear(j.known)
	j.productions, j.parts = j.productions[:0], j.parts[:0]
	b.joints.Put(j)
}
