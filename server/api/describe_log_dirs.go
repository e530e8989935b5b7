package api

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau/server/replica"
	"moldau/server/wire"
)

// describeLogDirs answers how large the logs are and how full the disk is.
func (b *Broker) describeLogDirs(_ context.Context, r *wire.Request) (wire.Reply, error) {
	req := kmsg.NewPtrDescribeLogDirsRequest()
	if err := r.Decode(req); err != nil {
		return wire.Reply{}, err
	}
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	resp.Version = r.Version
	dir := kmsg.NewDescribeLogDirsResponseDir()
	dir.Dir = b.LogDir
	total, usable, err := diskBytes(b.LogDir)
	if err != nil {
		dir.ErrorCode = errorCode(err)
		resp.Dirs = append(resp.Dirs, dir)
		return wire.Reply{Response: resp}, nil
	}
	dir.TotalBytes, dir.UsableBytes = total, usable
	if req.Topics == nil {
		for t := range b.Replicas.Topics {
			dir.Topics = appendLogSizes(dir.Topics, t, t.Partitions)
		}
		slices.SortFunc(dir.Topics, func(x, y kmsg.DescribeLogDirsResponseDirTopic) int { return strings.Compare(x.Topic, y.Topic) })
	}
	for i := range req.Topics {
		if t, ok := b.Replicas.Topic(req.Topics[i].Topic); ok {
			dir.Topics = appendLogSizes(dir.Topics, t, chosen(t, req.Topics[i].Partitions))
		}
	}
	resp.Dirs = append(resp.Dirs, dir)
	return wire.Reply{Response: resp}, nil
}

// chosen is each partition of t that numbers has, once.
func chosen(t *replica.Topic, numbers []int32) iter.Seq[*replica.Partition] {
	slices.Sort(numbers)
	return func(yield func(*replica.Partition) bool) {
		for _, n := range slices.Compact(numbers) {
			if p, ok := t.Partition(n); ok && !yield(p) {
				return
			}
		}
	}
}

// appendLogSizes adds a topic with those of its partitions that have a log
// here. A topic without any is left out, as Kafka does.
func appendLogSizes(dst []kmsg.DescribeLogDirsResponseDirTopic, t *replica.Topic, partitions iter.Seq[*replica.Partition]) []kmsg.DescribeLogDirsResponseDirTopic {
	topic := kmsg.NewDescribeLogDirsResponseDirTopic()
	topic.Topic = t.Name
	for p := range partitions {
		log, err := p.Local()
		if err != nil {
			continue
		}
		size := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		size.Partition, size.Size = p.Name().Partition, log.Bytes()
		topic.Partitions = append(topic.Partitions, size)
	}
	if len(topic.Partitions) == 0 {
		return dst
	}
	return append(dst, topic)
}
