package topics

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Partition names one. Old versions of Fetch know topics by name, new ones by id.
type Partition struct {
	Topic  string
	ID     [16]byte
	Number int32
}

// Isolation levels of Fetch.
const (
	ReadUncommitted int8 = iota
	ReadCommitted
)

// Fetch asks a broker for what a partition has from an offset on, and returns the
// answer as it came. An error code of the partition is an error.
func Fetch(ctx context.Context, cl *kgo.Client, from Partition, offset int64, isolation int8) (kmsg.FetchResponseTopicPartition, error) {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = -1, 100, 1, 8<<20, isolation, -1
	t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	t.Topic, t.TopicID = from.Topic, from.ID
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = from.Number, offset, 8<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return kmsg.FetchResponseTopicPartition{}, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return kmsg.FetchResponseTopicPartition{}, fmt.Errorf("fetch from %d: %+v", offset, resp)
	}
	answer := resp.Topics[0].Partitions[0]
	return answer, kerr.ErrorForCode(answer.ErrorCode)
}
